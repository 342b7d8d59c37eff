/** One life of a kafkajs consumer: from joining the group until it crashes or is ended. */
import type {
  Batch,
  Consumer,
  ConsumerGroupJoinEvent,
  EachBatchPayload,
  Kafka,
  KafkaMessage,
} from 'kafkajs';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../host/log.ts';
import type { BrokerRecord, ConsumeOptions } from '../broker.ts';
import { assignEverything } from './assigner.ts';
import { disconnect } from './client.ts';
import type { Place, Positions } from './positions.ts';

/** How long a fetch waits at an empty log, in milliseconds; a record ends the wait at once. */
const maxWaitMs = 500;
/**
 * After this long without a sign of life, the broker declares a member dead. The least that brokers
 * allow: after an outage, joining again waits for the death of the member from before.
 */
const sessionTimeoutMs = 6_000;
const heartbeatMs = 2_000;
/** New partitions are noticed within this time, in milliseconds. */
const metadataMs = 10_000;
const closeMs = 3_000;

/** What a reader works with. */
export interface KafkaReaderParts extends Pick<ConsumeOptions, 'onRecords' | 'onLost'> {
  readonly kafka: Kafka;
  readonly topics: readonly string[];
  readonly groupId: string;
  readonly positions: Positions;
  readonly log: Log;
  readonly isPaused: () => boolean;
  /** Asks the broker for the oldest offset that it still holds. */
  readonly fetchLow: (topic: string, partition: number) => Promise<number>;
}

/**
 * Believes nothing of kafkajs but the bytes: after joining, and around a seek, kafkajs may hand
 * over batches from another place than asked for. What each batch was fetched from is compared
 * with the position kept here; what was handed over already is dropped, and what lies ahead is
 * dropped and sent for again, once.
 */
export class KafkaReader implements AsyncDisposable {
  /** Resolves at {@link end}, rejects when kafkajs gives up. */
  readonly ended: Promise<void>;
  readonly #parts: KafkaReaderParts;
  readonly #consumer: Consumer;
  readonly #end = Promise.withResolvers<void>();
  #isJoined = false;
  #isOver = false;
  #activeMs = performance.now();

  constructor(parts: KafkaReaderParts) {
    this.#parts = parts;
    this.ended = this.#end.promise;
    this.ended.catch(() => {});
    this.#consumer = parts.kafka.consumer({
      groupId: parts.groupId,
      partitionAssigners: [assignEverything],
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: maxWaitMs,
      minBytes: 1,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: sessionTimeoutMs,
      heartbeatInterval: heartbeatMs,
      metadataMaxAge: metadataMs,
      // Restarting is up to our owner: kafkajs would start over from offsets of its own.
      retry: { restartOnFailure: async () => false },
    });
  }

  get isJoined(): boolean {
    return this.#isJoined && !this.#isOver;
  }

  /** How long ago kafkajs last did anything, in milliseconds. */
  idleMs(): number {
    return performance.now() - this.#activeMs;
  }

  /** Resolves when the group is joined; rejects when that fails. */
  async run(): Promise<void> {
    const joined = Promise.withResolvers<void>();
    const { events } = this.#consumer;
    this.#consumer.on(events.GROUP_JOIN, ({ payload }) => {
      this.#onJoin(payload.memberAssignment);
      joined.resolve();
    });
    this.#consumer.on(events.FETCH, () => {
      this.#activeMs = performance.now();
    });
    this.#consumer.on(events.START_BATCH_PROCESS, ({ payload }) => this.#skipControl(payload));
    this.#consumer.on(events.CRASH, ({ payload }) => this.fail(payload.error));
    const start = async () => {
      await this.#consumer.connect();
      const topics = [...this.#parts.topics];
      // Where kafkajs starts by itself must never be ahead of where we stand.
      await this.#consumer.subscribe({ topics, fromBeginning: true });
      await this.#consumer.run({
        autoCommit: false,
        eachBatch: async (payload) => await this.#takeBatch(payload),
      });
    };
    start().catch((error: unknown) => this.fail(error as Error));
    await Promise.race([joined.promise, this.ended]);
  }

  /** Ends this life with an error. */
  fail(error: Error): void {
    this.#isOver = true;
    this.#end.reject(error);
  }

  /** Ends this life as wanted. */
  end(): void {
    this.#isOver = true;
    this.#end.resolve();
  }

  pause(): void {
    this.#whenRunning(() => this.#consumer.pause(this.#parts.topics.map((topic) => ({ topic }))));
  }

  resume(): void {
    this.#whenRunning(() => this.#consumer.resume(this.#parts.topics.map((topic) => ({ topic }))));
  }

  /** Has the next fetch start at the place's position. */
  seek({ topic, partition, next }: Place): void {
    this.#whenRunning(() => this.#consumer.seek({ topic, partition, offset: String(next) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await disconnect(this.#consumer, closeMs);
  }

  #onJoin(assignment: ConsumerGroupJoinEvent['payload']['memberAssignment']): void {
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) this.seek(this.#parts.positions.at(topic, partition));
    }
    this.#isJoined = true;
    this.#activeMs = performance.now();
    if (this.#parts.isPaused()) this.pause();
  }

  async #takeBatch({ batch }: EachBatchPayload): Promise<void> {
    if (this.#isOver) return;
    const { positions, isPaused, onRecords, log } = this.#parts;
    const place = positions.at(batch.topic, batch.partition);
    // After this batch kafkajs would go on behind it.
    if (isPaused() || !(await this.#isInPlace(place, batch)) || this.#isOver || isPaused()) {
      this.seek(place);
      return;
    }
    const records = recordsFrom(batch, place.next);
    positions.move(place, Math.max(place.next, Number(batch.lastOffset()) + 1));
    place.high = Math.max(place.next, Number(batch.highWatermark));
    this.#activeMs = performance.now();
    if (records.length === 0) return;
    try {
      onRecords(records);
    } catch (error) {
      const { topic, partition } = place;
      log.error({ topic, partition, error: messageOf(error) }, 'records were not taken');
    }
  }

  /** Whether the records after the place's position begin with this batch. */
  async #isInPlace(place: Place, batch: Batch): Promise<boolean> {
    const fetched = Number((batch as Batch & { fetchedOffset: string }).fetchedOffset);
    if (fetched <= place.next) return true;
    if (!place.isSuspect) {
      place.isSuspect = true;
      return false;
    }
    // Fetched from our position, and the broker had only later ones: they are gone, or they are
    // no records of anybody (markers of transactions, compacted away).
    const low = await this.#parts.fetchLow(place.topic, place.partition).catch(() => undefined);
    if (low === undefined || place.next >= fetched) return false;
    const lostEnd = Math.min(low, fetched);
    if (lostEnd > place.next) this.#parts.onLost(this.#parts.positions.lost(place, lostEnd));
    this.#parts.positions.move(place, fetched);
    return true;
  }

  /** kafkajs keeps batches that hold nothing but control records to itself. */
  #skipControl(batch: {
    readonly topic: string;
    readonly partition: number;
    readonly batchSize: number;
    readonly firstOffset: string | null;
    readonly lastOffset: string;
  }): void {
    if (batch.batchSize > 0 || batch.firstOffset === null || this.#isOver) return;
    const { positions } = this.#parts;
    const place = positions.at(batch.topic, batch.partition);
    const after = Number(batch.lastOffset) + 1;
    if (Number(batch.firstOffset) <= place.next && after > place.next) positions.move(place, after);
  }

  #whenRunning(act: () => void): void {
    try {
      act();
    } catch {
      // Not running yet, or not any more: joining the group seeks and pauses again.
    }
  }
}

/** The records of a batch from offset `next` on, without their headers. */
function recordsFrom(
  batch: Pick<Batch, 'topic' | 'partition' | 'messages'>,
  next: number,
): BrokerRecord[] {
  const records: BrokerRecord[] = [];
  for (const message of batch.messages) {
    if (Number(message.offset) >= next) records.push(recordFrom(batch, message));
  }
  return records;
}

/** One message as a record, without its headers. */
export function recordFrom(
  { topic, partition }: Pick<Batch, 'topic' | 'partition'>,
  { offset, key, value, timestamp }: KafkaMessage,
): BrokerRecord {
  return {
    topic,
    partition,
    offset: Number(offset),
    key: key?.toString(),
    value: value ?? Buffer.alloc(0),
    timestampMs: Number(timestamp),
  };
}
