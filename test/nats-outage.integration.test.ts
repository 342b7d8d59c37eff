/** What happens with a NATS server that the test can stop: outages, goodbyes, ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Broker } from '../src/broker/broker.ts';
import { consumeInto, failure, Inbox, outgoing } from './support/kafka-inbox.ts';
import { describeNats, startNats } from './support/nats.ts';
import { openWithStream, readFrom } from './support/nats-stream.ts';

/** Publishes to 20 subjects, one event each 2 ms, until told to stop. */
function startPublishing(producer: Awaited<ReturnType<Broker['openProducer']>>) {
  const sends: Promise<void>[] = [];
  const stop = new AbortController();
  const publishing = (async () => {
    while (!stop.signal.aborted) {
      const n = sends.length;
      sends.push(producer.send([outgoing('odin.trades', `K${n % 20}`, `${n}`)]));
      await sleep(2);
    }
  })();
  return {
    sends,
    async finish() {
      stop.abort();
      await publishing;
      await Promise.all(sends);
      return sends.length;
    },
  };
}

/** Nothing lost, nothing twice, and the order of each key kept. */
function expectAll(inbox: Inbox, count: number): void {
  expect(inbox.records).toHaveLength(count);
  expect(new Set(inbox.values).size).toBe(count);
  for (let key = 0; key < 20; key++) {
    const numbers = inbox.records
      .filter((record) => record.key === `K${key}`)
      .map(({ value }) => Number(value.toString()));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  }
  expect(inbox.lost).toEqual([]);
}

describeNats('a server of its own', () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    test(`that is away for 6 s (${signal}) costs no record and doubles none`, async () => {
      await using nats = await startNats();
      await using broker = await openWithStream(nats.url);
      const [first, second] = [new Inbox(), new Inbox()];
      await using consumption = await consumeInto(broker, first);
      await using _second = await consumeInto(broker, second);
      await using producer = await broker.openProducer();
      const load = startPublishing(producer);
      await first.untilCount(500);
      await nats.stop(signal);
      const stoppedMs = performance.now();
      while (consumption.state().connected) await sleep(10);
      expect(performance.now() - stoppedMs).toBeLessThan(10_000);
      // Longer than the connection is tried without a pause, as the title says.
      await sleep(6_000);
      expect(consumption.state().connected).toBe(false);
      expect(consumption.state().lastError).toBeTypeOf('string');
      await nats.start();
      const before = first.records.length;
      await first.untilCount(before + 3_000);
      const count = await load.finish();
      await Promise.all([first, second].map((inbox) => inbox.untilCount(count)));
      await first.untilLevel(producer, ['odin.trades'], ['K0']);
      await second.until(() => second.records.length > count);
      second.records.pop();
      expectAll(first, count);
      expectAll(second, count);
      expect(consumption.state()).toEqual({
        connected: true,
        paused: false,
        lagRecords: 0,
        lastError: undefined,
      });
    });
  }

  test('that is killed again and again under load costs no record and doubles none', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url);
    const inbox = new Inbox();
    await using _ = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const load = startPublishing(producer);
    for (let round = 0; round < 5; round++) {
      await inbox.untilCount(inbox.records.length + 300);
      await nats.stop('SIGKILL');
      await nats.start();
    }
    const count = await load.finish();
    await inbox.untilLevel(producer, ['odin.trades'], ['K0']);
    expectAll(inbox, count);
  });

  test('that retires one day is left, and found again', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url);
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const load = startPublishing(producer);
    await inbox.untilCount(200);
    nats.retire();
    while (consumption.state().connected) await sleep(20);
    await nats.stop('SIGKILL');
    await nats.start();
    await inbox.untilCount(inbox.records.length + 200);
    const count = await load.finish();
    await inbox.untilCount(count);
    expectAll(inbox, count);
    expect(broker.troubles.get('lame_duck')).toBe(1);
    expect(broker.troubles.get('disconnect')).toBeGreaterThan(0);
  });

  test('that is gone does not hold up the end', async () => {
    await using nats = await startNats();
    const broker = await openWithStream(nats.url);
    await consumeInto(broker, new Inbox());
    const producer = await broker.openProducer();
    await nats.stop('SIGKILL');
    const sending = failure(producer.send([outgoing('odin.trades', 'BTC', 'x')]));
    const startMs = performance.now();
    await broker[Symbol.asyncDispose]();
    expect(performance.now() - startMs).toBeLessThan(20_000);
    expect((await sending).message).toContain('closed before the broker answered');
  });

  test('gone for longer than its stream remembers: open sends fail, and say why', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url, { streamMaxAgeMs: '3s' });
    await using producer = await broker.openProducer();
    // Stopped, it neither answers nor closes the connection.
    await nats.freeze();
    const sending = failure(producer.send([outgoing('odin.trades', 'BTC', 'x')]));
    const error = await sending;
    expect(error.message).toContain('no answer within the duplicate window of the stream');
    nats.thaw();
  });

  test('that cannot be read back from is named, and can be when it is there again', async () => {
    await using nats = await startNats();
    await using broker = await openWithStream(nats.url);
    await using producer = await broker.openProducer();
    for (let n = 0; n < 5; n++) await producer.send([outgoing('odin.trades', 'BTC', `${n}`)]);
    const readAll = () => readFrom(broker, 0);
    expect((await readAll()).records).toHaveLength(5);
    await nats.stop('SIGKILL');
    const startMs = performance.now();
    const error = await failure(readAll());
    expect(error.message).toContain('reading odin.trades again failed');
    expect(performance.now() - startMs).toBeLessThan(25_000);
    await nats.start();
    const again = () =>
      readAll().then(
        ({ records, complete }) => [records.length, complete],
        () => undefined,
      );
    await expect.poll(again).toEqual([5, true]);
  });
});
