/** A real terminal of any size: a shell in tmux, with keys that are pressed and a screen to be read. */
import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Whether there is a tmux, which CI does not go without. */
export const hasTmux = findTmux();

/** The screen is looked at this often, and for so long, in milliseconds. */
const lookMs = 30;
const patienceMs = 60_000;
const prompt = 'ready$ ';

let opened = 0;

/** A shell on a terminal of its own. Disposing it ends whatever runs there. */
export class Tmux implements AsyncDisposable {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** With these variables and no others but PATH and HOME. */
  static async open(
    columns: number,
    rows: number,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Tmux> {
    await using failed = new AsyncDisposableStack();
    const tmux = failed.use(new Tmux(`odin-test-${process.pid}-${++opened}`));
    const { PATH = '', HOME = '' } = process.env;
    const all = { PATH, HOME, LANG: 'C.UTF-8', TERM: 'tmux-256color', PS1: prompt, ...env };
    const shell = ['env', '-i', ...Object.entries(all).map(([name, value]) => `${name}=${value}`)];
    const size = ['-x', String(columns), '-y', String(rows)];
    await tmux.#tmux(
      '-f',
      '/dev/null',
      'new-session',
      '-d',
      ...size,
      ...shell,
      'bash',
      '--norc',
      '--noprofile',
    );
    await tmux.shows(prompt.trim());
    failed.move();
    return tmux;
  }

  /** Types a line into the shell. */
  async type(line: string): Promise<void> {
    await this.#tmux('send-keys', '-l', line);
    await this.press('Enter');
  }

  /** Presses keys, by the names of tmux: `q`, `Down`, `C-c`. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** What is to be seen now, without spaces at the ends of rows. */
  async screen(): Promise<string> {
    return await this.#tmux('capture-pane', '-p');
  }

  /** Resolves with the screen when it is as wanted; fails with what is to be seen instead. */
  async until(isWanted: (screen: string) => boolean): Promise<string> {
    let screen = '';
    for (const endMs = performance.now() + patienceMs; performance.now() < endMs; ) {
      screen = await this.screen();
      if (isWanted(screen)) return screen;
      await sleep(lookMs);
    }
    throw new Error(`the screen never was as wanted (${isWanted}), but\n${screen}`);
  }

  /** Resolves with the screen when a text is on it. */
  async shows(text: string): Promise<string> {
    return await this.until((screen) => screen.includes(text)).catch((error: unknown) => {
      throw new Error(`no "${text}": ${String(error)}`);
    });
  }

  /** Whether a program has the screen, and whether the cursor shows. */
  async modes(): Promise<{ readonly isAlternate: boolean; readonly hasCursor: boolean }> {
    const text = await this.#tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}');
    const [alternate, cursor] = text.trim().split(' ');
    return { isAlternate: alternate === '1', hasCursor: cursor === '1' };
  }

  /** Process id of what the shell runs; it must be one. */
  async job(): Promise<number> {
    const shell = (await this.#tmux('display-message', '-p', '#{pane_pid}')).trim();
    return Number(readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server').catch(() => undefined);
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-L', this.#socket, ...args]);
    return stdout;
  }
}

function findTmux(): boolean {
  try {
    execFileSync('tmux', ['-V'], { stdio: 'ignore' });
    return true;
  } catch {
    const hint = 'They need tmux on the PATH.';
    if (process.env['CI'] !== undefined) throw new Error(`There is no tmux. ${hint}`);
    process.stderr.write(`\n*** No tmux: all tests that need one are SKIPPED. ***\n${hint}\n\n`);
    return false;
  }
}
