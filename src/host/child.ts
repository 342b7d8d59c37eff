/** Child processes that run a module of odin's own, and their link to the parent. */
import { fork } from 'node:child_process';

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it wrote to stderr, at most {@link maxStderrChars} characters. */
  readonly stderr: string;
}

/** What {@link forkChild} calls. */
export interface ChildHandlers {
  readonly onMessage: (message: unknown) => void;
  /** Called once, also when the child could not be started. */
  readonly onExit: (exit: ChildExit) => void;
}

/** A running child. Disposing it closes the link, waits for its exit and kills it after 1 s. */
export interface Child extends AsyncDisposable {
  /** Undefined when the child could not be started. */
  readonly pid: number | undefined;
  /** Sends anything that can be cloned. False when the child is gone: nothing was sent. */
  send(message: unknown): boolean;
}

/** What a process used so far. */
export interface ProcessUsage {
  /** CPU time of all threads, in milliseconds. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** A child's end of the link. */
interface ParentLink {
  /** Sends anything that can be cloned. */
  send(message: unknown): void;
  usage(): ProcessUsage;
}

const maxStderrChars = 2_000;
const exitGraceMs = 1_000;

/** Runs `entry` in a process of its own. The child must open {@link parentLink}. */
export function forkChild(entry: URL, { onMessage, onExit }: ChildHandlers): Child {
  // The parent's Node flags (an inspector port, a test runner's loader) are not for the child.
  const child = fork(entry, [], {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  const exited = Promise.withResolvers<ChildExit>();
  const stderrEnded = Promise.withResolvers<void>();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-maxStderrChars);
  });
  child.stderr?.on('close', () => stderrEnded.resolve());
  child.on('message', onMessage);
  child.on('error', (error) => {
    if (child.pid !== undefined) return;
    exited.resolve({ code: null, signal: null, stderr: error.message });
  });
  // Not 'close': it never comes when the parent closed the link first.
  child.on('exit', async (code, signal) => {
    await stderrEnded.promise;
    exited.resolve({ code, signal, stderr: stderr.trim() });
  });
  const told = exited.promise.then(onExit);
  return {
    pid: child.pid,
    // A child may be gone before we are told; its exit is what gets reported.
    send: (message) => child.connected && child.send(message as object, () => undefined),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), exitGraceMs);
      await told;
      clearTimeout(timer);
    },
  };
}

/**
 * Opens the link to the parent; throws when this process is no child of odin. The process ends
 * when the link does, so no child outlives its parent. Signals are left to the parent: a terminal
 * sends Ctrl-C to children too, and the parent still needs their results.
 */
export function parentLink(onMessage: (message: unknown) => void): ParentLink {
  if (process.send === undefined) throw new Error('this module runs only as a child of odin');
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => undefined);
  process.on('disconnect', () => process.exit(0));
  process.on('message', onMessage);
  return {
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    usage() {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() };
    },
  };
}
