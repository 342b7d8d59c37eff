/** A load tester under comparison: what it is asked to do, how it is started, and what it said at its end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Clients that come evenly, subscribe to a channel, and stay. */
export interface Job {
  readonly url: string;
  readonly channel: string;
  /** Crowds come one after the other, with a pause of `pauseSeconds` between them. */
  readonly crowds: readonly { readonly clients: number; readonly seconds: number }[];
  readonly pauseSeconds: number;
  /** How long a client stays; of odin, from when all have come. */
  readonly staySeconds: number;
  /** How long a connection may take. */
  readonly connectTimeoutMs: number;
  /** An empty folder for what the tool writes. */
  readonly folder: string;
}

/** What a tool tells its user. */
export interface Outcome {
  /** `null` when it did not end by itself. */
  readonly exitCode: number | null;
  /** Whether there is a report of the whole run. */
  readonly hasReport: boolean;
  /** What went wrong, in the tool's own names, each with its count where it has one. */
  readonly complaints: readonly string[];
  /** What else its report has about what was received. */
  readonly figures: Readonly<Record<string, number>>;
}

/** A tool that is compared. */
export interface Tool {
  readonly name: string;
  readonly start: (job: Job) => Promise<Running>;
  readonly outcomeOf: (ended: Ended, job: Job) => Outcome;
}

/** What a process left behind. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
}

/** A tool at work; whatever it started is killed when disposed. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  /** To all its processes, as a terminal does. */
  signal(name: NodeJS.Signals): void;
  /** Resolves when it is over; after `limitMs`, it is ended. */
  ended(limitMs: number): Promise<Ended>;
}

/** Starts a program in a process group and with a home of its own. */
export function startTool(
  program: string,
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
  cleanUp: () => void = () => undefined,
): Running {
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    env: { ...process.env, HOME: folder, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(child, 'exit');
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const signal = (name: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, name);
  };
  return {
    pid: child.pid!,
    signal,
    ended: async (limitMs) => {
      using timer = new AbortTimer(limitMs);
      await Promise.race([exited, timer.over]);
      return { exitCode: child.exitCode, stdout };
    },
    [Symbol.asyncDispose]: async () => {
      signal('SIGKILL');
      await exited;
      cleanUp();
    },
  };
}

/** A wait that keeps nobody waiting once it is disposed. */
class AbortTimer implements Disposable {
  readonly #controller = new AbortController();
  readonly over: Promise<unknown>;

  constructor(ms: number) {
    const { signal } = this.#controller;
    this.over = delay(ms, undefined, { signal }).catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.#controller.abort();
  }
}

/** What clients send first. */
export function subscriptionTo(channel: string): string {
  return JSON.stringify({ type: 'subscribe', data: { channels: [channel] } });
}
