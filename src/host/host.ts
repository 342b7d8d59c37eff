/** Everything odin may take from the process it runs in. Tests pass their own. */
import { EventEmitter } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { Readable, Writable } from 'node:stream';
import { exitCodes } from '../base/errors.ts';
import { cannotRead, fileFault } from '../base/file-fault.ts';
import { type JobControl, processJobControl } from './job-control.ts';

/** An output that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** The process edge: nothing outside `host/` and `main.ts` touches `process`. */
export interface Host {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether output may be coloured: on a terminal that is not dumb, unless NO_COLOR is set (no-color.org). */
  readonly hasColor: boolean;
  /** Text of a file; undefined when there is none. Other failures throw, naming the flag `name`. */
  readonly readText: (path: string, name?: string) => Promise<string | undefined>;
  /** Opens a file as a stream; `-` is standard input. A missing file shows as an `error` event. */
  readonly openInput: (path: string) => Readable;
  /** Aborted on the first SIGINT, SIGTERM or SIGHUP; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Calls back at each SIGHUP, which aborts {@link signal} while nobody listens. */
  readonly onHangUp: (callback: () => void) => Disposable;
  /**
   * Calls back when standard output takes no more, but not because its reader has gone. While nobody
   * listens, that ends the process.
   */
  readonly onOutputFailure: (callback: (error: Error) => void) => Disposable;
  readonly jobControl: JobControl;
  /** What Ctrl-C does, for a view that got it as a key. */
  readonly interrupt: () => void;
}

/** A terminal and a wrapper such as npm both pass Ctrl-C on: that is one signal, not two. */
const sameSignalMs = 300;

/** Where POSIX systems have it. Without one, a process ends by `exit`, however long that takes. */
const shell = '/bin/sh';

/** How long a process that was told to stop, and is done, waits for what still runs in it. */
const lingerMs = 250;

/** The host of the real process. A second signal ends it at once, as it ends any program. */
export function processHost(): Host & Disposable {
  const stop = new AbortController();
  let abortedMs = 0;
  const abort = (name: NodeJS.Signals) => {
    if (!stop.signal.aborted) abortedMs = performance.now();
    else if (performance.now() - abortedMs > sameSignalMs) dieOf(name);
    stop.abort(name);
  };
  const dieOf = (name: NodeJS.Signals) => {
    process.off(name, abort);
    process.kill(process.pid, name);
  };
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, abort);
  const happenings = new EventEmitter<{ failure: [Error]; hangUp: [] }>();
  // A terminal that goes is told by the kernel, the shell and a wrapper, at any distance: none of
  // these is somebody who lost patience.
  const hangUp = () => {
    if (!happenings.emit('hangUp')) stop.abort('SIGHUP');
  };
  process.on('SIGHUP', hangUp);
  // Under an older Node, odin runs as a child of itself: it must not outlive the process that
  // people and supervisors know.
  process.channel?.unref();
  process.once('disconnect', () => stop.abort('SIGTERM'));
  const isDumb = process.env['TERM'] === 'dumb';
  // Keys come from nowhere any more when the terminal is gone, of which SIGHUP tells.
  if (process.stdin.isTTY) process.stdin.on('error', () => undefined);
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      // `odin … | head` closes our stdout, and a terminal may go: that is the reader's right. A full
      // disk is worth a word.
      // Lines of a log that find no room are lost and counted, which is no reason to stop serving.
      if (error.code === 'EPIPE' || output === process.stderr) return;
      if (error.code === 'EIO' && output.isTTY) return;
      if (!happenings.emit('failure', error)) endOf(error);
    });
  }
  return {
    argv: process.argv.slice(2),
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    hasColor: process.stderr.isTTY === true && !process.env['NO_COLOR'] && !isDumb,
    readText,
    openInput: (path) => (path === '-' ? process.stdin : createReadStream(path)),
    signal: stop.signal,
    onHangUp(callback) {
      happenings.on('hangUp', callback);
      return { [Symbol.dispose]: () => void happenings.off('hangUp', callback) };
    },
    onOutputFailure(callback) {
      happenings.on('failure', callback);
      return { [Symbol.dispose]: () => void happenings.off('failure', callback) };
    },
    jobControl: processJobControl(),
    interrupt: () => abort('SIGINT'),
    [Symbol.dispose]() {
      if (stop.signal.aborted) {
        setTimeout(endNow, lingerMs).unref();
        // The same signal may still come by another way: it is not to change how this ends. It would
        // when Node takes itself apart, and its handlers away, which it does unless told to exit.
        process.once('beforeExit', () => process.exit());
      } else {
        for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, abort);
        process.off('SIGHUP', hangUp);
      }
    },
  };
}

/**
 * Ends the process with its exit code, whatever still runs in it. Not by `exit`, which waits for what
 * the system was asked and does not answer, such as a name service: another program, which does
 * nothing, takes the place of this one.
 */
function endNow(): void {
  const code = Number(process.exitCode ?? exitCodes.ok);
  // A shell is there sooner than Node, and a signal that comes again has no time to end it. What is
  // not there (Node may have been replaced by a newer one while this ran) must not be executed.
  if (existsSync(shell)) process.execve?.(shell, [shell, '-c', `exit ${code}`], {});
  // Node before 22.15 cannot do that; on Windows nothing can.
  process.exit(code);
}

async function readText(path: string, name?: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cannotRead(path, error, name);
  }
}

function endOf(error: Error): never {
  const { reason, hint } = fileFault(error, '-', 'write');
  const advice = hint === undefined ? '' : `hint: ${hint}\n`;
  process.stderr.write(`error: cannot write the output: ${reason}\n${advice}`);
  process.exit(exitCodes.preflight);
}
