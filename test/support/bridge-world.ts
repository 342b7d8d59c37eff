/** Sources and targets for bridges, and comparing what is in them. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, BrokerRecord, Producer } from '../../src/broker/broker.ts';
import { topics } from '../../src/events/categories.ts';
import { kafkaAdmin } from './kafka.ts';
import { consumeInto, Inbox, openQuietly, outgoing, shape } from './kafka-inbox.ts';
import { ownStream } from './nats.ts';
import type { OdinProcess } from './spawn-odin.ts';

/** Records per key, in their order. */
export type ByKey = ReadonlyMap<string, readonly string[]>;

/** What a bridge is tested between; disposing it closes both brokers. */
export interface BridgeWorld extends AsyncDisposable {
  /** Two topics of the source. */
  readonly topics: readonly [string, string];
  /** The target's topics have it before the source's. */
  readonly prefix: string;
  readonly source: Broker;
  readonly target: Broker;
  /** Connects to the target anew. */
  readonly reopenTarget: () => Promise<Broker>;
  /** What `odin` is called with. */
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

/** Two topics on one Kafka, and the same again; the target's may have other partitions. */
export async function openBridgeWorld(
  url: string,
  sourcePartitions = 4,
  targetPartitions = 3,
): Promise<BridgeWorld> {
  const name = `bridge-${randomBytes(4).toString('hex')}`;
  const topics = [`${name}.a`, `${name}.b`] as const;
  const prefix = 'copy.';
  const targetTopics = topics.map((topic) => prefix + topic);
  const source = await openQuietly({ url, kafka: { topics: [...topics] } }, name);
  const reopenTarget = () => openQuietly({ url, kafka: { topics: targetTopics } }, `${name}-t`);
  const target = await reopenTarget();
  await source.createTopics(topics.map((topic) => shape(topic, sourcePartitions)));
  await target.createTopics(targetTopics.map((topic) => shape(topic, targetPartitions)));
  return {
    topics,
    prefix,
    source,
    target,
    reopenTarget,
    /** What `odin bridge` is called with. */
    args: ['bridge', '--from', url, '--to', url, '--to-prefix', prefix, '--log-format', 'json'],
    env: { KAFKA_TOPICS: topics.join(',') },
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    },
  };
}

/** How a world between two brokers, with topics of odin on both, is opened. */
interface Ends {
  readonly from: string;
  readonly to: string;
  readonly source: Broker;
  readonly reopenTarget: () => Promise<Broker>;
  readonly prefix?: string;
  readonly own: ReturnType<typeof ownStream>;
}

async function openBetween({ from, to, prefix = '', own, ...ends }: Ends): Promise<BridgeWorld> {
  const target = await ends.reopenTarget();
  const destination = prefix === '' ? [to] : [to, '--to-prefix', prefix];
  return {
    ...ends,
    topics: ['odin.trades', 'odin.liquidity'],
    prefix,
    target,
    args: ['bridge', '--from', from, '--to', ...destination, '--log-format', 'json'],
    env: { JS_STREAM_NAME: own.stream, NATS_SUBJECT_PREFIX: own.subjectPrefix },
    async [Symbol.asyncDispose]() {
      await ends.source[Symbol.asyncDispose]();
      await target[Symbol.asyncDispose]();
    },
  };
}

/** A stream of its own that keeps all that a test sends, and what connects to it. */
function streamOf(url: string, own: ReturnType<typeof ownStream>): () => Promise<Broker> {
  const nats = { ...own, streamMaxAgeMs: '10m', streamMaxMessages: 1_000_000 };
  return () => openQuietly({ url, nats }, own.stream);
}

/** A stream of its own, and the topics of odin on Kafka with a prefix of their own. */
export async function openNatsToKafka(nats: string, kafka: string): Promise<BridgeWorld> {
  const own = ownStream();
  const prefix = `${own.stream}.`;
  const targetTopics = topics.map((topic) => prefix + topic);
  const source = await streamOf(nats, own)();
  const there = { url: kafka, kafka: { topics: targetTopics } };
  const reopenTarget = () => openQuietly(there, own.stream);
  const world = await openBetween({ from: nats, to: kafka, source, reopenTarget, prefix, own });
  await source.createTopics([]);
  await world.target.createTopics(targetTopics.map((topic) => shape(topic)));
  return world;
}

/** The topics of odin on a Kafka that nobody else uses, and a stream of their own. */
export async function openKafkaToNats(kafka: string, nats: string): Promise<BridgeWorld> {
  const own = ownStream();
  const source = await openQuietly({ url: kafka }, own.stream);
  const reopenTarget = streamOf(nats, own);
  const world = await openBetween({ from: kafka, to: nats, source, reopenTarget, own });
  await source.createTopics(topics.map((topic) => shape(topic)));
  await world.target.createTopics([]);
  return world;
}

/** Streams of one name on two servers. */
export async function openNatsToNats(
  from: string,
  to: string,
): Promise<BridgeWorld & { readonly reopenSource: () => Promise<Broker> }> {
  const own = ownStream();
  const reopenSource = streamOf(from, own);
  const source = await reopenSource();
  const world = await openBetween({ from, to, source, reopenTarget: streamOf(to, own), own });
  await source.createTopics([]);
  await world.target.createTopics([]);
  return { ...world, reopenSource };
}

/** How long a bridge took from its start to its first batch, the last time that one did; in ms. */
let startUpMs = 1_000;

/**
 * Lets a bridge live for a random time: every other one dies while it starts up (connecting, reading
 * the target's tail, finishing what a predecessor left), the others while they carry; `carried` is
 * waited for before one of these does.
 */
export async function liveAndDie(
  odin: OdinProcess,
  life: number,
  random: { next(): number },
  carried = async () => {},
): Promise<void> {
  if (life % 2 === 0) {
    const startMs = performance.now();
    await odin.line(/"msg":"carrying"/);
    startUpMs = performance.now() - startMs;
    await sleep(random.next() * 700);
    await carried();
  } else await sleep(startUpMs * (0.4 + 0.7 * random.next()));
  odin.child.kill('SIGKILL');
  await odin.ended;
}

/** Sends some records every 10 ms until it is stopped; `sent` counts them. */
export class Feed {
  sent = 0;
  #isOver = false;
  readonly #feeding: Promise<void>;

  constructor(producer: Producer, [often, rarely]: readonly [string, string]) {
    this.#feeding = this.#feed(producer, often, rarely);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#feeding;
  }

  async #feed(producer: Producer, often: string, rarely: string): Promise<void> {
    while (!this.#isOver) {
      const records = Array.from({ length: 60 }, () => {
        const n = this.sent++;
        return outgoing(n % 3 === 0 ? rarely : often, `K${n % 41}`, `{"n":${n}}`);
      });
      await producer.send(records);
      await sleep(10);
    }
  }
}

/** Records that a broker has taken, those that it has forgotten too. */
export async function endOf(broker: Broker): Promise<number> {
  return (await broker.bounds()).reduce((sum, { high }) => sum + high, 0);
}

/** Everything that a broker holds, from the oldest on. */
export async function readAll(broker: Broker): Promise<readonly BrokerRecord[]> {
  const inbox = new Inbox();
  await using consumption = await consumeInto(broker, inbox, { startAt: () => 0 });
  await consumption.caughtUp;
  return inbox.records;
}

/** The values of each topic and key, in their order; `prefix` is taken off topics. */
export function byKey(records: readonly BrokerRecord[], prefix = ''): ByKey {
  const values = new Map<string, string[]>();
  for (const { topic, key, value } of records) {
    const of = `${topic.slice(prefix.length)} ${key}`;
    const list = values.get(of) ?? [];
    values.set(of, list);
    list.push(value.toString());
  }
  return new Map([...values].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Has Kafka refuse batches of more bytes for a topic. */
export async function limitMessages(brokers: string, topic: string, bytes: number): Promise<void> {
  await using admin = await kafkaAdmin(brokers);
  const configEntries = [{ name: 'max.message.bytes', value: String(bytes) }];
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: 2, name: topic, configEntries }],
  });
}

/** Has Kafka forget the records of partition 0 before `offset`. */
export async function forgetUpTo(brokers: string, topic: string, offset: number): Promise<void> {
  await using admin = await kafkaAdmin(brokers);
  // kafkajs knows no topic that it was not asked about before.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] });
}
