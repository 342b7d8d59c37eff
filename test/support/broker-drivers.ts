/** The drivers that every broker promise is held against, opened on topics of their own. */
import { randomBytes } from 'node:crypto';
import type { Broker } from '../../src/broker/broker.ts';
import { kafkaAdmin, kafkaBrokers } from './kafka.ts';
import { openQuietly } from './kafka-inbox.ts';

/** For `describe.each`; skip the tests of one that is not there. */
export const drivers = [
  { name: 'embedded', url: 'embedded', isThere: true },
  { name: 'kafka', url: `kafka://${kafkaBrokers}`, isThere: kafkaBrokers !== undefined },
];

/** A broker with two new topics of three partitions (embedded: one). */
export async function openPair(
  url: string,
): Promise<{ broker: Broker; topic: string; other: string }> {
  const name = `contract-${randomBytes(4).toString('hex')}`;
  const [topic, other] = [`${name}.a`, `${name}.b`];
  const broker = await openQuietly({ url, kafka: { topics: [topic, other] } }, name);
  const shape = { partitions: 3, replicationFactor: 1, retentionMs: 600_000 };
  await broker.createTopics([
    { topic, ...shape },
    { topic: other, ...shape },
  ]);
  return { broker, topic, other };
}

/** A broker with one new topic of one partition; an embedded one holds about 20 {@link large}. */
export async function openWithShortMemory(url: string): Promise<{ broker: Broker; topic: string }> {
  const topic = `contract-${randomBytes(4).toString('hex')}`;
  const given = { url, kafka: { topics: [topic] }, embedded: { maxBytes: '64KiB' } };
  const broker = await openQuietly(given, topic);
  await broker.createTopics([{ topic, partitions: 1, replicationFactor: 1, retentionMs: 600_000 }]);
  return { broker, topic };
}

/** A value of 3 000 bytes. */
export function large(n: number): string {
  return `${n}`.padEnd(3_000);
}

/** Has Kafka forget what the embedded broker forgets for want of room. */
export async function forget(url: string, topic: string, offset: number): Promise<void> {
  if (url === 'embedded') return;
  await using admin = await kafkaAdmin(kafkaBrokers!);
  // kafkajs knows no topic that it was not asked about before.
  await admin.fetchTopicOffsets(topic);
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: `${offset}` }] });
}
