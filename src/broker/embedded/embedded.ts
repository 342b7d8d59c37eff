/** The broker inside the process: nothing to install, nothing kept at exit. */
import { randomBytes } from 'node:crypto';
import { RemoteError } from '../../base/errors.ts';
import { formatBytes } from '../../base/units.ts';
import type { Config } from '../../config/schema.ts';
import type {
  Broker,
  ConsumeOptions,
  Consumption,
  OutgoingRecord,
  PartitionBounds,
  Producer,
  ReadBackRequest,
  ReadBackResult,
  TopicDescription,
  TopicOutcome,
} from '../broker.ts';
import { EmbeddedConsumption } from './consumption.ts';
import { EmbeddedLog } from './log.ts';

/** Retention is looked at this often when nothing is appended, in milliseconds. */
const sweepMs = 1_000;

/** Keeps everything in one {@link EmbeddedLog}; each topic is one partition, offsets count from 0. */
export class EmbeddedBroker implements Broker {
  readonly kind = 'embedded';
  /** Another one in each process: the log begins with it. */
  readonly epoch = randomBytes(6).toString('base64url');
  readonly differences = [];
  readonly troubles = new Map();
  readonly #config: Config['broker'];
  readonly #log: EmbeddedLog;
  readonly #topics: Set<string>;
  readonly #consumptions = new Set<EmbeddedConsumption>();
  readonly #sweep: NodeJS.Timeout;
  #isScheduled = false;
  #isDelivering = false;

  constructor(config: Config['broker']) {
    this.#config = config;
    this.#log = new EmbeddedLog(config.embedded);
    this.#topics = new Set(config.kafka.topics);
    this.#sweep = setInterval(() => this.#trim(), sweepMs).unref();
  }

  async openProducer(): Promise<Producer> {
    return {
      send: async (records) => this.#append(records),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const consumption = new EmbeddedConsumption(this.#log, options, {
      wake: () => this.#schedule(),
      closed: () => this.#consumptions.delete(consumption),
    });
    this.#consumptions.add(consumption);
    this.#schedule();
    return consumption;
  }

  async readBack(request: ReadBackRequest): Promise<ReadBackResult> {
    const { topic, partition, from, to, signal } = request;
    if (!this.#topics.has(topic) || partition !== 0) {
      throw new RemoteError(`the embedded broker has no partition ${partition} of ${topic}`);
    }
    if (from >= to) return { records: [], complete: true };
    return signal.aborted ? { records: [], complete: false } : this.#log.readBack(request);
  }

  async partitionOf(topic: string): Promise<number | undefined> {
    return this.#topics.has(topic) ? 0 : undefined;
  }

  async bounds(): Promise<PartitionBounds[]> {
    return [...this.#topics].map((topic) => ({
      topic,
      partition: 0,
      low: this.#log.starts.get(topic) ?? 0,
      high: this.#log.endOf(topic),
    }));
  }

  async createTopics(wanted: readonly TopicDescription[]): Promise<TopicOutcome[]> {
    return wanted.map(({ topic }): TopicOutcome => {
      const outcome = this.#topics.has(topic) ? 'exists' : 'created';
      this.#topics.add(topic);
      return { topic, outcome, differences: [] };
    });
  }

  async listTopics(): Promise<TopicDescription[]> {
    const { retentionMs } = this.#config.embedded;
    return [...this.#topics].map((topic) => ({
      topic,
      partitions: 1,
      replicationFactor: 1,
      retentionMs,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sweep);
    for (const consumption of this.#consumptions) await consumption[Symbol.asyncDispose]();
  }

  #append(records: readonly OutgoingRecord[]): void {
    const { maxBytes } = this.#config.embedded;
    for (const record of records) {
      const bytes = EmbeddedLog.sizeOf(record);
      if (bytes <= maxBytes) continue;
      throw new RemoteError(
        `record of ${formatBytes(bytes)} for ${record.topic} does not fit the embedded broker`,
        { hint: `its log holds ${formatBytes(maxBytes)}: raise --embedded-max-bytes` },
      );
    }
    const nowMs = Date.now();
    for (const record of records) {
      this.#log.append(record, nowMs);
      if (this.#log.isOverfull(nowMs)) this.#trim();
    }
    this.#schedule();
  }

  /** Readers that are not paused get what is about to go, so only a paused one can lose records. */
  #trim(): void {
    const nowMs = Date.now();
    if (!this.#log.isOverfull(nowMs)) return;
    this.#deliver();
    for (let gone = this.#log.trim(nowMs); gone !== undefined; gone = this.#log.trim(nowMs)) {
      for (const consumption of this.#consumptions) consumption.overtake(gone);
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    // A consumer may send: what it sends is delivered in the next round, not inside this one.
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      for (const consumption of this.#consumptions) consumption.deliver();
    } finally {
      this.#isDelivering = false;
    }
  }
}
