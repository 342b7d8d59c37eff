/** Delivery: each flush hands pending frames to their cohorts; who lags reads from the history. */
import { performance } from 'node:perf_hooks';
import type { ProtocolVersion } from '../protocol/versions.ts';
import { joinV1, joinV2 } from './batch.ts';
import { type Cohort, Cohorts } from './cohort.ts';
import type { Connection } from './connection.ts';
import type { Counters } from './counters.ts';
import { FlushPace } from './flush-pace.ts';
import type { Frame, History } from './history.ts';

/** Most bytes that one step of catching up puts into a socket. */
const catchUpBytes = 64 * 1024;

const nobody: ReadonlySet<string> = new Set();

/** Limits of {@link Delivery}. */
export interface DeliveryLimits {
  readonly flushIntervalMs: number;
  /** Bytes that may wait in a socket before its connection is left to the history. */
  readonly maxBufferedBytes: number;
}

/** Owns the cohorts and decides when and how frames reach connections. */
export class Delivery {
  readonly #history: History;
  readonly #limits: DeliveryLimits;
  readonly #counters: Counters;
  readonly #cohorts = new Cohorts();
  readonly #pace: FlushPace;
  #dirty: Cohort[] = [];
  /** All stragglers: the next flush looks at them. */
  readonly #waiting = new Set<Connection>();
  /** Everything below this index was handed to every cohort. */
  #flushedTo = 0;
  #behind = 0;

  constructor(history: History, limits: DeliveryLimits, counters: Counters) {
    this.#history = history;
    this.#limits = limits;
    this.#counters = counters;
    this.#pace = new FlushPace(limits.flushIntervalMs, () => this.flush());
  }

  get cohorts(): number {
    return this.#cohorts.size;
  }

  /** Connections whose socket is full and that wait for it to drain. */
  get behind(): number {
    return this.#behind;
  }

  /** Current wait between flushes, in milliseconds; 0 while idle. */
  get flushIntervalMs(): number {
    return this.#pace.intervalMs;
  }

  /** The cohort of connections that have not subscribed to anything. */
  unsubscribed(version: ProtocolVersion): Cohort {
    return this.#cohorts.for(version, nobody);
  }

  /** Notes who wants a frame. Call {@link schedule} after a batch of them. */
  offer(frame: Frame): void {
    for (const cohort of this.#cohorts.interestedIn(frame.channel)) {
      if (cohort.pending.push(frame) === 1) this.#dirty.push(cohort);
    }
  }

  /** Flushes now if the server is idle, soon if it is busy. */
  schedule(): void {
    this.#pace.request();
  }

  /** Hands everything pending to the sockets. */
  flush(): void {
    const started = performance.now();
    const dirty = this.#dirty;
    this.#dirty = [];
    this.#flushedTo = this.#history.next;
    this.#counters.flushes++;
    const built = new Map<string, Buffer>();
    for (const cohort of dirty) this.#flushCohort(cohort, built);
    for (const connection of this.#waiting) this.catchUp(connection);
    this.#pace.flushed(performance.now() - started);
  }

  /** Takes in a new connection, which its cohort has not seen yet. */
  add(connection: Connection): void {
    this.#join(connection);
  }

  /**
   * Moves a connection to the cohort of its new subscriptions. What it is still owed of the ones
   * it keeps follows from the history; what it adds starts with the next event.
   */
  resubscribe(connection: Connection, subscriptions: ReadonlySet<string>): void {
    const old = connection.cohort;
    const isStraggler = old.stragglers.has(connection);
    this.#leave(connection);
    connection.cohort = this.#cohorts.for(connection.version, subscriptions);
    if (!isStraggler && this.#flushedTo === this.#history.next) return this.#join(connection);
    if (!isStraggler) connection.cursor = this.#flushedTo;
    connection.changedAt(this.#history.next, old.subscriptions);
    connection.cohort.stragglers.add(connection);
    this.#waiting.add(connection);
  }

  /** Takes a closed connection out of everything. */
  remove(connection: Connection): void {
    this.#waiting.delete(connection);
    if (connection.isBehind) this.#setBehind(connection, false);
    this.#leave(connection);
  }

  /**
   * Serves a straggler from its cursor, as far as its socket takes it. Called when the socket has
   * drained and at every flush.
   */
  catchUp(connection: Connection): void {
    if (connection.isClosing || (connection.isBehind && connection.bufferedBytes > 0)) return;
    if (connection.isBehind) this.#setBehind(connection, false);
    const end = Math.min(this.#flushedTo, this.#history.next);
    while (connection.cursor < end) {
      if (connection.cursor < this.#history.first) return connection.close('tooSlow');
      const frames = this.#nextFrames(connection, end);
      if (frames.length > 0 && !this.#send(connection, frames)) {
        return this.#setBehind(connection, true);
      }
    }
    // Its cohort may lack pending frames from before it came: it joins at the next flush.
    if (this.#flushedTo < connection.joinsAt) return;
    connection.caughtUp();
    this.#waiting.delete(connection);
    connection.cohort.stragglers.delete(connection);
    this.#join(connection);
  }

  stop(): void {
    this.#pace.stop();
  }

  #flushCohort(cohort: Cohort, built: Map<string, Buffer>): void {
    const frames = cohort.pending;
    if (frames.length === 0) return;
    cohort.pending = [];
    const shared = cohort.version === 'v2' ? this.#sharedBuffer(frames, built) : undefined;
    const { members } = cohort;
    // Backwards: a member that falls behind is swapped with one that was already served.
    for (let i = members.length - 1; i >= 0; i--) {
      const member = members[i] as Connection;
      const buffer = shared ?? joinV1(frames, member.takeSeq(frames.length));
      if (!this.#write(member, buffer, frames.length)) this.#fallBehind(member);
    }
  }

  /** Cohorts whose pending frames are the same share one buffer. */
  #sharedBuffer(frames: readonly Frame[], built: Map<string, Buffer>): Buffer {
    let key = '';
    for (const frame of frames) key += `${frame.index} `;
    let buffer = built.get(key);
    if (buffer === undefined) {
      buffer = joinV2(frames);
      built.set(key, buffer);
      this.#counters.buffersBuilt++;
    }
    return buffer;
  }

  /** Frames for a straggler from its cursor on; moves the cursor behind them. */
  #nextFrames(connection: Connection, end: number): Frame[] {
    const frames: Frame[] = [];
    let size = 0;
    while (connection.cursor < end && size < catchUpBytes) {
      const frame = this.#history.at(connection.cursor++);
      if (!connection.wants(frame)) continue;
      frames.push(frame);
      size += frame.bytes.length;
    }
    return frames;
  }

  #send(connection: Connection, frames: readonly Frame[]): boolean {
    const buffer =
      connection.version === 'v2'
        ? joinV2(frames)
        : joinV1(frames, connection.takeSeq(frames.length));
    this.#counters.buffersBuilt++;
    return this.#write(connection, buffer, frames.length);
  }

  #write(connection: Connection, buffer: Buffer, messages: number): boolean {
    this.#counters.socketWrites++;
    this.#counters.bytesWritten += buffer.length;
    this.#counters.messagesDelivered += messages;
    return connection.write(buffer) || connection.bufferedBytes <= this.#limits.maxBufferedBytes;
  }

  #fallBehind(connection: Connection): void {
    this.#counters.fellBehind++;
    this.#leaveMembers(connection);
    connection.cursor = this.#flushedTo;
    connection.cohort.stragglers.add(connection);
    this.#waiting.add(connection);
    this.#setBehind(connection, true);
  }

  #setBehind(connection: Connection, isBehind: boolean): void {
    connection.isBehind = isBehind;
    this.#behind += isBehind ? 1 : -1;
  }

  #join(connection: Connection): void {
    const { members } = connection.cohort;
    connection.memberIndex = members.push(connection) - 1;
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
