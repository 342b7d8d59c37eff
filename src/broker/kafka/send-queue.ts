/** Records that wait to be sent, in the order of the calls that brought them. */
import type { Message } from 'kafkajs';
import { RemoteError } from '../../base/errors.ts';
import type { OutgoingRecord } from '../broker.ts';

/** A record this large goes alone, so one that the broker refuses takes no other with it. */
const largeRecordBytes = 256 * 1024;

/** Limits of a {@link SendQueue}. */
export interface SendQueueLimits {
  /** Records of one batch. */
  readonly maxBatchRecords: number;
  /** Bytes of one batch, before compression; a single record may be larger. */
  readonly maxBatchBytes: number;
  /** Records that may wait; further ones are refused. */
  readonly maxWaitingRecords: number;
}

/** Some of the waiting records, and what to tell the calls that brought them. */
export interface Batch {
  readonly topicMessages: Map<string, Message[]>;
  resolve(): void;
  /** Rejects each call with a part in this batch; what is left of it is not sent. */
  reject(error: Error): void;
}

interface Call {
  readonly records: readonly OutgoingRecord[];
  /** Records that are in a batch already. */
  taken: number;
  resolve(): void;
  reject(error: Error): void;
}

const defaultLimits = {
  maxBatchRecords: 2_000,
  maxBatchBytes: 1024 * 1024,
  maxWaitingRecords: 500_000,
};

/** First come, first served; a large call is cut into several batches. */
export class SendQueue {
  /** Calls that were turned away because too much was waiting. */
  refused = 0;
  readonly #limits: SendQueueLimits;
  #calls: Call[] = [];
  #waitingRecords = 0;

  constructor(limits: SendQueueLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Most records that {@link take} gives. */
  get maxBatchRecords(): number {
    return this.#limits.maxBatchRecords;
  }

  /** Settles as the batches with these records do. */
  async add(records: readonly OutgoingRecord[]): Promise<void> {
    const { maxWaitingRecords } = this.#limits;
    if (this.#waitingRecords + records.length > maxWaitingRecords) {
      this.refused += 1;
      throw new RemoteError(`more than ${maxWaitingRecords} records wait for the broker`, {
        hint: 'the broker takes less than is published: lower the rate',
      });
    }
    this.#waitingRecords += records.length;
    await new Promise<void>((resolve, reject) => {
      this.#calls.push({ records, taken: 0, resolve, reject });
    });
  }

  /** The next batch; undefined when nothing waits. */
  take(): Batch | undefined {
    const topicMessages = new Map<string, Message[]>();
    const finished: Call[] = [];
    let count = 0;
    let bytes = 0;
    let calls = 0;
    for (const call of this.#calls) {
      const before = count;
      while (call.taken < call.records.length && count < this.#limits.maxBatchRecords) {
        const record = call.records[call.taken]!;
        const size = sizeOf(record);
        if (count > 0 && (bytes + size > this.#limits.maxBatchBytes || size > largeRecordBytes)) {
          break;
        }
        add(topicMessages, record);
        call.taken += 1;
        count += 1;
        bytes += size > largeRecordBytes ? this.#limits.maxBatchBytes : size;
      }
      if (call.taken === call.records.length) finished.push(call);
      if (count > before) calls += 1;
      if (call.taken < call.records.length) break;
    }
    if (count === 0) return undefined;
    const part = this.#calls.slice(0, calls);
    this.#calls = this.#calls.slice(finished.length);
    this.#waitingRecords -= count;
    return {
      topicMessages,
      resolve: () => {
        for (const call of finished) call.resolve();
      },
      reject: (error) => this.#reject(part, error),
    };
  }

  /** Rejects everything that waits. */
  rejectAll(error: Error): void {
    this.#reject(this.#calls, error);
  }

  #reject(calls: readonly Call[], error: Error): void {
    for (const call of calls) call.reject(error);
    this.#calls = this.#calls.filter((call) => !calls.includes(call));
    this.#waitingRecords = this.#calls.reduce(
      (sum, { records, taken }) => sum + records.length - taken,
      0,
    );
  }
}

function add(topicMessages: Map<string, Message[]>, record: OutgoingRecord): void {
  let messages = topicMessages.get(record.topic);
  if (messages === undefined) {
    messages = [];
    topicMessages.set(record.topic, messages);
  }
  messages.push(toMessage(record));
}

/** A record as kafkajs takes it. */
export function toMessage({ key, value, timestampMs, headers }: OutgoingRecord): Message {
  const message = { key, value, timestamp: String(timestampMs) };
  return headers === undefined ? message : { ...message, headers: { ...headers } };
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let size = key.length + Buffer.byteLength(value);
  for (const name in headers) size += name.length + (headers[name] as string).length;
  return size;
}
