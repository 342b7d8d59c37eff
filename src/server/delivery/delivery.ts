/** Delivery: each flush hands pending frames to their cohorts; who lags reads from the history. */
import { performance } from 'node:perf_hooks';
import { cpuTimeMs } from '../../host/usage.ts';
import type { ProtocolVersion } from '../../protocol/versions.ts';
import type { Connection } from '../clients/connection.ts';
import { Deflater } from '../compression/deflater.ts';
import type { FlushContext } from '../compression/flush-context.ts';
import type { Audit } from '../reporting/audit.ts';
import type { Counters } from '../reporting/counters.ts';
import type { ThrottleSettings } from '../throttling/sparing.ts';
import { Throttle } from '../throttling/throttle.ts';
import { joinV1 } from './batch.ts';
import { CatchUp } from './catch-up.ts';
import type { Frame } from './channel.ts';
import { type Cohort, Cohorts } from './cohort.ts';
import { FlushBuffers } from './flush-buffers.ts';
import { FlushPace } from './flush-pace.ts';
import type { History } from './history.ts';
import { SocketWriter } from './socket-writer.ts';

/**
 * Members that a cohort needs for a context of its own, which costs it some 30 µs per flush. Smaller
 * ones share what was deflated for all.
 */
const minSharingContext = 16;

const nobody: ReadonlySet<string> = new Set();

/** Limits of {@link Delivery}. */
export interface DeliveryLimits {
  readonly flushIntervalMs: number;
  /** Bytes that may wait in a socket before its connection is left to the history. */
  readonly maxBufferedBytes: number;
  readonly throttle: ThrottleSettings;
  /** Flushes of fewer bytes are deflated only for cohorts with a context. */
  readonly compression: { readonly minBytes: number };
}

/** Owns the cohorts and decides when and how frames reach connections. */
export class Delivery {
  readonly #history: History;
  readonly #counters: Counters;
  readonly #cohorts = new Cohorts<Connection>();
  readonly #deflater: Deflater;
  readonly #writer: SocketWriter;
  readonly #catchUp: CatchUp;
  readonly #pace: FlushPace;
  /** Shards wait for each other where there are fewer cores, which is not what a flush takes. */
  readonly #flushClock: () => number;
  #dirty: Cohort<Connection>[] = [];
  /** Everything below this index was handed to every cohort. */
  #flushedTo = 0;
  #isObserving = false;

  /** The levels of those who lag. */
  readonly throttle: Throttle;

  constructor(
    history: History,
    limits: DeliveryLimits,
    counters: Counters,
    audit: Audit,
    nowMs = () => performance.now(),
    shards = 0,
  ) {
    this.#history = history;
    this.#counters = counters;
    this.#deflater = new Deflater(limits.compression.minBytes, counters);
    this.#writer = new SocketWriter(counters, limits.maxBufferedBytes);
    this.throttle = new Throttle(limits.throttle, history, counters, audit, nowMs);
    this.#catchUp = new CatchUp(history, this.throttle, this.#writer, counters);
    this.#flushClock = shards === 0 ? () => performance.now() : cpuTimeMs;
    this.#pace = new FlushPace(limits.flushIntervalMs, () => this.flush(), shards);
  }

  get cohorts(): number {
    return this.#cohorts.size;
  }

  /** Connections whose socket is full and that wait for it to drain. */
  get behind(): number {
    return this.#catchUp.behind;
  }

  /** See {@link Cohorts.subscriberCounter}. */
  subscriberCounter(): (channel: string) => number {
    return this.#cohorts.subscriberCounter();
  }

  /** Connections that are served from the history, or whose socket was full lately. */
  lagging(): ReadonlySet<Connection> {
    return new Set([...this.#catchUp.waiting, ...this.throttle.lagging]);
  }

  /** Current wait between flushes, in a shard from one to the next, in milliseconds; 0 while idle. */
  get flushIntervalMs(): number {
    return this.#pace.intervalMs;
  }

  /** Sets flushes further apart than the load alone would; 1 is as it was. */
  stretchFlushes(factor: number): void {
    this.#pace.stretch = factor;
  }

  /** The cohort of connections that have not subscribed to anything. */
  unsubscribed(version: ProtocolVersion, isDeflated = false): Cohort<Connection> {
    return this.#cohorts.for(version, nobody, isDeflated);
  }

  /** Notes who wants a frame. Call {@link schedule} after a batch of them. */
  offer(frame: Frame): void {
    this.#pace.offered(frame.takenMs);
    for (const cohort of this.#cohorts.interestedIn(frame.channel)) {
      this.#counters.deliveriesOffered += cohort.size;
      if (cohort.pending.push(frame) === 1) this.#dirty.push(cohort);
    }
  }

  /** Flushes now if the server is idle, soon if it is busy. */
  schedule(): void {
    this.#pace.request();
  }

  /** Hands everything pending to the sockets. */
  flush(): void {
    const started = this.#flushClock();
    const dirty = this.#dirty;
    this.#dirty = [];
    const flushedBefore = this.#flushedTo;
    this.#flushedTo = this.#history.next;
    this.#counters.flushes++;
    const buffers = new FlushBuffers(this.#deflater, this.#counters);
    for (const cohort of dirty) this.#flushCohort(cohort, buffers);
    for (const connection of this.#catchUp.waiting) this.catchUp(connection);
    this.#observe(flushedBefore);
    this.#pace.flushed(this.#flushClock() - started);
  }

  /** From now on flushes are of new events; before, they are of what the broker held. */
  startObserving(): void {
    this.#isObserving = true;
  }

  #observe(flushedBefore: number): void {
    if (!this.#isObserving) return;
    const { deliverySeconds, flushEvents } = this.#counters;
    const nowMs = Date.now();
    const first = Math.max(flushedBefore, this.#history.first);
    for (let index = first; index < this.#flushedTo; index++) {
      deliverySeconds.observe(Math.max(0, nowMs - this.#history.at(index).eventMs) / 1_000);
    }
    if (this.#flushedTo > flushedBefore) flushEvents.observe(this.#flushedTo - flushedBefore);
  }

  /** Takes in a new connection, which its cohort has not seen yet. */
  add(connection: Connection): void {
    this.#join(connection);
  }

  /**
   * Moves a connection to the cohort of its new subscriptions. What it is still owed of the ones
   * it keeps follows from the history; what it adds starts with the next event. `missed` goes
   * before all of that.
   */
  resubscribe(
    connection: Connection,
    subscriptions: ReadonlySet<string>,
    missed: readonly Frame[] = [],
  ): void {
    const old = connection.cohort;
    const isStraggler = old.stragglers.has(connection);
    this.#leave(connection);
    connection.cohort = this.#cohorts.for(
      connection.version,
      subscriptions,
      connection.deflating !== 'none',
    );
    const isLevel = !isStraggler && this.#flushedTo === this.#history.next;
    if (isLevel && missed.length === 0) return this.#join(connection);
    if (!isStraggler) connection.cursor = this.#flushedTo;
    if (!isLevel) connection.changedAt(this.#history.next, old.subscriptions);
    if (missed.length > 0) connection.missed = [...connection.missed, ...missed];
    connection.cohort.stragglers.add(connection);
    this.#catchUp.add(connection);
    if (missed.length > 0) this.catchUp(connection);
  }

  /** Frames from this history index on reach a connection by themselves, if it holds their channel. */
  servedFrom(connection: Connection): number {
    return connection.cohort.stragglers.has(connection) ? connection.cursor : this.#flushedTo;
  }

  /** Takes a closed connection out of everything. */
  remove(connection: Connection): void {
    this.#catchUp.remove(connection);
    this.throttle.forget(connection);
    this.#leave(connection);
  }

  /**
   * Serves a straggler from its cursor, as far as its socket takes it. Called when the socket has
   * drained and at every flush.
   */
  catchUp(connection: Connection): void {
    const end = Math.min(this.#flushedTo, this.#history.next);
    if (!this.#catchUp.serve(connection, end)) return;
    // Its cohort may lack pending frames from before it came: it joins at the next flush.
    if (this.#flushedTo < connection.joinsAt) return;
    connection.caughtUp();
    this.#catchUp.remove(connection);
    connection.cohort.stragglers.delete(connection);
    this.#join(connection);
  }

  stop(): void {
    this.#pace.stop();
    this.throttle.stop();
  }

  // Backwards: a member that falls behind is swapped with one that was already served.
  #flushCohort(cohort: Cohort<Connection>, buffers: FlushBuffers): void {
    const { pending: frames, members, context } = cohort;
    cohort.pending = [];
    if (frames.length === 0 || members.length === 0) return;
    if (cohort.version === 'v1') {
      for (let i = members.length - 1; i >= 0; i--) {
        const member = members[i] as Connection;
        this.#write(member, joinV1(frames, member.takeSeq(frames)), frames.length);
      }
    } else if (context !== undefined && members.length >= minSharingContext) {
      this.#flushInContext(members, frames, buffers.shared(frames), context);
    } else {
      // What is sent here enters the windows of the clients, but not the context.
      context?.reset();
      const shared = buffers.shared(frames);
      const buffer = context === undefined ? shared : buffers.deflated(frames);
      this.#counters.bytesSaved += members.length * (shared.length - buffer.length);
      for (let i = members.length - 1; i >= 0; i--) {
        this.#write(members[i] as Connection, buffer, frames.length);
      }
    }
  }

  #flushInContext(
    members: readonly Connection[],
    frames: readonly Frame[],
    shared: Buffer,
    context: FlushContext,
  ): void {
    const { start } = context;
    const flush = this.#deflater.inContext(shared, context);
    for (let i = members.length - 1; i >= 0; i--) {
      const member = members[i] as Connection;
      const buffer = member.contextFrom <= start ? flush.inContext : flush.alone();
      this.#counters.bytesSaved += Math.max(0, shared.length - buffer.length);
      this.#write(member, buffer, frames.length);
    }
  }

  #write(member: Connection, buffer: Buffer, messages: number): void {
    if (!this.#writer.write(member, buffer, messages)) this.#fallBehind(member);
  }

  #fallBehind(connection: Connection): void {
    this.#leaveMembers(connection);
    connection.cursor = this.#flushedTo;
    connection.cohort.stragglers.add(connection);
    this.#catchUp.fellBehind(connection);
  }

  #join(connection: Connection): void {
    const { members, context } = connection.cohort;
    connection.memberIndex = members.push(connection) - 1;
    // Whoever asked for messages that stand alone never has the context.
    const { deflating } = connection;
    const hasContext = context !== undefined && deflating === 'context';
    connection.contextFrom = hasContext ? context.position : Number.POSITIVE_INFINITY;
  }

  #leave(connection: Connection): void {
    if (!connection.cohort.stragglers.delete(connection)) this.#leaveMembers(connection);
    this.#cohorts.releaseIfEmpty(connection.cohort);
  }

  #leaveMembers(connection: Connection): void {
    const { members } = connection.cohort;
    const last = members.pop() as Connection;
    if (last === connection) return;
    members[connection.memberIndex] = last;
    last.memberIndex = connection.memberIndex;
  }
}
