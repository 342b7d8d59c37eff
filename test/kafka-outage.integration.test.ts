/** What happens with a Kafka that the test can stop: outages. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';

import { topics } from '../src/events/categories.ts';
import { TestClient } from './support/client.ts';
import { describeKafka, kafkaAdmin, ownKafka } from './support/kafka.ts';

import {
  consumeInto,
  failure,
  Inbox,
  openQuietly,
  outgoing,
  shape,
} from './support/kafka-inbox.ts';
import { record, startTestServer } from './support/start-server.ts';

describeKafka('a broker of its own', () => {
  const kafka = ownKafka();

  test('that is gone holds up neither the end nor who reads back, and is there again later', async () => {
    const given = { url: kafka.url, kafka: { topics: ['end', 'read-back'] } };
    const leaving = await openQuietly(given, 'end');
    await leaving.createTopics([shape('end'), shape('read-back')]);
    await consumeInto(leaving, new Inbox());
    const producer = await leaving.openProducer();
    await using staying = await openQuietly(given, 'read-back');
    for (let n = 0; n < 5; n++) await producer.send([outgoing('read-back', 'BTC', `${n}`)]);
    const partition = (await staying.partitionOf('read-back', 'BTC'))!;
    const readAll = async () => {
      const limits = { maxRecords: 100, maxBytes: 100_000, signal: AbortSignal.timeout(30_000) };
      return await staying.readBack({ topic: 'read-back', partition, from: 0, to: 5, ...limits });
    };
    expect((await readAll()).records).toHaveLength(5);
    await kafka.stop('SIGKILL');
    const startMs = performance.now();
    const sending = failure(producer.send([outgoing('end', 'BTC', 'x')]));
    const reading = failure(readAll());
    await leaving[Symbol.asyncDispose]();
    expect((await sending).message).toContain('closed before the broker answered');
    expect((await reading).message).toContain('reading read-back again failed');
    expect(performance.now() - startMs).toBeLessThan(25_000);
    await kafka.start();
    const { records, complete } = await readAll();
    expect(records.map(numberOf)).toEqual([0, 1, 2, 3, 4]);
    expect(complete).toBe(true);
  });

  test('that stands still does not hold up the end', async () => {
    const given = { url: `kafka://${kafka.brokers}`, kafka: { topics: ['still'] } };
    const leaving = await openQuietly(given, 'still');
    await leaving.createTopics([shape('still')]);
    const consumption = await consumeInto(leaving, new Inbox());
    const producer = await leaving.openProducer();
    await producer.send([outgoing('still', 'BTC', '1')]);
    await kafka.freeze();
    try {
      const sending = failure(producer.send([outgoing('still', 'BTC', '2')]));
      const startMs = performance.now();
      await consumption[Symbol.asyncDispose]();
      await leaving[Symbol.asyncDispose]();
      // Each answer is waited for for 3 s and more while it may come.
      expect(performance.now() - startMs).toBeLessThan(4_500);
      expect((await sending).message).toContain('closed before the broker answered');
    } finally {
      kafka.thaw();
    }
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`that is away for a while (${signal}) costs no record and doubles none`, async () => {
      const names = [`${signal}.a`, `${signal}.b`];
      await using broker = await openQuietly({ url: kafka.url, kafka: { topics: names } }, signal);
      await broker.createTopics(names.map((topic) => shape(topic, 12)));
      const inbox = new Inbox();
      await using consumption = await consumeInto(broker, inbox);
      await using producer = await broker.openProducer();
      const sends: Promise<void>[] = [];
      const stop = new AbortController();
      const publishing = (async () => {
        while (!stop.signal.aborted) {
          const n = sends.length;
          sends.push(producer.send([outgoing(names[n % 2]!, `K${n % 20}`, `${n}`)]));
          await sleep(5);
        }
      })();
      await inbox.untilCount(200);
      await kafka.stop(signal);
      const stoppedMs = performance.now();
      while (consumption.state().connected) await sleep(50);
      expect(performance.now() - stoppedMs).toBeLessThan(25_000);
      expect(consumption.state().lastError).toBeTypeOf('string');
      // Longer than a batch waits before it is sent again; resume.e2e.test.ts has 20 s of it.
      await sleep(3_000);
      await kafka.start();
      await inbox.until(() => inbox.records.length > 1_000);
      stop.abort();
      await publishing;
      await Promise.all(sends);
      const keys = Array.from({ length: 20 }, (_, n) => `K${n}`);
      await inbox.untilLevel(producer, names, keys);
      expect(inbox.records).toHaveLength(sends.length);
      expect(new Set(inbox.values).size).toBe(sends.length);
      for (let key = 0; key < 20; key++) {
        const numbers = inbox.records.filter((record) => record.key === `K${key}`).map(numberOf);
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      }
      expect(inbox.lost).toEqual([]);
      while (!consumption.state().connected) await sleep(50);
      expect(consumption.state().lastError).toBeUndefined();
    });
  }

  test('that is lost and back: a server stays up, says so, and loses nothing', async () => {
    await using admin = await kafkaAdmin(kafka.brokers);
    await admin.createTopics({
      topics: topics.map((topic) => ({ topic, numPartitions: 3, replicationFactor: 1 })),
    });
    await using server = await startTestServer({}, { url: kafka.url });
    await using client = await TestClient.open(server.url);
    await client.subscribe('BTC.trade');
    const event = (n: number) => server.publish(record('BTC', 'TRADE_EXECUTED', { n }));
    const ready = async () => (await fetch(`${server.http}/readyz`)).status;
    const connected = () => server.metric('odin_broker_connected');
    expect([await ready(), await connected()]).toEqual([200, 1]);
    await event(0);
    await client.events(1);
    await kafka.stop('SIGKILL');
    while ((await ready()) === 200) await sleep(50);
    expect((await server.health())['status']).toBe('degraded');
    expect(await connected()).toBe(0);
    expect(client.closed).toBeUndefined();
    const sends = Array.from({ length: 50 }, (_, n) => event(n + 1));
    await kafka.start();
    await Promise.all(sends);
    await client.until(() => client.received.length >= 51, 60_000);
    while ((await ready()) !== 200) await sleep(50);
    expect(await connected()).toBe(1);
    const numbers = client.received.map(({ data }) => (data as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: 51 }, (_, n) => n));
    const offsets = client.received.map(({ offset }) => offset);
    expect(client.received.slice(1).map(({ prev }) => prev)).toEqual(offsets.slice(0, -1));
  });
});

function numberOf({ value }: { readonly value: Buffer }): number {
  return Number(value.toString());
}
