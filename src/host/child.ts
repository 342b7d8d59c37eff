/** Child processes that run a module of odin's own, and their link to the parent. */
import { type ChildProcess, fork } from 'node:child_process';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

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
  /** A stream of bytes to and from the child, beside the link; the child's {@link parentPipe}. */
  readonly pipe: Duplex;
  /** Sends anything that can be cloned. False when the child is gone: nothing was sent. */
  send(message: unknown): boolean;
  /**
   * Sends a message with a socket, which stays open here too: destroy it when the child has said
   * that it has it. When the child is gone its exit is told, and nothing was sent.
   */
  sendSocket(message: unknown, socket: Socket): void;
  /** Ends it at once, whatever it does; its exit follows. */
  kill(): void;
}

/** What a process used so far. */
export interface ProcessUsage {
  /** CPU time of all threads, in milliseconds. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** A child's end of the link. */
export interface ParentLink {
  /** Sends anything that can be cloned. */
  send(message: unknown): void;
  usage(): ProcessUsage;
}

const maxStderrChars = 2_000;
const exitGraceMs = 1_000;
/** The pipe comes behind stdin, stdout, stderr and the link. */
const pipeDescriptor = 4;

/**
 * Runs `entry` in a process of its own, with flags for Node. The child must open
 * {@link parentLink}.
 */
export function forkChild(
  entry: URL,
  { onMessage, onExit }: ChildHandlers,
  nodeFlags: readonly string[] = [],
): Child {
  // The parent's Node flags (an inspector port, a test runner's loader) are not for the child.
  const child = fork(entry, [], {
    execArgv: [...nodeFlags],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
  });
  child.on('message', onMessage);
  const told = exitOf(child).then(onExit);
  // Without descriptors to be had there is neither a child nor a pipe.
  const pipe = (child.stdio?.[pipeDescriptor] ?? new Socket().destroy()) as Duplex;
  // A child that is gone breaks it; its exit is what gets reported.
  pipe.on('error', ignore);
  return {
    pid: child.pid,
    pipe,
    send(message) {
      if (!child.connected) return false;
      child.send(message as object, ignore);
      return true;
    },
    sendSocket(message, socket) {
      if (child.connected) child.send(message as object, socket, { keepOpen: true }, ignore);
    },
    kill: () => void child.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), exitGraceMs);
      await told;
      clearTimeout(timer);
    },
  };
}

/** Resolves when a child has ended, or could not be started. */
export async function exitOf(child: ChildProcess): Promise<ChildExit> {
  let stderr = '';
  const exited = Promise.withResolvers<ChildExit>();
  const stderrEnded = Promise.withResolvers<void>();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-maxStderrChars);
  });
  child.stderr?.on('close', () => stderrEnded.resolve());
  child.on('error', (error) => {
    if (child.pid !== undefined) return;
    exited.resolve({ code: null, signal: null, stderr: error.message });
  });
  // Not 'close': it never comes when the parent closed the link first.
  child.on('exit', async (code, signal) => {
    await stderrEnded.promise;
    exited.resolve({ code, signal, stderr: stderr.trim() });
  });
  return await exited.promise;
}

/**
 * Opens the link to the parent; throws when this process is no child of odin. The process ends
 * when the link does, so no child outlives its parent. Signals are left to the parent: a terminal
 * sends Ctrl-C to children too, and the parent still needs their results.
 */
export function parentLink(
  onMessage: (message: unknown, socket: Socket | undefined) => void,
): ParentLink {
  if (process.send === undefined) throw new Error('this module runs only as a child of odin');
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, ignore);
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message, handle) => onMessage(message, handle as Socket | undefined));
  // The parent may have gone while this process started.
  if (!process.connected) process.exit(0);
  return {
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, ignore);
    },
    usage() {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage.rss() };
    },
  };
}

/** The child's end of {@link Child.pipe}. */
export function parentPipe(): Duplex {
  return new Socket({ fd: pipeDescriptor, readable: true, writable: true });
}

function ignore(): void {}
