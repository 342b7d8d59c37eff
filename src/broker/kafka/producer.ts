/** Sending to Kafka: everything that arrives while a batch is under way goes into the next one. */
import {
  type Admin,
  CompressionTypes,
  type Producer as KafkaJsProducer,
  type Message,
  Partitioners,
} from 'kafkajs';
import { backoffMs } from '../../base/backoff.ts';
import { messageOf, RemoteError } from '../../base/errors.ts';
import { within } from '../../base/time-limit.ts';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../host/log.ts';
import type { OutgoingRecord, Producer } from '../broker.ts';
import { disconnect, type KafkaClients, protocolErrorType } from './client.ts';
import { SendQueue } from './send-queue.ts';
import { missingTopics } from './topics.ts';

/** A batch that no broker took for this long is given up. */
const giveUpMs = 120_000;
const closeMs = 3_000;
/** At the end nothing comes after it. */
const endMs = 500;
const retryBackoff = { baseMs: 200, maxMs: 1_000 };
/** Sequence numbers of a producer id are 32 bits per partition, and kafkajs wraps them wrongly. */
export const maxRecordsPerProducerId = 2 ** 31 - 1;

/** Resending these cannot help. */
const finalErrors = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'INVALID_TOPIC_EXCEPTION',
  // Known when the call came, and kafkajs asked for it in vain some thirty times.
  'UNKNOWN_TOPIC_OR_PARTITION',
  'TOPIC_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'POLICY_VIOLATION',
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'DUPLICATE_SEQUENCE_NUMBER',
  'INVALID_PRODUCER_EPOCH',
  'UNKNOWN_PRODUCER_ID',
]);

/** What a producer takes from its broker. */
export interface KafkaProducerParts {
  readonly clients: KafkaClients;
  /** Stays open as long as the broker. */
  readonly admin: Admin;
  readonly config: Config['broker'];
  readonly log: Log;
}

/**
 * An idempotent producer with one batch under way. When a request fails, kafkajs takes its sequence
 * numbers back and sends the same records with the same numbers again, so the broker tells a repeat
 * from a new batch. That holds as long as nothing else uses those numbers: a batch that was given
 * up may be in the log all the same, and the next one would look like its repeat and vanish.
 * Therefore the producer id is thrown away with every batch that is given up.
 */
export class KafkaProducer implements Producer {
  readonly #clients: KafkaClients;
  readonly #kafka: Config['broker']['kafka'];
  readonly #log: Log;
  readonly #queue = new SendQueue();
  readonly #admin: Admin;
  #topics = new Set<string>();
  #listing: Promise<void> | undefined;
  readonly #partitionOf = new Map<Message, number>();
  readonly #closing = new AbortController();
  #producer: KafkaJsProducer | undefined;
  #sentRecords = 0;
  #pumping: Promise<void> | undefined;

  constructor({ clients, admin, config, log }: KafkaProducerParts) {
    this.#clients = clients;
    this.#admin = admin;
    this.#kafka = config.kafka;
    this.#log = log;
  }

  /** Connects. Rejects with a RemoteError when the cluster does not answer. */
  async open(): Promise<void> {
    await this.#connect();
    await this.#listTopics();
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#closing.signal.aborted) throw new RemoteError('the producer is closed');
    if (records.length === 0) return;
    // kafkajs would ask for a missing topic again and again, and hold up all that is behind it.
    if (!this.#knowsAll(records)) await this.#requireTopics(records);
    const done = this.#queue.add(records);
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = undefined;
    });
    await done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#queue.rejectAll(closedError());
    await this.#drop(endMs);
  }

  #knowsAll(records: readonly OutgoingRecord[]): boolean {
    return records.every(({ topic }) => this.#topics.has(topic));
  }

  async #requireTopics(records: readonly OutgoingRecord[]): Promise<void> {
    await this.#listTopics();
    if (this.#knowsAll(records)) return;
    const wanted = new Set(records.map(({ topic }) => topic));
    throw missingTopics(this.#clients.url, [...wanted.difference(this.#topics)]);
  }

  #listTopics(): Promise<void> {
    this.#listing ??= this.#admin
      .listTopics()
      .then((topics) => {
        this.#topics = new Set(topics);
      })
      .catch((error: unknown) => {
        throw this.#clients.complaint(error, 'listing topics');
      })
      .finally(() => {
        this.#listing = undefined;
      });
    return this.#listing;
  }

  async #pump(): Promise<void> {
    for (let batch = this.#queue.take(); batch !== undefined; batch = this.#queue.take()) {
      try {
        await this.#deliver(batch.topicMessages);
        batch.resolve();
      } catch (error) {
        await this.#drop();
        const isClosed = this.#closing.signal.aborted;
        batch.reject(isClosed ? closedError() : this.#clients.complaint(error, 'publishing'));
      }
    }
  }

  /** Sends a batch until the brokers hold all of it. */
  async #deliver(topicMessages: Map<string, Message[]>): Promise<void> {
    const deadlineMs = performance.now() + giveUpMs;
    if (this.#sentRecords + this.#queue.maxBatchRecords > maxRecordsPerProducerId) {
      await this.#drop();
    }
    let left = topicMessages;
    for (let attempt = 0; ; attempt++) {
      try {
        left = await this.#sendOnce(left);
        if (left.size === 0) break;
        this.#log.debug('part of a batch was not sent, sending it again');
      } catch (error) {
        const type = protocolErrorType(error);
        const isLate = performance.now() > deadlineMs;
        if (isLate || this.#closing.signal.aborted || finalErrors.has(type ?? '')) throw error;
        const level = attempt === 0 ? 'warn' : 'debug';
        this.#log[level]({ error: messageOf(error), attempt }, 'broker took no records, retrying');
        await pause(backoffMs(attempt, retryBackoff), this.#closing.signal);
      }
    }
  }

  /** What was not sent: kafkajs skips a partition that moves to a broker that answered already. */
  async #sendOnce(topicMessages: Map<string, Message[]>): Promise<Map<string, Message[]>> {
    const producer = await this.#connect();
    if (this.#closing.signal.aborted) throw closedError();
    this.#partitionOf.clear();
    const sending = producer.sendBatch({
      acks: -1,
      compression: compressionOf(this.#kafka),
      topicMessages: [...topicMessages].map(([topic, messages]) => ({ topic, messages })),
    });
    const answers = await this.#unlessClosed(producer, sending);
    const answered = new Set(
      answers.map(({ topicName, partition }) => `${topicName} ${partition}`),
    );
    const left = new Map<string, Message[]>();
    for (const [topic, messages] of topicMessages) {
      this.#sentRecords += messages.length;
      const unsent = messages.filter(
        (message) => !answered.has(`${topic} ${this.#partitionOf.get(message)}`),
      );
      if (unsent.length > 0) left.set(topic, unsent);
    }
    return left;
  }

  /** kafkajs cannot be told to stop trying: what it does after the end is undone when it is done. */
  async #unlessClosed<T>(producer: KafkaJsProducer, sending: Promise<T>): Promise<T> {
    const { signal } = this.#closing;
    let onAbort = () => {};
    const closed = new Promise<never>((_, reject) => {
      onAbort = () => {
        sending.catch(() => {}).finally(() => void disconnect(producer, closeMs));
        reject(closedError());
      };
      signal.addEventListener('abort', onAbort);
    });
    try {
      return await Promise.race([sending, closed]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #connect(): Promise<KafkaJsProducer> {
    if (this.#producer !== undefined) return this.#producer;
    const producer = this.#createProducer();
    const { connectTimeoutMs } = this.#kafka;
    try {
      const late = () => new Error(`no answer within ${2 * connectTimeoutMs}ms`);
      await within(2 * connectTimeoutMs, producer.connect(), late);
    } catch (error) {
      void disconnect(producer, closeMs);
      throw this.#clients.complaint(error);
    }
    this.#producer = producer;
    this.#sentRecords = 0;
    return producer;
  }

  #createProducer(): KafkaJsProducer {
    const retry = { initialRetryTime: 100, maxRetryTime: 1_000 };
    const kafka = this.#clients.create({
      requestTimeoutMs: 10_000,
      retry: { ...retry, retries: 5 },
    });
    return kafka.producer({
      idempotent: true,
      allowAutoTopicCreation: false,
      retry: { ...retry, retries: 30 },
      createPartitioner: () => {
        const choose = Partitioners.DefaultPartitioner();
        return (asked) => {
          const partition = choose(asked);
          this.#partitionOf.set(asked.message, partition);
          return partition;
        };
      },
    });
  }

  async #drop(limitMs = closeMs): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    if (producer !== undefined) await disconnect(producer, limitMs);
  }
}

/** How batches are compressed, as kafkajs calls it. */
export function compressionOf({ compression }: Config['broker']['kafka']): CompressionTypes {
  return compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None;
}

function closedError(): RemoteError {
  return new RemoteError('the producer was closed before the broker answered');
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish);
  });
}
