/** The drivers that every broker promise is held against, opened on topics of their own. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../../src/broker/broker.ts';
import { kafkaAdmin, kafkaBrokers } from './kafka.ts';
import { openQuietly } from './kafka-inbox.ts';
import { natsAdmin, natsUrl } from './nats.ts';

/** For `describe.each`; skip the tests of one that is not there. */
export const drivers = [
  { name: 'embedded', url: 'embedded', isThere: true },
  { name: 'kafka', url: `kafka://${kafkaBrokers}`, isThere: kafkaBrokers !== undefined },
  { name: 'nats', url: `${natsUrl}`, isThere: natsUrl !== undefined },
];

/** A broker, and a topic that nobody else writes to. */
interface OneTopic {
  readonly broker: Broker;
  readonly topic: string;
}

/** A broker with two new topics of three partitions (embedded and NATS: one). */
export async function openPair(url: string): Promise<OneTopic & { readonly other: string }> {
  const name = `contract-${randomBytes(4).toString('hex')}`;
  // A stream is new, and the topics in it are always those of odin.
  const isStream = url.startsWith('nats://');
  const [topic, other] = isStream
    ? (['odin.trades', 'odin.liquidity'] as const)
    : ([`${name}.a`, `${name}.b`] as const);
  const broker = await openNamed(url, name, [topic, other]);
  const shape = { partitions: 3, replicationFactor: 1, retentionMs: 600_000 };
  await broker.createTopics([
    { topic, ...shape },
    { topic: other, ...shape },
  ]);
  return { broker, topic, other };
}

/** A broker that can be made to forget. */
export interface ForgetfulBroker extends OneTopic {
  /** Has the broker forget all before the record number `count`, if it did not forget already. */
  readonly forget: (count: number) => Promise<void>;
}

/** A broker with one new topic of one partition; an embedded one holds about 20 {@link large}. */
export async function openWithShortMemory(url: string): Promise<ForgetfulBroker> {
  const name = `contract-${randomBytes(4).toString('hex')}`;
  const topic = url.startsWith('nats://') ? 'odin.trades' : name;
  const broker = await openNamed(url, name, [topic]);
  await broker.createTopics([{ topic, partitions: 1, replicationFactor: 1, retentionMs: 600_000 }]);
  const forget = async (count: number) => {
    if (broker.kind === 'kafka') await forgetInKafka(topic, count);
    if (broker.kind === 'nats') await forgetInNats(url, name, count);
  };
  return { broker, topic, forget };
}

/** A value of 3 000 bytes. */
export function large(n: number): string {
  return `${n}`.padEnd(3_000);
}

async function openNamed(url: string, name: string, topics: readonly string[]): Promise<Broker> {
  const given = {
    url,
    kafka: { topics: [...topics] },
    embedded: { maxBytes: topics.length > 1 ? '128MiB' : '64KiB' },
    nats: { stream: name, subjectPrefix: name, streamMaxAgeMs: '10m' },
  };
  return await openQuietly(given, name);
}

async function forgetInKafka(topic: string, offset: number): Promise<void> {
  await using admin = await kafkaAdmin(kafkaBrokers!);
  // kafkajs knows no topic that it was not asked about before.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] });
}

/** A consumer that is paused has some records already, and lets go of them after a while. */
async function forgetInNats(url: string, stream: string, count: number): Promise<void> {
  await using admin = await natsAdmin(url);
  const { streams } = admin.manager;
  while ((await streams.info(stream)).state.consumer_count > 0) await sleep(50);
  // Sequences begin with 1.
  await streams.purge(stream, { seq: count + 1 });
}
