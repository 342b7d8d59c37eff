/** The worker processes of a load test, seen from the parent: messages out, reports in, deaths. */
import { type Child, type ChildExit, type ChildHandlers, forkChild } from '../../host/child.ts';
import type { NewestEvent } from '../delivery/channel-book.ts';
import type { WorkerShare } from '../plan/cast.ts';
import type { Target } from '../socket/target.ts';
import type { Assignment, FromWorker, ToWorker, WorkerReport } from './worker-messages.ts';

/** A running worker: a child of this process, or one of an agent's. */
export interface WorkerLink extends AsyncDisposable {
  /** Undefined when it runs elsewhere, or could not be started. */
  readonly pid: number | undefined;
  /** False when the worker is gone: nothing was sent. */
  send(message: ToWorker): boolean;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

/** The agent that a worker runs on. */
export interface WorkerAgent {
  readonly name: string;
  /** By how much the times of its workers may be wrong, in milliseconds. */
  readonly clockUncertaintyMs: number;
  /** Why it is gone; undefined while it is there. */
  readonly loss: string | undefined;
  /** When it was lost, in milliseconds after the start of the run. */
  readonly lostAfterMs: number;
}

/** Where a worker is to run, and with how many clients. */
export interface WorkerPlace extends WorkerShare {
  /** The server, as it is found from there. */
  readonly target: Target;
  /** How far the clock there is ahead of this machine's, in milliseconds. */
  readonly clockAheadMs: number;
  /** Undefined on this machine. */
  readonly agent: WorkerAgent | undefined;
  readonly launch: (handlers: ChildHandlers) => WorkerLink;
}

/** One worker, as far as the parent knows it. */
export interface WorkerState extends WorkerShare {
  /** Undefined when it runs on this machine. */
  readonly agent?: WorkerAgent | undefined;
  readonly report: WorkerReport | undefined;
  /** Set when the process ended before it was told to. */
  readonly exit: ChildExit | undefined;
}

type Mark = Pick<Extract<FromWorker, { kind: 'stage' }>, 'report' | 'lateMs'>;

interface Worker {
  readonly place: WorkerPlace;
  readonly link: WorkerLink;
  clients: number;
  readonly clientsByGroup: readonly number[];
  readonly agent: WorkerAgent | undefined;
  readonly heard: Set<FromWorker['kind']>;
  report: WorkerReport | undefined;
  /** How things stood at the begin of each stage, by its number. */
  readonly marks: (Mark | undefined)[];
  newest: readonly NewestEvent[];
  exit: ChildExit | undefined;
  /** Nobody waits for it any more: how it ends says nothing. */
  isGivenUp: boolean;
}

/** What a worker runs. Beside the sources stands worker.ts, beside the build worker.js. */
const workerEntry = new URL(
  `./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

/**
 * New objects get little room, in MiB: a worker that opens thousands of sockets would fill several
 * times as much with them before it looked which are to stay, and keep that memory.
 */
const workerFlags = ['--max-semi-space-size=4'];

/** Starts a worker on this machine. */
export function launchWorker(handlers: ChildHandlers): Child {
  return forkChild(workerEntry, handlers, workerFlags);
}

/** Launches one worker per place. Disposing it ends them all. */
export class WorkerPool implements AsyncDisposable {
  readonly #workers: Worker[];
  readonly #waiting = new Set<() => void>();

  constructor(places: readonly WorkerPlace[]) {
    this.#workers = places.map((place, index) => ({
      place,
      link: place.launch({
        onMessage: (message) => this.#receive(this.#workers[index], message as FromWorker),
        onExit: (exit) => this.#exited(this.#workers[index], exit),
      }),
      clients: place.clients,
      clientsByGroup: place.clientsByGroup,
      agent: place.agent,
      heard: new Set(),
      report: undefined,
      marks: [],
      newest: [],
      exit: undefined,
      isGivenUp: false,
    }));
  }

  /** Process ids of the workers that run on this machine. */
  get pids(): readonly number[] {
    return this.#workers.flatMap(({ link }) => link.pid ?? []);
  }

  /** All workers, those that died included. */
  states(): readonly WorkerState[] {
    return this.#workers;
  }

  /** All workers as they were when a stage began; one that did not tell, as it is now. */
  statesAt(stage: number): readonly WorkerState[] {
    return this.#workers.map(({ clients, clientsByGroup, agent, marks, report, exit }) => {
      const mark = marks[stage];
      const state = { clients, clientsByGroup, agent, report, exit };
      return mark === undefined ? state : { ...state, report: mark.report, exit: undefined };
    });
  }

  /** Whether every living worker told how things stood when a stage began. */
  allMarked(stage: number): boolean {
    return this.#workers.every(({ marks, exit }) => exit !== undefined || marks[stage]);
  }

  /** How much later than it was told to each worker began a stage, or ended the last one, in milliseconds. */
  lateMsAt(stage: number): number[] {
    return this.#workers.map(({ marks }) => Math.max(0, marks[stage]?.lateMs ?? 0));
  }

  /** Forgets how things stood when the stages before `stage` began. */
  forgetMarks(stage: number): void {
    for (const { marks } of this.#workers) marks.fill(undefined, 0, stage);
  }

  /** More clients have to come than was known at first: so many of each worker. */
  expect(clients: readonly number[]): void {
    for (const [index, worker] of this.#workers.entries()) worker.clients += clients[index] ?? 0;
  }

  /** Gives every worker its share. */
  start(config: Assignment['config']): void {
    const workers = this.#workers.length;
    for (const [worker, { link, place }] of this.#workers.entries()) {
      const { target, clockAheadMs } = place;
      const assignment = { config, worker, workers, target, clockAheadMs };
      link.send({ kind: 'start', assignment });
    }
  }

  send(message: ToWorker): void {
    for (const { link } of this.#workers) link.send(message);
  }

  /** Whether every living worker said `kind`. */
  allSaid(kind: FromWorker['kind']): boolean {
    return this.#workers.every(({ heard, exit }) => exit !== undefined || heard.has(kind));
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

  /**
   * Ends at once all that have not closed their sockets yet; that is no death to be reported. Returns
   * those whose last figures are missing.
   */
  giveUp(): readonly WorkerState[] {
    const late = this.#workers.filter(
      ({ heard, exit }) => exit === undefined && !heard.has('closed'),
    );
    for (const worker of late) {
      worker.isGivenUp = true;
      worker.link.kill();
    }
    return late.filter(({ heard }) => !heard.has('final'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map(({ link }) => link[Symbol.asyncDispose]()));
  }

  #receive(worker: Worker | undefined, message: FromWorker): void {
    if (worker === undefined) return;
    if ('report' in message) worker.report = message.report;
    if (message.kind === 'stage') worker.marks[message.stage] = message;
    else if (message.kind === 'newest') worker.newest = message.newest;
    worker.heard.add(message.kind);
    this.#look();
  }

  #exited(worker: Worker | undefined, exit: ChildExit): void {
    if (worker === undefined || worker.isGivenUp || worker.heard.has('final')) return;
    worker.exit = exit;
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
