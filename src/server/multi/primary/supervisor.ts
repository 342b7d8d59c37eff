/** Supervisor: keeps the shards of a node running, replaces those that end or fall silent. */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { ProcessError, RemoteError } from '../../../base/errors.ts';
import type { ChildExit } from '../../../host/child.ts';
import type { Log } from '../../../host/log.ts';
import type { DrainReason } from '../../clients/drain.ts';
import type { Feeds } from '../feed/feeds.ts';
import type { FromShard, ShardSetup, ToShard } from '../link/shard-messages.ts';
import { RestartPolicy } from './restart-policy.ts';
import { ShardProcess } from './shard-process.ts';

/** How often it is looked whether the shards have said anything, in milliseconds. */
const tickMs = 500;
/** A process that starts may be silent for so many times as long. */
const startPatience = 4;

/** What is done with what shards say, and when they come and go. */
export interface SupervisorHandlers {
  onMessage(shard: number, message: FromShard): void;
  /** A shard serves, or has room for more sockets on their way to it. */
  onRoom(): void;
  /** A process is gone; these sockets never got to it. Comes before its replacement. */
  onGone(shard: number, stranded: readonly Socket[]): void;
  /** There is a process for the shard again, which starts. */
  onStarted(shard: number): void;
  /** At each look at the shards. */
  onTick(): void;
  /** A shard ends again and again: the node gives up. */
  onFailed(error: Error): void;
}

/** Whom a question was for. */
export interface Addressees {
  readonly asked: ReadonlySet<number>;
  /** Those that have fallen silent, and were not even asked. */
  readonly silent: readonly number[];
}

/** What it runs with. */
export interface SupervisorParts {
  readonly shards: number;
  /** A shard that says nothing for so long is ended, in milliseconds. */
  readonly silenceMs: number;
  readonly setupOf: (shard: number) => ShardSetup;
  readonly feeds: Feeds;
  readonly log: Log;
}

interface Place {
  readonly shard: number;
  readonly policy: RestartPolicy;
  running: ShardProcess | undefined;
  retry: NodeJS.Timeout | undefined;
  restarts: number;
  startedMs: number;
  hasServed: boolean;
  readonly served: PromiseWithResolvers<void>;
  failure: { readonly message: string; readonly hint: string | undefined } | undefined;
}

/** One per node of mode multi. Disposing it ends the shards at once; {@link drain} comes before. */
export class Supervisor implements AsyncDisposable {
  readonly #parts: SupervisorParts;
  readonly #handlers: SupervisorHandlers;
  readonly #places: readonly Place[];
  readonly #tick: NodeJS.Timeout;
  readonly #drained = new Set<number>();
  #onDrained: (() => void) | undefined;
  #openAt: (() => number) | undefined;
  #isLeaving = false;
  /** Shards end since they are told to. */
  #isEnding = false;

  constructor(parts: SupervisorParts, handlers: SupervisorHandlers) {
    this.#parts = parts;
    this.#handlers = handlers;
    this.#places = Array.from({ length: parts.shards }, (_, shard) => ({
      ...{ shard, policy: new RestartPolicy(), running: undefined, retry: undefined },
      ...{ restarts: 0, startedMs: 0, hasServed: false, failure: undefined },
      served: Promise.withResolvers<void>(),
    }));
    this.#tick = setInterval(() => this.#look(), tickMs);
  }

  /** Starts all shards. */
  start(): void {
    for (const place of this.#places) this.#start(place);
  }

  /** The node is warm: shards may serve as soon as they have what it has, `index()` in its history. */
  open(index: () => number): void {
    this.#openAt = index;
    for (const { running } of this.#places) running?.open(index);
  }

  /** The process of a shard, if it has one now. */
  processOf(shard: number): ShardProcess | undefined {
    return this.#places[shard]?.running;
  }

  /** Processes of a shard that replaced another. */
  restartsOf(shard: number): number {
    return this.#places[shard]?.restarts ?? 0;
  }

  /** The shards that take clients. */
  serving(): number[] {
    return this.#places.flatMap(({ shard, running }) =>
      running?.state === 'serving' ? [shard] : [],
    );
  }

  /** Whether any shard takes clients. */
  get isServing(): boolean {
    return this.#places.some(({ running }) => running?.state === 'serving');
  }

  /** Resolves when every shard has served. */
  async allServing(): Promise<void> {
    await Promise.all(this.#places.map(({ served }) => served.promise));
  }

  /** Tells every shard that there is. */
  send(message: ToShard): void {
    for (const { running } of this.#places) running?.send(message);
  }

  /** The same to those that have clients and answer at all: a frozen one would keep everybody waiting. */
  ask(message: ToShard): Addressees {
    const withClients = this.#places.filter(({ running }) => running?.hasClients === true);
    const asked = withClients.filter(({ running }) => running?.isResponsive === true);
    for (const { running } of asked) running?.send(message);
    const numbers = (places: readonly Place[]) => places.map(({ shard }) => shard);
    const silent = numbers(withClients.filter((place) => !asked.includes(place)));
    return { asked: new Set(numbers(asked)), silent };
  }

  /** Has every shard let its clients go; resolves when they have, or after `budgetMs` and a little. */
  async drain(reason: DrainReason, budgetMs: number): Promise<void> {
    this.#isLeaving = true;
    const done = Promise.withResolvers<void>();
    this.#onDrained = () => {
      const isDone = ({ shard, running }: Place) =>
        running === undefined || this.#drained.has(shard);
      if (this.#places.every(isDone)) done.resolve();
    };
    for (const { running, retry } of this.#places) {
      clearTimeout(retry);
      if (running?.state === 'starting') running.kill();
      else running?.drain({ kind: 'drain', reason });
    }
    // A frozen shard lets nobody go; the others end their drains themselves, just about now.
    const timers = [
      setTimeout(() => this.#killSilent(), Math.max(0, budgetMs - tickMs)),
      setTimeout(done.resolve, budgetMs + tickMs),
    ];
    this.#onDrained();
    await done.promise;
    for (const timer of timers) clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isLeaving = true;
    this.#isEnding = true;
    clearInterval(this.#tick);
    for (const { retry } of this.#places) clearTimeout(retry);
    await Promise.all(this.#places.map(({ running }) => running?.[Symbol.asyncDispose]()));
  }

  #killSilent(): void {
    for (const { shard, running } of this.#places) {
      if (running !== undefined && !running.isResponsive && !this.#drained.has(shard))
        running.kill();
    }
  }

  #start(place: Place): void {
    const { shard } = place;
    const { feeds, log, setupOf } = this.#parts;
    place.startedMs = performance.now();
    place.failure = undefined;
    place.running = new ShardProcess(() => setupOf(shard), feeds, {
      onMessage: (message) => this.#receive(place, message),
      onServing: () => {
        place.hasServed = true;
        place.served.resolve();
        const tookMs = Math.round(performance.now() - place.startedMs);
        log.info({ shard, pid: place.running?.pid, tookMs }, 'shard serves');
        this.#handlers.onRoom();
      },
      onTaken: () => this.#handlers.onRoom(),
      onStuck: (count) => log.warn({ shard, count }, 'shard never got sockets: they are closed'),
      onOvertaken: () => {
        log.error({ shard, pid: place.running?.pid }, 'shard is behind the history: it is ended');
      },
      onExit: (exit, stranded) => this.#exited(place, exit, stranded),
    });
    this.#handlers.onStarted(shard);
    if (this.#openAt !== undefined) place.running.open(this.#openAt);
  }

  #receive(place: Place, message: FromShard): void {
    if (message.kind === 'failed') {
      const { message: text, hint } = message;
      place.failure = { message: text, hint };
      place.running?.kill();
    } else if (message.kind === 'drained') this.#drained.add(place.shard);
    this.#handlers.onMessage(place.shard, message);
    if (message.kind === 'drained') this.#onDrained?.();
  }

  #exited(place: Place, { code, signal, stderr }: ChildExit, stranded: readonly Socket[]): void {
    const { shard, running, failure } = place;
    place.running = undefined;
    const why = { ...(failure && { reason: failure.message }), ...(stderr !== '' && { stderr }) };
    const fields = { shard, pid: running?.pid, code, signal, ...why };
    if (!this.#isEnding && !this.#drained.has(shard)) this.#parts.log.error(fields, 'shard ended');
    this.#handlers.onGone(shard, stranded);
    this.#onDrained?.();
    if (this.#isLeaving) return;
    // What keeps a shard from its first start will keep it from the next.
    const isHopeless = failure !== undefined && !place.hasServed;
    const next = isHopeless
      ? 'giveUp'
      : place.policy.exited(performance.now(), running?.servingSinceMs);
    if (next === 'giveUp') {
      const last = failure?.message ?? (stderr || `code ${code}, signal ${signal}`);
      const what = isHopeless ? '' : ' ended again and again; the last time';
      return this.#handlers.onFailed(giveUp(`shard ${shard}${what}: ${last}`, failure?.hint));
    }
    place.retry = setTimeout(() => {
      place.restarts++;
      this.#start(place);
    }, next.retryInMs);
  }

  /** Counts looks, not time: when this process was stopped itself, the shards are not to blame. */
  #look(): void {
    const { silenceMs, log } = this.#parts;
    for (const { shard, running } of this.#places) {
      if (running === undefined) continue;
      running.tick();
      const patience = running.state === 'starting' ? startPatience : 1;
      if (running.silentTicks * tickMs <= silenceMs * patience) continue;
      log.error({ shard, pid: running.pid, silenceMs }, 'shard is silent: it is ended');
      running.kill();
    }
    this.#handlers.onTick();
  }
}

function giveUp(message: string, hint: string | undefined): Error {
  if (hint !== undefined) return new RemoteError(message, { hint });
  return new ProcessError(message, {
    hint: 'the log says more; --mode single serves without shards',
  });
}
