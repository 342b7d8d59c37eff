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
import type { Log } from '../host/log.ts';
import { batchLength, bytesOf, markedBatch, maxBatchRecords, type Waiting } from './batch.ts';
import type { CarryCounts } from './carry-counts.ts';
import { inOrder, type Lanes, lanesOf } from './lanes.ts';
import { Places } from './places.ts';
import { readRange } from './range.ts';
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
  readonly log: Log;
  /** Records of one send; fewer than usual to find the one that the target refuses. */
  readonly maxBatch: number;
  /** Whether the target is known to refuse the record from this place. */
  readonly isUnfit: (record: Waiting['source']) => boolean;
  /** Told of ranges once for each time the source tells. */
  readonly onLost: (range: LostRange) => void;
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
  /** The batch under way, or the one that failed. */
  batch: readonly Waiting[] = [];
  readonly #parts: SessionParts;
  readonly #lanes: Lanes;
  readonly #topics: ReadonlySet<string>;
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
    this.#topics = new Set(parts.sourceTopics);
    this.settled = settled;
  }

  /** Finds out how far the target is, and begins to read the source behind that. */
  static async open(parts: SessionParts): Promise<Session> {
    const { source, target, sourceTopics, signal, log } = parts;
    const { epoch } = source;
    const lanes = lanesOf(source, sourceTopics);
    const { settled, present } = await readTail(target, { epoch, lanes, signal });
    const session = new Session(parts, lanes, settled);
    const bounds = await source.bounds();
    await session.#finishBatch(present, bounds);
    await session.#read(bounds);
    log.info({ partitions: settled.all().length }, 'carrying');
    return session;
  }

  /** Records of the source that are not in the target. */
  get lag(): number {
    const unread = this.#consumption?.state().lagRecords ?? 0;
    return unread + this.#waiting.length + this.batch.length;
  }

  /**
   * Carries until `signal` is aborted (then the batch under way is finished), or with `untilCaughtUp`
   * until everything is carried that the source held at the start. Rejects when a send fails.
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
    const { source, signal, counts } = this.#parts;
    for (const { lane, partition, offsets } of present) {
      const records: BrokerRecord[] = [];
      for (const topic of this.#lanes.topicsOf(lane)) {
        const low = boundsOf(bounds, topic, partition)?.low ?? 0;
        const from = this.settled.next(lane, partition) ?? low;
        const range = { topic, partition, from, to: Math.max(...offsets) + 1 };
        records.push(...(await readRange(source, range, signal)));
      }
      for (const record of inOrder(records)) if (!offsets.has(record.offset)) this.#takeOne(record);
      counts.present += offsets.size;
    }
    const missing = this.#waiting;
    this.#waiting = [];
    const before = new Places();
    before.raiseAll(this.settled);
    while (missing.length > 0) {
      this.#waiting = missing.splice(0, this.#batchLength(missing));
      await this.#sendBatch(before);
    }
    for (const { lane, partition, offsets } of present) {
      this.settled.raise(lane, partition, Math.max(...offsets) + 1);
    }
  }

  async #read(bounds: readonly PartitionBounds[]): Promise<void> {
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
    for (const record of records) this.#takeOne(record);
    if (this.#isFull()) this.#hold(true);
    this.#wake();
  }

  #takeOne(record: BrokerRecord): void {
    const { topic, partition, offset, key, value, timestampMs } = record;
    if (offset < (this.settled.next(this.#lanes.of(topic), partition) ?? 0)) return;
    const source = { topic, partition, offset };
    if (!this.#topics.has(topic)) return this.#skip(source, 'it is in no topic of odin');
    if (key === undefined) return this.#skip(source, 'it has no key');
    if (!isUtf8(value)) return this.#skip(source, 'its value is no text');
    if (this.#parts.isUnfit(source)) return this.#skip(source, 'the target does not take it');
    const texts = { topic: this.#parts.toTopic(topic), key, value: value.toString() };
    this.#waiting.push({ source, fate: 'carry', timestampMs, ...texts });
    this.#waitingBytes += bytesOf(texts);
  }

  #skip(source: Waiting['source'], reason: string): void {
    const texts = { topic: '', key: '', value: '' };
    this.#waiting.push({ source, fate: 'skip', timestampMs: 0, ...texts });
    if (++this.#told > maxToldSkips) return;
    this.#parts.log.warn({ ...source, reason }, 'record is not carried');
  }

  #batchLength(waiting: readonly Waiting[]): number {
    return batchLength(waiting, Math.min(this.#parts.maxBatch, maxBatchRecords));
  }

  async #sendBatch(before = this.settled): Promise<void> {
    const { producer, source, counts } = this.#parts;
    const length = this.#batchLength(this.#waiting);
    this.batch = this.#waiting.slice(0, length);
    this.#waiting = this.#waiting.slice(length);
    for (const record of this.batch) this.#waitingBytes -= bytesOf(record);
    await producer.send(markedBatch(this.batch, source.epoch, before));
    for (const { source: place, fate } of this.batch) {
      this.settled.raise(this.#lanes.of(place.topic), place.partition, place.offset + 1);
      if (fate === 'carry') counts.carried += 1;
      else counts.skipped += 1;
    }
    this.batch = [];
    // A pause of Kafka throws away what was fetched: not one for every batch.
    if (this.#waiting.length < maxWaitingRecords / 4 && this.#waitingBytes < maxWaitingBytes / 4) {
      this.#hold(false);
    }
  }

  #hold(isHeld: boolean): void {
    if (this.#isHeld === isHeld || this.#consumption === undefined) return;
    this.#isHeld = isHeld;
    if (isHeld) this.#consumption.pause();
    else this.#consumption.resume();
  }

  #isFull(): boolean {
    return this.#waiting.length > maxWaitingRecords || this.#waitingBytes > maxWaitingBytes;
  }

  async #somethingToDo(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      const { signal } = this.#parts;
      if (signal.aborted) resolve();
    });
  }
}

function boundsOf(bounds: readonly PartitionBounds[], topic: string, partition: number) {
  return bounds.find((bound) => bound.topic === topic && bound.partition === partition);
}

function shrunk(topic: string, partition: number, high: number, next: number): RemoteError {
  return new RemoteError(
    `${topic}/${partition} of the source ends at ${high}, and the target holds it up to ${next}`,
    { hint: 'the topic was made anew: carry it into other topics with --to-prefix' },
  );
}
