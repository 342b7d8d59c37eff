/** A command of the system, such as ssh, talked to over its standard input and output. */
import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ChildExit, exitOf } from './child.ts';

/** A started command. Disposing it closes its input, waits for its end and kills it after 500 ms. */
export interface Command extends AsyncDisposable {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  readonly input: Writable;
  readonly output: Readable;
  /** Resolves, never rejects, when it has ended or could not be started. */
  readonly ended: Promise<ChildExit>;
  /** Ends it at once. */
  kill(): void;
}

const exitGraceMs = 500;

/**
 * Starts a command in a process group of its own, so that Ctrl-C in the terminal does not reach it:
 * its end is for who started it to decide.
 */
export function startCommand([program, ...args]: readonly [string, ...string[]]): Command {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  // Whoever writes to a command that is gone learns of it by its end.
  child.stdin.on('error', () => undefined);
  const ended = exitOf(child);
  return {
    pid: child.pid,
    input: child.stdin,
    output: child.stdout,
    ended,
    kill: () => void child.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill('SIGKILL'), exitGraceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The command that starts this odin once more, with `args`. */
export function odinCommand(...args: readonly string[]): readonly [string, ...string[]] {
  // Beside the sources stands main.ts, beside the build main.js.
  const entry = `../main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`;
  return [process.execPath, fileURLToPath(new URL(entry, import.meta.url)), ...args];
}
