/** The built `odin` as a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('../../bin/odin.js', import.meta.url));

/** How a process ended. */
interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started process. Disposing it kills it if it still runs. */
export interface OdinProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first line of stdout or stderr that matches, or the nth; rejects when it ends before. */
  line(pattern: RegExp, nth?: number): Promise<string>;
}

interface SpawnOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** Which Node runs it; the one that runs the tests unless told otherwise. */
  readonly node?: string;
  readonly nodeOptions?: readonly string[];
}

/** Starts `odin <args>`, with nothing of the tests' environment that configures it. */
export function spawnOdin(args: readonly string[], options: SpawnOptions = {}): OdinProcess {
  const { env = {}, cwd, node = process.execPath, nodeOptions = [] } = options;
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(node, [...nodeOptions, binary, ...args], {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout!, child.stderr!]) {
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line);
      for (const look of waiting) look();
    });
  }
  const ended = collect(child);
  return {
    child,
    ended,
    line(pattern, nth = 1) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const look = () => {
        const found = lines.filter((line) => pattern.test(line))[nth - 1];
        if (found !== undefined) resolve(found);
      };
      waiting.add(look);
      look();
      ended.then(({ exitCode }) =>
        reject(new Error(`ended with ${exitCode}:\n${lines.join('\n')}`)),
      );
      return promise.finally(() => waiting.delete(look));
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}

async function collect(child: ChildProcess): Promise<Ended> {
  const text = { stdout: '', stderr: '' };
  child.stdout!.on('data', (chunk) => {
    text.stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    text.stderr += chunk;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, ...text };
}

/** Port in a log line of a server that listens. */
export function portOf(line: string): number {
  return Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
}

/** A Node on the path that is too old for odin; undefined when there is none. */
export const oldNode = (process.env['PATH'] ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .filter((path) => existsSync(path))
  .find(
    (path) =>
      Number(/^v(\d+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1]) < 22,
  );
