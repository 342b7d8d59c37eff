/** The Kafka driver: one cluster, its admin client, and what was opened through it. */
import { createHash } from 'node:crypto';
import type { Admin } from 'kafkajs';
import { within } from '../../base/time-limit.ts';
import type { Config } from '../../config/schema.ts';
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
import { disconnect, KafkaClients } from './client.ts';
import { KafkaConsumption } from './consumer.ts';
import { KafkaProducer } from './producer.ts';
import { KafkaReadBack } from './read-back.ts';
import { changeTopics } from './topic-changes.ts';
import { createTopics, describeTopics, fetchBounds, requireTopics } from './topics.ts';
import { KafkaTransactions } from './transactions.ts';

/** Nothing is lost with a connection that is not closed in this time, in milliseconds. */
const closeMs = 500;

/** Connects to a Kafka cluster; see `openBroker`. */
export async function openKafka(
  config: Config['broker'],
  { log, nodeId }: BrokerSettings,
): Promise<Broker> {
  const clients = await KafkaClients.create(config, log);
  const admin = createAdmin(clients, config);
  const { connectTimeoutMs } = config.kafka;
  try {
    const opening = admin.connect().then(() => admin.describeCluster());
    const late = () => clients.complaint(new Error(`no answer within ${2 * connectTimeoutMs}ms`));
    const { clusterId } = await within(2 * connectTimeoutMs, opening, late);
    return new KafkaBroker({ config, log, nodeId, clients, admin, clusterId });
  } catch (error) {
    void disconnect(admin, closeMs);
    throw clients.complaint(error);
  }
}

function createAdmin(clients: KafkaClients, { kafka }: Config['broker']): Admin {
  const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 500 };
  return clients.create({ requestTimeoutMs: kafka.connectTimeoutMs, retry }).admin();
}

interface KafkaBrokerParts {
  readonly config: Config['broker'];
  readonly log: Log;
  readonly nodeId: string;
  readonly clients: KafkaClients;
  readonly admin: Admin;
  readonly clusterId: string;
}

class KafkaBroker implements Broker {
  readonly kind = 'kafka';
  /** Of the cluster's id: topics keep their offsets as long as the cluster lives. */
  readonly epoch: string;
  /** Of topics, `odin topics create` tells. */
  readonly differences = [];
  readonly troubles = new Map();
  readonly #parts: KafkaBrokerParts;
  readonly #opened = new Set<AsyncDisposable>();
  readonly #readBack: KafkaReadBack;

  constructor(parts: KafkaBrokerParts) {
    this.#parts = parts;
    this.#readBack = new KafkaReadBack({ ...parts, topics: parts.config.kafka.topics });
    this.#opened.add(this.#readBack);
    const digest = createHash('sha256').update(parts.clusterId).digest();
    this.epoch = digest.subarray(0, 6).toString('base64url');
  }

  async openProducer({ exclusiveAs }: ProducerOptions = {}): Promise<Producer> {
    const producer =
      exclusiveAs === undefined
        ? new KafkaProducer(this.#parts)
        : new KafkaTransactions(exclusiveAs, this.#parts);
    this.#opened.add(producer);
    await producer.open();
    return producer;
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const { clients, admin, config, log, nodeId } = this.#parts;
    const consumption = new KafkaConsumption(options, {
      clients,
      admin,
      log,
      topics: config.kafka.topics,
      groupId: `${config.kafka.groupId}-${nodeId}`,
    });
    this.#opened.add(consumption);
    await consumption.open();
    return consumption;
  }

  async readBack(request: ReadBackRequest): Promise<ReadBackResult> {
    return await this.#readBack.read(request);
  }

  async partitionOf(topic: string, key: string): Promise<number | undefined> {
    return await this.#readBack.partitionOf(topic, key);
  }

  async bounds(): Promise<PartitionBounds[]> {
    const { admin, clients, config } = this.#parts;
    const { topics } = config.kafka;
    try {
      await requireTopics(admin, clients.url, topics);
      return await fetchBounds(admin, topics);
    } catch (error) {
      throw clients.complaint(error, 'looking the topics up');
    }
  }

  async createTopics(
    wanted: readonly TopicDescription[],
    { change = false }: CreateOptions = {},
  ): Promise<TopicOutcome[]> {
    return await this.#administer(change ? 'changing topics' : 'creating topics', async (admin) => {
      const outcomes = await createTopics(admin, wanted);
      return change ? await changeTopics(admin, wanted, outcomes) : outcomes;
    });
  }

  async listTopics(): Promise<TopicDescription[]> {
    const { topics } = this.#parts.config.kafka;
    return await this.#administer('listing topics', (admin) => describeTopics(admin, topics));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#opened].map((opened) => opened[Symbol.asyncDispose]()));
    await disconnect(this.#parts.admin, closeMs);
  }

  /**
   * With a client of its own: one that was once asked about a topic that is gone since fails at
   * everything.
   */
  async #administer<T>(doing: string, work: (admin: Admin) => Promise<T>): Promise<T> {
    const { clients, config } = this.#parts;
    const admin = createAdmin(clients, config);
    try {
      await admin.connect();
      return await work(admin);
    } catch (error) {
      throw clients.complaint(error, doing);
    } finally {
      await disconnect(admin, closeMs);
    }
  }
}
