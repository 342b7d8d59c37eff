/** The NATS driver: one stream of JetStream, and what was opened through it. */
import type { Config } from '../../config/schema.ts';
import { topics } from '../../events/categories.ts';
import type { Log } from '../../host/log.ts';
import type {
  Broker,
  BrokerSettings,
  ConsumeOptions,
  Consumption,
  CreateOptions,
  PartitionBounds,
  Producer,
  ProducerOptions,
  ReadBackRequest,
  ReadBackResult,
  TopicDescription,
  TopicOutcome,
} from '../broker.ts';
import { isStreamMissing, missingStream } from './complaint.ts';
import { NatsConsumption } from './consumer.ts';
import { NatsLink } from './link.ts';
import { NatsProducer } from './producer.ts';
import { readBack } from './read-back.ts';
import { NatsStream } from './stream.ts';

/** Connects to a NATS server; see `openBroker`. The stream may be missing: it can be created. */
export async function openNats(
  config: Config['broker'],
  { log, nodeId }: BrokerSettings,
): Promise<Broker> {
  const link = await NatsLink.open(config, log);
  const stream = new NatsStream(link, config.nats);
  const broker = new NatsBroker({ config, log, nodeId, link, stream });
  try {
    await broker.open();
    return broker;
  } catch (error) {
    await broker[Symbol.asyncDispose]();
    throw link.complaint(error, `looking at stream ${stream.name}`);
  }
}

interface NatsBrokerParts {
  readonly config: Config['broker'];
  readonly log: Log;
  readonly nodeId: string;
  readonly link: NatsLink;
  readonly stream: NatsStream;
}

/** All topics share the sequences of the stream: each is its partition 0, with gaps. */
class NatsBroker implements Broker {
  readonly kind = 'nats';
  readonly #parts: NatsBrokerParts;
  readonly #namePrefix: string;
  readonly #opened = new Set<AsyncDisposable>();
  #epoch: string | undefined;
  #differences: readonly string[] = [];

  constructor(parts: NatsBrokerParts) {
    this.#parts = parts;
    const { nodeId, config } = parts;
    this.#namePrefix = `${config.nats.consumerName}-${nodeId}`.replace(/[^\w-]/g, '_');
  }

  /** Of the time when the stream was made; empty as long as there is none. */
  get epoch(): string {
    return this.#epoch ?? '';
  }

  get differences(): readonly string[] {
    return this.#differences;
  }

  get troubles(): ReadonlyMap<string, number> {
    return this.#parts.link.troubles;
  }

  /** Learns which stream it is. Rejects as the library does. */
  async open(): Promise<void> {
    const { stream } = this.#parts;
    const found = await stream.inspect().catch((error: unknown) => {
      if (isStreamMissing(error)) return undefined;
      throw error;
    });
    this.#epoch = found?.epoch;
    const differences = found?.differences ?? [];
    this.#differences =
      differences.length === 0
        ? []
        : [`stream ${stream.name} is not as the settings ask: ${differences.join('; ')}`];
  }

  /**
   * JetStream cannot shut an earlier producer of a name out, which is only told to leave. What that
   * one had under way is the same as what its successor sends under the same ids, for the duplicate
   * window of the stream.
   */
  async openProducer({ exclusiveAs }: ProducerOptions = {}): Promise<Producer> {
    const producer = new NatsProducer({
      ...this.#parts,
      exclusiveAs,
    });
    this.#opened.add(producer);
    await producer.open();
    return producer;
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const consumption = new NatsConsumption(options, { ...this.#parts, ...this.#reading() });
    this.#opened.add(consumption);
    await consumption.open();
    return consumption;
  }

  async readBack(request: ReadBackRequest): Promise<ReadBackResult> {
    return await readBack({ ...this.#parts, ...this.#reading() }, request);
  }

  async partitionOf(topic: string): Promise<number | undefined> {
    return this.#parts.stream.subjects.knows(topic) ? 0 : undefined;
  }

  async bounds(): Promise<PartitionBounds[]> {
    const { stream } = this.#parts;
    return await this.#ask(`looking at stream ${stream.name}`, async () => {
      const { low, high } = await stream.bounds();
      return topics.map((topic) => ({ topic, partition: 0, low, high }));
    });
  }

  /** One stream holds all that is wanted; of it only the number of copies is looked at. */
  async createTopics(
    wanted: readonly TopicDescription[],
    options?: CreateOptions,
  ): Promise<TopicOutcome[]> {
    const { stream } = this.#parts;
    const replicas = Math.max(1, ...wanted.map(({ replicationFactor }) => replicationFactor));
    return await this.#ask(`creating stream ${stream.name}`, async () => {
      const outcome = await stream.create(replicas, options);
      await this.open();
      return [outcome];
    });
  }

  async listTopics(): Promise<TopicDescription[]> {
    const { stream } = this.#parts;
    return await this.#ask(`looking at stream ${stream.name}`, async () => {
      const found = await stream.describe();
      return found === undefined ? [] : [found];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#opened].map((opened) => opened[Symbol.asyncDispose]()));
    await this.#parts.link[Symbol.asyncDispose]();
  }

  #reading(): { readonly epoch: string; readonly namePrefix: string } {
    const { link, stream } = this.#parts;
    if (this.#epoch !== undefined) return { epoch: this.#epoch, namePrefix: this.#namePrefix };
    throw missingStream(link.url, stream.name);
  }

  async #ask<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#parts.link.complaint(error, doing);
    }
  }
}
