/** What happens to a Kafka that the test can stop: outages, and logging in. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeKafka, startKafka, type TestKafka } from './support/kafka.ts';
import {
  consumeInto,
  failure,
  Inbox,
  openQuietly,
  outgoing,
  shape,
} from './support/kafka-inbox.ts';

describeKafka('a broker of its own', () => {
  let kafka: TestKafka;
  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(async () => await kafka[Symbol.asyncDispose]());

  test('that is gone does not hold up the end', async () => {
    const given = { url: `kafka://${kafka.brokers}`, kafka: { topics: ['end'] } };
    const broker = await openQuietly(given, 'end');
    await broker.createTopics([shape('end')]);
    await consumeInto(broker, new Inbox());
    const producer = await broker.openProducer();
    await kafka.stop('SIGKILL');
    const sending = failure(producer.send([outgoing('end', 'BTC', 'x')]));
    const startMs = performance.now();
    await broker[Symbol.asyncDispose]();
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect((await sending).message).toContain('closed before the broker answered');
    await kafka.start();
  });

  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`that is away for 10 s (${signal}) costs no record and doubles none`, async () => {
      const topics = [`${signal}.a`, `${signal}.b`];
      await using broker = await openQuietly(
        { url: `kafka://${kafka.brokers}`, kafka: { topics } },
        signal,
      );
      await broker.createTopics(topics.map((topic) => shape(topic, 12)));
      const inbox = new Inbox();
      await using consumption = await consumeInto(broker, inbox);
      await using producer = await broker.openProducer();
      const sends: Promise<void>[] = [];
      const stop = new AbortController();
      const publishing = (async () => {
        while (!stop.signal.aborted) {
          const n = sends.length;
          sends.push(producer.send([outgoing(topics[n % 2]!, `K${n % 20}`, `${n}`)]));
          await sleep(5);
        }
      })();
      await inbox.untilCount(200);
      await kafka.stop(signal);
      const stoppedMs = performance.now();
      while (consumption.state().connected) await sleep(50);
      expect(performance.now() - stoppedMs).toBeLessThan(8_000);
      expect(consumption.state().lastError).toBeTypeOf('string');
      await sleep(10_000 - (performance.now() - stoppedMs));
      await kafka.start();
      await inbox.until(() => inbox.records.length > 1_000);
      stop.abort();
      await publishing;
      await Promise.all(sends);
      await inbox.untilCount(sends.length);
      await sleep(1_000);
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

  test('that is away cannot be read back from, and can again when it is there', async () => {
    const topic = 'read-back';
    const given = { url: `kafka://${kafka.brokers}`, kafka: { topics: [topic] } };
    await using broker = await openQuietly(given, 'read-back');
    await broker.createTopics([shape(topic)]);
    await using producer = await broker.openProducer();
    for (let n = 0; n < 5; n++) await producer.send([outgoing(topic, 'BTC', `${n}`)]);
    const partition = (await broker.partitionOf(topic, 'BTC'))!;
    const readAll = async () => {
      const limits = { maxRecords: 100, maxBytes: 100_000, signal: AbortSignal.timeout(30_000) };
      return await broker.readBack({ topic, partition, from: 0, to: 5, ...limits });
    };
    expect((await readAll()).records).toHaveLength(5);
    await kafka.stop('SIGKILL');
    const startedMs = performance.now();
    const error = await failure(readAll());
    expect(error.message).toContain(`reading ${topic} again failed`);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await kafka.start();
    const { records, complete } = await readAll();
    expect(records.map(numberOf)).toEqual([0, 1, 2, 3, 4]);
    expect(complete).toBe(true);
  });
});

function numberOf({ value }: { readonly value: Buffer }): number {
  return Number(value.toString());
}
