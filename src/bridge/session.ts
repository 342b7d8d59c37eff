/** One session of a bridge: from what the target holds to the first failure, or the end. */
import { isUtf8 } from 'node:buffer';
import { RemoteError } from '../base/errors.ts';
import type {
  Broker,
  BrokerRecord,
  Consumption,
  LostRange,
  PartitionBounds,
  Producer,
} from '../broker/broker.ts';
import { RecordsUnfit } from '../broker/send-failures.ts';
import type { Log } from '../host/log.ts';
import { batchLength, bytesOf, markedBatch, maxBatchRecords, type Waiting } from './batch.ts';
import { type CarryCounts, countOnce, type Fate, type LanePlace } from './carry-counts.ts';
import { type Lanes, lanesOf } from './lanes.ts';
import { findLastBatch, type LastBatch } from './last-batch.ts';
import { Places } from './places.ts';
import { reused, shrunk } from './source-changed.ts';
import { unlessStopped } from './stop.ts';
import { TargetFloor } from './target-floor.ts';
import { readTail, type Tail } from './target-tail.ts';

/** The source is paused while more waits: the size of what is under way is bounded by these. */
const maxWaitingRecords = 50_000;
const maxWaitingBytes = 32 * 1024 * 1024;
/** How often it is looked whether the source is there, and how long it may not be. */
const lookMs = 2_000;
const patienceMs = 20_000;
/** Skipped records that are logged, in one session; all are counted. */
const maxToldSkips = 20;

/** What a session works with. */
export interface SessionParts {
  readonly source: Broker;
  readonly target: Broker;
  /** The only producer of this bridge; it was opened before anything of the target was read. */
  readonly producer: Producer;
  /** What is carried; the source may have more in store. */
  readonly sourceTopics: readonly string[];
  readonly toTopic: (sourceTopic: string) => string;
  readonly counts: CarryCounts;
  /** Places that `counts` has; see `countOnce`. */
  readonly counted: Places;
  /** What records are that the target has already: of a process before this, or of this one. */
  readonly foundAs: 'present' | 'carried';
  readonly log: Log;
  /** Records of one send; fewer than usual to find the one that the target refuses. */
  readonly maxBatch: number;
  /** Whether the target is known to refuse the record from this place. */
  readonly isUnfit: (record: Waiting['source']) => boolean;
  /** Told of ranges once for each time the source tells. */
  readonly onLost: (range: LostRange) => void;
  /** Told of a batch with a record that the target will never take; then the session fails. */
  readonly onUnfit: (batch: readonly Waiting[]) => void;
  readonly signal: AbortSignal;
}

/**
 * Carries records. `odin bridge` is a chain of these, over processes and within one:
 *
 * Batches are sent one after the other, each when the target has confirmed the one before. So at
 * any moment everything that was sent before the newest batch is in the target, and what a killed
 * bridge leaves open is that batch only. Each record carries its place in the source, and some carry
 * the places that were settled before their batch. A new session first opens the producer under the
 * bridge's name: from then on nothing of a predecessor can arrive any more (Kafka ends its open
 * transaction; JetStream knows repeats by their id). Only then it reads the target's tail: what was
 * settled before the newest batch that shows there, and which records behind that are there. What
 * lies between those and is not there is sent first, alone; then everything up to the last of them
 * is settled, and the session reads the source from there on. A kill between a send and its answer
 * is no case of its own: the batch is there or it is not, whatever the sender heard. The order of a
 * key holds, as a key lives in one partition of the source, which is carried in its order.
 */
export class Session {
  /** Everything below has been carried, found, or skipped. */
  readonly settled: Places;
  readonly #parts: SessionParts;
  readonly #lanes: Lanes;
  readonly #floor: TargetFloor;
  readonly #topics: ReadonlySet<string>;
  /** Behind everything that was read: positions that come again are of other records. */
  readonly #read = new Places();
  /** Records under way. */
  #sending = 0;
  #consumption: Consumption | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #told = 0;
  #awayMs = 0;
  #failure: Error | undefined;
  #hasCaughtUp = false;
  #isHeld = false;
  #wake: () => void = () => {};

  private constructor(parts: SessionParts, lanes: Lanes, settled: Places) {
    this.#parts = parts;
    this.#lanes = lanes;
    this.#floor = new TargetFloor(parts.target);
    this.#topics = new Set(parts.sourceTopics);
    this.settled = settled;
  }

  /** Finds out how far the target is, and begins to read the source behind that. */
  static async open(parts: SessionParts): Promise<Session> {
    const { source, target, sourceTopics, signal, log } = parts;
    const { epoch } = source;
    const lanes = lanesOf(source, sourceTopics);
    const { settled, present } = await readTail(target, { epoch, lanes, log, signal });
    const session = new Session(parts, lanes, settled);
    const bounds = await source.bounds();
    await session.#finishBatch(present, bounds);
    await session.#start(bounds);
    log.info({ partitions: settled.all().length }, 'carrying');
    return session;
  }

  /** Records of the source that are not in the target. */
  get lag(): number {
    const unread = this.#consumption?.state().lagRecords ?? 0;
    return unread + this.#waiting.length + this.#sending;
  }

  /**
   * Carries until `signal` is aborted (then the batch under way has some time to finish), or with
   * `untilCaughtUp` until everything is carried that the source held at the start. Rejects when a
   * send fails, or does not come to its end in that time.
   */
  async run(untilCaughtUp: boolean): Promise<void> {
    const { signal } = this.#parts;
    const stop = () => this.#wake();
    signal.addEventListener('abort', stop);
    const looking = setInterval(() => this.#look(), lookMs);
    try {
      while (!signal.aborted) {
        if (this.#failure !== undefined) throw this.#failure;
        if (this.#waiting.length > 0) await this.#sendBatch();
        else if (untilCaughtUp && this.#hasCaughtUp) return;
        else await this.#somethingToDo();
      }
    } finally {
      clearInterval(looking);
      signal.removeEventListener('abort', stop);
      await this.#consumption?.[Symbol.asyncDispose]();
    }
  }

  /** A source that stays away may have come back as another one: the next session finds out. */
  #look(): void {
    const { connected = true, lastError } = this.#consumption?.state() ?? {};
    if (connected) this.#awayMs = 0;
    else this.#awayMs += lookMs;
    if (this.#awayMs < patienceMs) return;
    this.#failure ??= new RemoteError(`the source does not answer: ${lastError}`);
    this.#wake();
  }

  /** Sends what is missing among the records that are there already, and settles them all. */
  async #finishBatch(present: Tail['present'], bounds: readonly PartitionBounds[]): Promise<void> {
    const { source, signal, onLost, foundAs } = this.#parts;
    const { settled } = this;
    const where = { source, lanes: this.#lanes, settled, bounds, signal };
    const fates: (LanePlace & { readonly fate: Fate })[] = [];
    const ends: LastBatch[] = [];
    for (const places of present) {
      const { lane, partition } = places;
      const batch = await findLastBatch(places, where);
      const topic = this.#lanes.topicsOf(lane).length > 1 ? undefined : lane;
      for (const [from, to] of batch.gone) onLost({ topic, partition, from, to });
      for (const record of batch.missing) {
        const fate = this.#takeOne(record) === 'skip' ? 'skipped' : 'carried';
        fates.push({ lane, partition, offset: record.offset, fate });
      }
      for (const offset of places.offsets.keys()) {
        fates.push({ lane, partition, offset, fate: foundAs });
      }
      ends.push(batch);
    }
    const missing = this.#waiting;
    this.#waiting = [];
    const before = new Places();
    before.raiseAll(settled);
    for (let length = this.#batchLength(missing); length > 0; length = this.#batchLength(missing))
      await this.#send(missing.splice(0, length), before);
    for (const { lane, partition, end } of ends) settled.raise(lane, partition, end);
    for (const place of fates.toSorted((a, b) => a.offset - b.offset)) {
      countOnce(this.#parts, place, place.fate);
    }
  }

  async #start(bounds: readonly PartitionBounds[]): Promise<void> {
    const starts = new Map(
      bounds.map(({ topic, partition, low, high }) => {
        const next = this.settled.next(this.#lanes.of(topic), partition);
        if (next !== undefined && next > high) throw shrunk(topic, partition, high, next);
        return [`${topic}/${partition}`, next ?? low];
      }),
    );
    this.#consumption = await this.#parts.source.consume({
      lookbackMs: 0,
      // A partition that came into being since then is read from its first record.
      startAt: (topic, partition) => starts.get(`${topic}/${partition}`) ?? 0,
      onRecords: (records) => this.#take(records),
      onLost: this.#parts.onLost,
    });
    void this.#consumption.caughtUp.then(() => {
      this.#hasCaughtUp = true;
      this.#wake();
    });
  }

  #take(records: readonly BrokerRecord[]): void {
    if (this.#failure !== undefined) return;
    for (const record of records) {
      const { topic, partition, offset } = record;
      const lane = this.#lanes.of(topic);
      const next = this.#read.next(lane, partition) ?? this.settled.next(lane, partition) ?? 0;
      if (offset < next) {
        this.#failure = reused(record);
        break;
      }
      this.#read.raise(lane, partition, offset + 1);
      this.#takeOne(record);
    }
    const isFull = this.#waiting.length > maxWaitingRecords || this.#waitingBytes > maxWaitingBytes;
    if (isFull) this.#hold(true);
    this.#wake();
  }

  #takeOne(record: BrokerRecord): Waiting['fate'] {
    const { topic, partition, offset, key, value, timestampMs } = record;
    const source = { topic, partition, offset };
    if (!this.#topics.has(topic)) return this.#skip(source, 'it is in no topic of odin');
    if (key === undefined) return this.#skip(source, 'it has no key');
    if (!isUtf8(value)) return this.#skip(source, 'its value is no text');
    if (this.#parts.isUnfit(source)) return this.#skip(source, 'the target does not take it');
    const texts = { topic: this.#parts.toTopic(topic), key, value: value.toString() };
    this.#waiting.push({ source, fate: 'carry', timestampMs, ...texts });
    this.#waitingBytes += bytesOf(texts);
    return 'carry';
  }

  #skip(source: Waiting['source'], reason: string): 'skip' {
    const texts = { topic: '', key: '', value: '' };
    this.#waiting.push({ source, fate: 'skip', timestampMs: 0, ...texts });
    if (++this.#told <= maxToldSkips) {
      this.#parts.log.warn({ ...source, reason }, 'record is not carried');
    }
    return 'skip';
  }

  #batchLength(waiting: readonly Waiting[]): number {
    return batchLength(waiting, Math.min(this.#parts.maxBatch, maxBatchRecords));
  }

  async #sendBatch(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#batchLength(this.#waiting));
    const floor = await unlessStopped(this.#parts.signal, this.#floor.current());
    await this.#send(batch, this.settled, floor);
    for (const { source, fate } of batch) {
      const { topic, partition, offset } = source;
      const lane = this.#lanes.of(topic);
      this.settled.raise(lane, partition, offset + 1);
      const place = { lane, partition, offset };
      countOnce(this.#parts, place, fate === 'carry' ? 'carried' : 'skipped');
    }
    // A pause of Kafka throws away what was fetched: not one for every batch.
    if (this.#waiting.length < maxWaitingRecords / 4 && this.#waitingBytes < maxWaitingBytes / 4) {
      this.#hold(false);
    }
  }

  async #send(batch: readonly Waiting[], before: Places, floor?: Places): Promise<void> {
    const { producer, source, signal, onUnfit } = this.#parts;
    this.#sending = batch.length;
    for (const record of batch) this.#waitingBytes -= bytesOf(record);
    try {
      await unlessStopped(signal, producer.send(markedBatch(batch, source.epoch, before, floor)));
      this.#sending = 0;
    } catch (error) {
      if (error instanceof RecordsUnfit) onUnfit(batch);
      throw error;
    }
  }

  #hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld || this.#consumption === undefined) return;
    this.#isHeld = isHeld;
    if (isHeld) this.#consumption.pause();
    else this.#consumption.resume();
  }

  async #somethingToDo(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      const { signal } = this.#parts;
      if (signal.aborted) resolve();
    });
  }
}
