/** The worker processes of a load test, seen from the parent: messages out, reports in, deaths. */
import { type Child, type ChildExit, forkChild } from '../host/child.ts';
import type { NewestEvent } from './channel-book.ts';
import type { Assignment, FromWorker, ToWorker, WorkerReport } from './worker-messages.ts';

/** One worker, as far as the parent knows it. */
export interface WorkerState {
  /** Clients that it has to open. */
  readonly clients: number;
  readonly report: WorkerReport | undefined;
  /** Set when the process ended before it was told to. */
  readonly exit: ChildExit | undefined;
}

interface Worker {
  readonly child: Child;
  readonly clients: number;
  readonly heard: Set<FromWorker['kind']>;
  report: WorkerReport | undefined;
  newest: readonly NewestEvent[];
  exit: ChildExit | undefined;
}

/** Beside the sources stands worker.ts, beside the build worker.js. */
const workerEntry = new URL(
  `./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

/** Forks one process per element of `clientsPerWorker`. Disposing it ends them all. */
export class WorkerPool implements AsyncDisposable {
  readonly #workers: Worker[];
  readonly #waiting = new Set<() => void>();

  constructor(clientsPerWorker: readonly number[]) {
    this.#workers = clientsPerWorker.map((clients, index) => ({
      child: forkChild(workerEntry, {
        onMessage: (message) => this.#receive(this.#workers[index], message as FromWorker),
        onExit: (exit) => this.#exited(this.#workers[index], exit),
      }),
      clients,
      heard: new Set(),
      report: undefined,
      newest: [],
      exit: undefined,
    }));
  }

  /** Process ids of the workers that could be started. */
  get pids(): readonly number[] {
    return this.#workers.flatMap(({ child }) => child.pid ?? []);
  }

  /** All workers, those that died included. */
  states(): readonly WorkerState[] {
    return this.#workers;
  }

  /** Gives every worker its share. */
  start(assignment: Omit<Assignment, 'worker'>): void {
    for (const [worker, { child }] of this.#workers.entries()) {
      child.send({ kind: 'start', assignment: { ...assignment, worker } } satisfies ToWorker);
    }
  }

  send(message: ToWorker): void {
    for (const { child } of this.#workers) child.send(message);
  }

  /** Whether every living worker said `kind`. */
  allSaid(kind: FromWorker['kind']): boolean {
    return this.#workers.every(({ heard, exit }) => exit !== undefined || heard.has(kind));
  }

  /** Whether every living worker knows of all its clients whether they could connect. */
  allSettled(): boolean {
    return this.#workers.every(({ clients, report, exit }) => {
      if (exit !== undefined) return true;
      const { opened = 0, failed = 0 } = report?.connections ?? {};
      return opened + failed >= clients;
    });
  }

  /** The newest event of each channel that any worker saw. */
  newest(): NewestEvent[] {
    const byChannel = new Map<string, NewestEvent>();
    for (const event of this.#workers.flatMap(({ newest }) => newest)) {
      const known = byChannel.get(event.channel);
      if (known === undefined || event.offset > known.offset) byChannel.set(event.channel, event);
    }
    return [...byChannel.values()];
  }

  /** Waits until `done` holds, looking after every message; false when it did not come to that. */
  waitUntil(done: () => boolean, signal: AbortSignal, timeoutMs?: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = () => {
        this.#waiting.delete(look);
        signal.removeEventListener('abort', end);
        clearTimeout(timer);
        resolve(done());
      };
      const look = () => {
        if (done()) end();
      };
      const timer = timeoutMs === undefined ? undefined : setTimeout(end, timeoutMs);
      signal.addEventListener('abort', end);
      this.#waiting.add(look);
      if (signal.aborted) end();
      else look();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map(({ child }) => child[Symbol.asyncDispose]()));
  }

  #receive(worker: Worker | undefined, message: FromWorker): void {
    if (worker === undefined) return;
    if (message.kind === 'report' || message.kind === 'final') worker.report = message.report;
    else if (message.kind === 'newest') worker.newest = message.newest;
    worker.heard.add(message.kind);
    this.#look();
  }

  #exited(worker: Worker | undefined, exit: ChildExit): void {
    if (worker === undefined || worker.heard.has('final')) return;
    worker.exit = exit;
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
