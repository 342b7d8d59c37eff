/** Sending to Kafka as the only producer of a name: each call is a transaction. */
import {
  type Producer as KafkaJsProducer,
  type Message,
  Partitioners,
  type Transaction,
} from 'kafkajs';
import { RemoteError } from '../../base/errors.ts';
import { atMost, whileAnswered, within } from '../../base/time-limit.ts';
import type { Config } from '../../config/schema.ts';
import type { OutgoingRecord, Producer } from '../broker.ts';
import { RecordsUnfit, TakenOver } from '../send-failures.ts';
import { disconnect, protocolErrorType } from './client.ts';
import { compressionOf, type KafkaProducerParts, maxRecordsPerProducerId } from './producer.ts';
import { toMessage } from './send-queue.ts';
import { requireTopics } from './topics.ts';

/** One transaction takes at most this long, in milliseconds; the broker ends a longer one. */
const sendTimeoutMs = 30_000;
/** Waits for the end of a transaction that an earlier producer of the name left open. */
const openTimeoutMs = 40_000;
const closeMs = 3_000;
/** A broker that answers nothing for so long, in milliseconds, does not hold up the end. */
const silenceMs = 1_000;
/** At the end nothing comes after it. */
const endMs = 500;
/** What Kafka says of records that it will never take. */
const unfitErrors = new Set([
  'MESSAGE_TOO_LARGE',
  'RECORD_LIST_TOO_LARGE',
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
]);
/** Calls that may wait for the one under way. */
const maxWaitingCalls = 64;

/**
 * Opening it ends what an earlier producer of the name had under way, and bars that one: Kafka
 * raises the name's epoch, and takes nothing of a lower one any more. So when it is open, the log
 * holds all that will ever come from before. It fails for good: after an error, nobody but a
 * successor can know whether the transaction was committed.
 */
export class KafkaTransactions implements Producer {
  readonly #name: string;
  readonly #parts: KafkaProducerParts;
  readonly #kafka: Config['broker']['kafka'];
  readonly #producer: KafkaJsProducer;
  readonly #topics = new Set<string>();
  /** Partitions of the batch under way. */
  readonly #chosen = new Set<string>();
  #failure: Error | undefined;
  #underWay: Promise<void> = Promise.resolve();
  #waiting = 0;
  #sentRecords = 0;
  #closing: Promise<void> | undefined;

  constructor(name: string, parts: KafkaProducerParts) {
    this.#name = name;
    this.#parts = parts;
    this.#kafka = parts.config.kafka;
    const retry = { initialRetryTime: 20, maxRetryTime: 500, retries: 40 };
    this.#producer = parts.clients.create({ requestTimeoutMs: 10_000, retry }).producer({
      transactionalId: name,
      transactionTimeout: sendTimeoutMs,
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry,
      createPartitioner: () => {
        const choose = Partitioners.DefaultPartitioner();
        return (asked) => {
          const partition = choose(asked);
          this.#chosen.add(`${asked.topic} ${partition}`);
          return partition;
        };
      },
    });
  }

  /** Takes the name over. Rejects with a RemoteError when that fails. */
  async open(): Promise<void> {
    const opening = async () => {
      await this.#producer.connect();
      // kafkajs takes the name over with the first transaction; one without records is not sent.
      await (await this.#producer.transaction()).abort();
    };
    try {
      await within(
        openTimeoutMs,
        opening(),
        () => new Error(`no answer within ${openTimeoutMs}ms`),
      );
    } catch (error) {
      throw this.#fail(error, `taking the name ${this.#name} over`);
    }
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (records.length === 0) return;
    if (this.#waiting >= maxWaitingCalls)
      throw new RemoteError('too many sends wait for the broker');
    this.#waiting += 1;
    const sent = this.#underWay.then(() => this.#send(records));
    this.#underWay = sent
      .catch(() => {})
      .finally(() => {
        this.#waiting -= 1;
      });
    await sent;
  }

  /** Waits some seconds for what is under way; the rest is rejected. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#waiting > 0) {
      const { admin } = this.#parts;
      const ended = whileAnswered(silenceMs, () => admin.describeCluster(), this.#underWay);
      await atMost(closeMs, ended);
    }
    this.#failure ??= new RemoteError('the producer is closed');
    await disconnect(this.#producer, endMs);
  }

  async #send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#requireTopics(records);
      const late = () => new Error(`no answer within ${sendTimeoutMs}ms`);
      await within(sendTimeoutMs, this.#transact(records), late);
    } catch (error) {
      throw this.#fail(error, 'publishing');
    }
  }

  async #requireTopics(records: readonly OutgoingRecord[]): Promise<void> {
    const unknown = new Set<string>();
    for (const { topic } of records) if (!this.#topics.has(topic)) unknown.add(topic);
    if (unknown.size === 0) return;
    await requireTopics(this.#parts.admin, this.#parts.clients.url, [...unknown]);
    for (const topic of unknown) this.#topics.add(topic);
  }

  async #transact(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#sentRecords + records.length > maxRecordsPerProducerId) {
      throw new RemoteError(`more than ${maxRecordsPerProducerId} records by one producer`);
    }
    this.#sentRecords += records.length;
    const transaction = await this.#producer.transaction();
    try {
      await this.#fill(transaction, records);
    } catch (error) {
      await atMost(closeMs, transaction.abort());
      throw error;
    }
    // Nothing is committed for a call that was given up: its time is over, or the producer closed.
    if (this.#failure !== undefined) throw this.#failure;
    await transaction.commit();
  }

  async #fill(transaction: Transaction, records: readonly OutgoingRecord[]): Promise<void> {
    const byTopic = Map.groupBy(records, ({ topic }) => topic);
    const topicMessages = [...byTopic].map(([topic, ofTopic]) => ({
      topic,
      messages: ofTopic.map(toMessage) as Message[],
    }));
    const compression = compressionOf(this.#kafka);
    this.#chosen.clear();
    const answers = await transaction.sendBatch({ acks: -1, compression, topicMessages });
    for (const { topicName, partition } of answers)
      this.#chosen.delete(`${topicName} ${partition}`);
    // kafkajs skips a partition that moves to a broker that answered already.
    if (this.#chosen.size > 0) throw new Error('part of a batch was not sent');
  }

  #fail(error: unknown, doing: string): Error {
    if (this.#failure !== undefined) return this.#failure;
    const { clients } = this.#parts;
    const type = protocolErrorType(error);
    if (type === 'INVALID_PRODUCER_EPOCH' || type === 'PRODUCER_FENCED') {
      this.#failure = new TakenOver(this.#name, { cause: error });
    } else if (unfitErrors.has(type ?? '')) {
      const { message, hint } = clients.complaint(error, doing);
      this.#failure = new RecordsUnfit(message, { hint, cause: error });
    } else if (type === 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED') {
      this.#failure = new RemoteError(`${clients.url} forbids transactions as ${this.#name}`, {
        hint: `the user needs the right to write with the transactional id ${this.#name}`,
        cause: error,
      });
    } else this.#failure = clients.complaint(error, doing);
    return this.#failure;
  }
}
