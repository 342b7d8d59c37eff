/** What is particular to Kafka: other clients' records, groups, topics and errors. */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import type { Broker } from '../src/broker/broker.ts';
import { describeKafka, kafkaAdmin, kafkaBrokers, testKafka } from './support/kafka.ts';
import {
  consumeInto,
  failure,
  Inbox,
  openQuietly,
  outgoing,
  shape,
} from './support/kafka-inbox.ts';

const url = `kafka://${kafkaBrokers}`;

function nameTopic(): string {
  return `kafka-${randomBytes(4).toString('hex')}`;
}

async function openWithTopic(topic: string, nodeId = topic): Promise<Broker> {
  const broker = await openQuietly({ url, kafka: { topics: [topic] } }, nodeId);
  await broker.createTopics([shape(topic)]);
  return broker;
}

describeKafka('records of other clients', () => {
  testKafka('without a key come without one', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic);
    const inbox = new Inbox();
    await using _ = await consumeInto(broker, inbox);
    await using producer = await foreignProducer();
    await producer.send({ topic, messages: [{ value: 'x' }, { key: 'BTC', value: null }] });
    await inbox.untilCount(2);
    const byValue = inbox.records.toSorted((a, b) => b.value.length - a.value.length);
    expect(byValue.map(({ key, value }) => [key, value.toString()])).toEqual([
      [undefined, 'x'],
      ['BTC', ''],
    ]);
  });

  testKafka.each(['snappy', 'lz4', 'zstd', 'gzip'])('compressed with %s are read', async (type) => {
    const topic = nameTopic();
    await using admin = await kafkaAdmin(kafkaBrokers!);
    const configEntries = [{ name: 'compression.type', value: type }];
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries }] });
    await using broker = await openWithTopic(topic);
    await using producer = await broker.openProducer();
    const text = (n: number) =>
      `${n} ${'to the moon '.repeat(n)} ${randomBytes(n).toString('hex')}`;
    const sent = Array.from({ length: 1_000 }, (_, n) => text(n % 300));
    await producer.send(sent.map((value) => outgoing(topic, 'BTC', value)));
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
    await consumption.caughtUp;
    expect(inbox.values).toEqual(sent);
  });

  testKafka('in transactions come when committed, and markers are no loss', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic);
    await using producer = await foreignProducer(`tx-${topic}`);
    for (let n = 0; n < 10; n++) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ key: 'BTC', value: `${n}` }] });
      if (n % 2 === 0) await transaction.commit();
      else await transaction.abort();
    }
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
    await consumption.caughtUp;
    expect(inbox.values).toEqual(['0', '2', '4', '6', '8']);
    const last = await producer.transaction();
    await last.send({ topic, messages: [{ key: 'BTC', value: 'live' }] });
    await last.commit();
    await inbox.untilCount(6);
    expect(inbox.lost).toEqual([]);
    while (consumption.state().lagRecords > 0) await sleep(50);
  });
});

async function foreignProducer(transactionalId?: string) {
  const kafka = new kafkajs.Kafka({ brokers: [kafkaBrokers!], logLevel: kafkajs.logLevel.NOTHING });
  const producer = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    ...(transactionalId === undefined ? {} : { transactionalId, maxInFlightRequests: 1 }),
  });
  await producer.connect();
  return Object.assign(producer, { [Symbol.asyncDispose]: () => producer.disconnect() });
}

// Each has a topic of its own, and they wait for Kafka.
describeKafka('a consumer', { concurrent: true }, () => {
  testKafka('is told when retention emptied a partition while it was paused', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic);
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    await producer.send([outgoing(topic, 'BTC', '0')]);
    await inbox.untilCount(1);
    consumption.pause();
    await producer.send(['1', '2', '3'].map((value) => outgoing(topic, 'BTC', value)));
    const { partition } = inbox.records[0]!;
    await using admin = await kafkaAdmin(kafkaBrokers!);
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: '-1' }] });
    consumption.resume();
    await inbox.until(() => inbox.lost.length > 0);
    expect(inbox.lost).toEqual([{ topic, partition, from: 1, to: 3 }]);
    await producer.send([outgoing(topic, 'BTC', '4')]);
    await inbox.untilCount(2);
    expect(inbox.values).toEqual(['0', '4']);
    expect(consumption.state().lagRecords).toBe(0);
  });

  testKafka('counts what waits in the broker while it is paused', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic);
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox);
    consumption.pause();
    await using producer = await broker.openProducer();
    await producer.send(['1', '2', '3'].map((value) => outgoing(topic, 'BTC', value)));
    while (consumption.state().lagRecords !== 3) await sleep(50);
    consumption.resume();
    await inbox.untilCount(3);
    expect(consumption.state().lagRecords).toBe(0);
  });

  testKafka('reads everything although another node has its name', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic, 'twin');
    await using twin = await openWithTopic(topic, 'twin');
    const [inbox, other] = [new Inbox(), new Inbox()];
    await using _ = await consumeInto(broker, inbox);
    await using __ = await consumeInto(twin, other);
    await using producer = await broker.openProducer();
    const records = Array.from({ length: 300 }, (_, n) => outgoing(topic, `K${n}`, `${n}`));
    await producer.send(records);
    await Promise.all([inbox.untilCount(300), other.untilCount(300)]);
    expect(new Set(inbox.values).size).toBe(300);
    expect(new Set(other.values).size).toBe(300);
  });

  testKafka('leaves no group behind', async () => {
    const topic = nameTopic();
    await using admin = await kafkaAdmin(kafkaBrokers!);
    const groups = async () => (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    const broker = await openWithTopic(topic, `leaver-${topic}`);
    await consumeInto(broker, new Inbox());
    expect(await groups()).toContain(`odin-leaver-${topic}`);
    await broker[Symbol.asyncDispose]();
    expect(await groups()).not.toContain(`odin-leaver-${topic}`);
  });

  testKafka('reads partitions that are added while it runs', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic);
    const inbox = new Inbox();
    await using _ = await consumeInto(broker, inbox);
    await using admin = await kafkaAdmin(kafkaBrokers!);
    await admin.createPartitions({ topicPartitions: [{ topic, count: 6 }] });
    await using producer = await foreignProducer();
    const messages = Array.from({ length: 6 }, (_, partition) => ({ partition, value: 'x' }));
    while (!(await producer.send({ topic, messages: messages.slice(5) }).then(Boolean)));
    await producer.send({ topic, messages: messages.slice(0, 5) });
    await inbox.untilCount(6);
    expect(new Set(inbox.records.map(({ partition }) => partition)).size).toBe(6);
  });

  testKafka('names all missing topics, and who makes those that are not odin’s', async () => {
    const [one, two] = [nameTopic(), nameTopic()];
    await using broker = await openQuietly({ url, kafka: { topics: [one, two] } }, one);
    const error = await failure(consumeInto(broker, new Inbox()));
    expect(error.message).toBe(`topics ${one}, ${two} do not exist on ${url}`);
    expect(error.hint).toMatch(/topics of its own only: .*kafka-topics\.sh$/);
  });
});

testKafka('a topic that was deleted and made anew is read from its first record', async () => {
  const topic = nameTopic();
  await using broker = await openWithTopic(topic);
  const inbox = new Inbox();
  await using consumption = await consumeInto(broker, inbox);
  await using producer = await broker.openProducer();
  await producer.send(['1', '2', '3'].map((value) => outgoing(topic, 'BTC', value)));
  await inbox.untilCount(3);
  await using admin = await kafkaAdmin(kafkaBrokers!);
  await admin.deleteTopics({ topics: [topic] });
  while (!consumption.state().lastError?.includes(topic)) await sleep(50);
  await broker.createTopics([shape(topic)]);
  await producer.send([outgoing(topic, 'BTC', 'anew')]);
  await inbox.untilCount(4);
  expect(inbox.values.at(-1)).toBe('anew');
  expect(inbox.records.at(-1)?.offset).toBe(0);
});

testKafka('a record is handed over soon after it was sent', async () => {
  const topic = nameTopic();
  await using broker = await openWithTopic(topic);
  const inbox = new Inbox();
  await using _ = await consumeInto(broker, inbox);
  await using producer = await broker.openProducer();
  const latencies: number[] = [];
  for (let n = 1; n <= 100; n++) {
    const sentMs = performance.now();
    await Promise.all([producer.send([outgoing(topic, `K${n}`, 'x')]), inbox.untilCount(n)]);
    latencies.push(performance.now() - sentMs);
  }
  latencies.sort((a, b) => a - b);
  // A consumer that polls, rather than being answered when a record comes, takes half its period.
  expect(latencies[50]).toBeLessThan(200);
});

describeKafka('topics', () => {
  testKafka('are created once, and differences are told and left alone', async () => {
    const [topic, other] = [nameTopic(), nameTopic()];
    await using broker = await openQuietly({ url, kafka: { topics: [topic, other] } }, topic);
    expect(await broker.listTopics()).toEqual([]);
    const wanted = shape(topic);
    const [first] = await broker.createTopics([wanted]);
    expect(first).toEqual({ topic, outcome: 'created', differences: [] });
    const [again, more] = await broker.createTopics([wanted, { ...shape(other), retentionMs: -1 }]);
    expect(again).toEqual({ topic, outcome: 'exists', differences: [] });
    expect(more).toEqual({ topic: other, outcome: 'created', differences: [] });
    const [differing] = await broker.createTopics([{ ...wanted, partitions: 12, retentionMs: -1 }]);
    expect(differing).toEqual({
      topic,
      outcome: 'differs',
      isChangeable: true,
      differences: ['partitions: 3, wanted 12', 'retention: 10m, wanted for ever'],
      notes: [expect.stringMatching(/move most tokens/)],
    });
    expect(await broker.listTopics()).toEqual([wanted, { ...shape(other), retentionMs: -1 }]);
  });

  testKafka('that do not exist fail what is sent to them, and only that', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic);
    await using producer = await broker.openProducer();
    const missing = nameTopic();
    const error = await failure(producer.send([outgoing(missing, 'BTC', 'x')]));
    expect(error.message).toContain(missing);
    await producer.send([outgoing(topic, 'BTC', 'x')]);
  });

  testKafka('refuse a record that is too large, and take the others', async () => {
    const topic = nameTopic();
    await using broker = await openWithTopic(topic);
    const inbox = new Inbox();
    await using _ = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const small = [1, 2, 3].map((n) => producer.send([outgoing(topic, 'BTC', `${n}`)]));
    const huge = randomBytes(2_000_000).toString('base64');
    const error = await failure(producer.send([outgoing(topic, 'BTC', huge)]));
    expect(error.message).toMatch(/larger than the max message size/);
    await Promise.all([...small, producer.send([outgoing(topic, 'BTC', '4')])]);
    await inbox.untilCount(4);
    expect(inbox.values).toEqual(['1', '2', '3', '4']);
  });
});

describe('a broker that cannot be reached', () => {
  test('is named, with what to look at', async () => {
    const error = await failure(openQuietly({ url: 'kafka://127.0.0.1:1' }, 'n'));
    expect(error.message).toContain('cannot reach kafka://127.0.0.1:1');
    expect(error.hint).toContain('is it running');
  });

  test('although it accepts connections is given up in time', async () => {
    await using server = createServer((socket) => socket.resume());
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const kafka = { connectTimeoutMs: '500ms' };
    const startMs = performance.now();
    const error = await failure(openQuietly({ url: `kafka://127.0.0.1:${port}`, kafka }, 'n'));
    expect(performance.now() - startMs).toBeLessThan(20_000);
    expect(error.message).toContain('cannot reach');
  });
});
