/** A broker of lists, for what is tested against crashes at every point. */
import { RemoteError } from '../../src/base/errors.ts';
import type {
  Broker,
  BrokerRecord,
  ConsumeOptions,
  Consumption,
  OutgoingRecord,
  Producer,
  ReadBackRequest,
  ReadBackResult,
} from '../../src/broker/broker.ts';

/** What becomes of a send: which of its records arrive, and whether its sender hears of it. */
export interface SendFate {
  readonly arrives: (record: OutgoingRecord, index: number) => boolean;
  readonly isAnswered: boolean;
  /** What its sender hears instead of an answer. */
  readonly error?: Error;
}

interface MemoryBrokerOptions {
  readonly epoch: string;
  readonly topics: readonly string[];
  readonly partitions: number;
  /** Offsets that carry no record, as markers and compaction leave them. */
  readonly gap: () => number;
}

/** With one partition it can be like a stream: all topics share their positions. */
export class MemoryBroker implements Broker {
  readonly kind: 'kafka' | 'nats';
  readonly epoch: string;
  readonly differences = [];
  readonly troubles = new Map();
  /** Decides over sends; all arrive and are answered unless set. */
  fateOf: (records: readonly OutgoingRecord[]) => SendFate = (records) => ({
    arrives: () => records.length > 0,
    isAnswered: true,
  });
  /** Records that were read back until now. */
  readCount = 0;
  readonly #topics: readonly string[];
  readonly #partitions: number;
  readonly #gap: () => number;
  readonly #logs = new Map<string, { records: BrokerRecord[]; low: number; high: number }>();
  readonly #readers = new Set<() => void>();

  constructor(kind: 'kafka' | 'nats', { epoch, topics, partitions, gap }: MemoryBrokerOptions) {
    this.kind = kind;
    this.epoch = epoch;
    this.#topics = topics;
    this.#partitions = partitions;
    this.#gap = gap;
    for (const topic of topics) {
      for (let partition = 0; partition < partitions; partition++) {
        this.#logs.set(`${topic}/${partition}`, { records: [], low: 0, high: 0 });
      }
    }
  }

  /** Everything held, by partition. */
  get records(): BrokerRecord[] {
    return [...this.#logs.values()].flatMap(({ records }) => records);
  }

  append({ topic, key, value, timestampMs, headers = {} }: OutgoingRecord): void {
    const partition = this.#partitionOf(key);
    const log = this.#log(topic, partition);
    const offset = log.high + this.#gap();
    log.high = offset + 1;
    if (this.kind === 'nats') for (const other of this.#logs.values()) other.high = offset + 1;
    const place = { topic, partition, offset };
    log.records.push({ ...place, key, value: Buffer.from(value), timestampMs, headers });
    for (const deliver of this.#readers) deliver();
  }

  /** Forgets the records of a partition before `low`. */
  forget(topic: string, partition: number, low: number): void {
    const log = this.#log(topic, partition);
    log.low = low;
    log.records = log.records.filter(({ offset }) => offset >= low);
  }

  /** Loses the records from `high` on, whose positions are given out again. */
  loseEnd(topic: string, partition: number, high: number): void {
    const log = this.#log(topic, partition);
    log.high = high;
    log.records = log.records.filter(({ offset }) => offset < high);
  }

  async openProducer(): Promise<Producer> {
    return {
      send: async (records) => {
        await Promise.resolve();
        const { arrives, isAnswered, error } = this.fateOf(records);
        for (const record of records.filter(arrives)) this.append(record);
        if (!isAnswered) throw error ?? new RemoteError('crashed');
      },
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async consume({ startAt, onRecords, onLost }: ConsumeOptions): Promise<Consumption> {
    const next = new Map<string, number>();
    for (const topic of this.#topics) {
      for (let partition = 0; partition < this.#partitions; partition++) {
        const { low, high } = this.#log(topic, partition);
        const from = startAt?.(topic, partition) ?? high;
        if (from < low) onLost({ topic, partition, from, to: low - 1 });
        next.set(`${topic}/${partition}`, Math.max(from, low));
      }
    }
    let isPaused = false;
    const deliver = () => {
      if (isPaused) return;
      const batch: BrokerRecord[] = [];
      for (const [name, { records, high }] of this.#logs) {
        const at = next.get(name) as number;
        // Like the drivers: who stands behind the end reads some of what it had again.
        const from = at > high ? Math.max(0, high - 10) : at;
        batch.push(...records.filter(({ offset }) => offset >= from));
        next.set(name, Math.max(from, high));
      }
      if (this.kind === 'nats') batch.sort((a, b) => a.offset - b.offset);
      if (batch.length > 0) onRecords(batch.map(({ headers: _, ...record }) => record));
    };
    const later = () => void setImmediate(deliver);
    this.#readers.add(later);
    const caughtUp = new Promise<void>((resolve) => {
      setImmediate(() => {
        deliver();
        resolve();
      });
    });
    return {
      caughtUp,
      pause: () => {
        isPaused = true;
      },
      resume: () => {
        isPaused = false;
        later();
      },
      state: () => ({ connected: true, paused: isPaused, lagRecords: 0, lastError: undefined }),
      position: (topic, partition) => next.get(`${topic}/${partition}`),
      places: () =>
        [...next].map(([name, at]) => {
          const [topic = '', partition] = name.split('/');
          return {
            topic,
            partition: Number(partition),
            next: at,
            high: this.#logs.get(name)!.high,
          };
        }),
      [Symbol.asyncDispose]: async () => {
        isPaused = true;
        this.#readers.delete(later);
      },
    };
  }

  async bounds() {
    return this.#topics.flatMap((topic) =>
      Array.from({ length: this.#partitions }, (_, partition) => {
        const { low, high } = this.#log(topic, partition);
        return { topic, partition, low, high };
      }),
    );
  }

  async readBack(request: ReadBackRequest): Promise<ReadBackResult> {
    const { topic, partition, from, to, maxRecords } = request;
    const { records, low } = this.#log(topic, partition);
    const wanted = records.filter(({ offset }) => offset >= from && offset < to);
    const complete = wanted.length <= maxRecords && from >= low;
    this.readCount += Math.min(wanted.length, maxRecords);
    return { records: wanted.slice(0, maxRecords), complete };
  }

  async partitionOf(_topic: string, key: string): Promise<number> {
    return this.#partitionOf(key);
  }

  async createTopics(): Promise<never> {
    throw new Error('not needed');
  }

  async listTopics(): Promise<never> {
    throw new Error('not needed');
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #partitionOf(key: string): number {
    let hash = 7;
    for (const letter of key) hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
    return hash % this.#partitions;
  }

  #log(topic: string, partition: number) {
    const log = this.#logs.get(`${topic}/${partition}`);
    if (log === undefined) throw new RemoteError(`no partition ${partition} of ${topic}`);
    return log;
  }
}
