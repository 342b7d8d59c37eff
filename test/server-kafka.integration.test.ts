/** The server on a real Kafka: every node everything, bad records, a warm start. */
import { randomBytes } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import type { OutgoingRecord } from '../src/broker/broker.ts';
import { topics } from '../src/events/categories.ts';
import { TestClient } from './support/client.ts';
import { describeKafka, kafkaAdmin, kafkaBrokers } from './support/kafka.ts';
import { record, startTestServer } from './support/start-server.ts';

/** A token that no other test uses: the topics are shared. */
const freshToken = () => `T${randomBytes(6).toString('hex')}`;
const numbers = (client: TestClient) =>
  client.received.map((event) => (event['data'] as { n: number }).n);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

async function createTopics(brokers: string, ...more: string[]): Promise<void> {
  await using admin = await kafkaAdmin(brokers);
  await admin.createTopics({
    topics: [...topics, ...more].map((topic) => ({
      topic,
      numPartitions: 3,
      replicationFactor: 1,
    })),
  });
}

describeKafka('on Kafka', () => {
  const url = `kafka://${kafkaBrokers}`;
  const start = (nodeId: string, settings = {}, kafka = {}) =>
    startTestServer({ nodeId, ...settings }, { url, kafka });

  beforeAll(() => createTopics(kafkaBrokers!, 'odin.other'));

  test('two servers in one group each deliver every event', async () => {
    const token = freshToken();
    await using first = await start('node-a');
    await using second = await start('node-b');
    await using one = await TestClient.open(first.url);
    await using two = await TestClient.open(second.url);
    await one.subscribe(`${token}.*`);
    await two.subscribe(`${token}.*`);
    for (const n of upTo(200)) await first.publish(record(token, 'TRADE_EXECUTED', { n }));
    await Promise.all([one.events(200), two.events(200)]);
    expect(numbers(one)).toEqual(upTo(200));
    expect(two.received).toEqual(one.received);
  });

  test('records that are no events are counted, logged with their position, and skipped', async () => {
    const token = freshToken();
    await using server = await start(
      'node-bad',
      { maxEventBytes: '1KiB' },
      { topics: [...topics, 'odin.other'] },
    );
    await using client = await TestClient.open(server.url);
    await client.subscribe(`${token}.*`);
    const good = record(token, 'TRADE_EXECUTED', { n: 0 });
    const bad: OutgoingRecord[] = [
      { ...good, value: '{"type":' },
      { ...good, value: '{"type":"NOPE","timestamp":1,"data":{}}' },
      { ...good, value: JSON.stringify({ filler: 'x'.repeat(2_000) }) },
      { ...good, key: '' },
      { ...good, key: 'not.a.symbol' },
      { ...good, topic: 'odin.other' },
    ];
    await server.publish(...bad, good);
    await client.events(1);
    expect(numbers(client)).toEqual([0]);
    const lines = () => server.logLines.filter((line) => line['msg'] === 'record skipped');
    await expect.poll(() => lines().length).toBe(bad.length);
    expect(
      lines()
        .map((line) => line['reason'])
        .toSorted(),
    ).toEqual(['bad_key', 'malformed', 'malformed', 'no_key', 'oversized', 'unknown_topic']);
    for (const line of lines()) {
      expect(line).toMatchObject({
        topic: expect.any(String),
        partition: expect.any(Number),
        offset: expect.any(Number),
        detail: expect.any(String),
      });
    }
    await expect
      .poll(() => server.metric('odin_records_skipped_total{reason="malformed"}'))
      .toBe(2);
    expect((await server.health())['warnings']).toContain('6 records skipped, see the log');
  });

  test('a new server knows the last seconds: positions continue, old events are not sent as new', async () => {
    const token = freshToken();
    await using before = await start('node-1');
    await using witness = await TestClient.open(before.url);
    await witness.subscribe(`${token}.trade`);
    for (const n of upTo(2)) await before.publish(record(token, 'TRADE_EXECUTED', { n }));
    await witness.events(2);
    await using after = await start('node-2');
    expect((await after.health())['checks']).toMatchObject({ history: { warm: true } });
    await using client = await TestClient.open(after.url);
    await client.subscribe(`${token}.trade`);
    await before.publish(record(token, 'TRADE_EXECUTED', { n: 2 }));
    await Promise.all([witness.events(3), client.events(1)]);
    expect(client.received).toEqual(witness.received.slice(2));
    expect(client.received[0]).toMatchObject({
      prev: witness.received[1]!['offset'],
      data: { n: 2 },
    });
  });

  test('missing topics are named before anybody connects', async () => {
    await expect(start('node-x', {}, { topics: ['odin.trades', 'odin.never'] })).rejects.toThrow(
      /odin\.never/,
    );
  });
});
