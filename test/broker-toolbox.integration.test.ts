/** What every broker promises to the tools beside the server: headers, bounds, places to start at. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { drivers, large, openPair, openWithShortMemory } from './support/broker-drivers.ts';
import { consumeInto, Inbox, outgoing } from './support/kafka-inbox.ts';

describe.each(drivers)('the $name broker', ({ name, url, isThere }) => {
  const brokerTest = test.skipIf(!isThere);

  brokerTest('tells what its partitions hold', async () => {
    const { broker, topic, other } = await openPair(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    const before = await broker.bounds();
    expect(before.map((bound) => bound.topic)).toEqual(expect.arrayContaining([topic, other]));
    await producer.send([outgoing(topic, 'BTC', 'a'), outgoing(topic, 'BTC', 'b')]);
    const partition = await broker.partitionOf(topic, 'BTC');
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
    await consumption.caughtUp;
    const at = (await broker.bounds()).find(
      (bound) => bound.topic === topic && bound.partition === partition,
    )!;
    expect(at.low).toBeLessThanOrEqual(inbox.records[0]!.offset);
    expect(at.high).toBe(inbox.records.at(-1)!.offset + 1);
  });

  brokerTest('starts at the places asked for, whatever the time', async () => {
    const { broker, topic, other } = await openPair(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    for (let n = 0; n < 20; n++) {
      await producer.send([outgoing(topic, 'BTC', `a${n}`), outgoing(other, 'BTC', `b${n}`)]);
    }
    const all = new Inbox();
    await using first = await consumeInto(broker, all, { lookbackMs: 60_000 });
    await first.caughtUp;
    const from = all.records.find(({ value }) => value.toString() === 'a12')!.offset;
    // What came in this very millisecond would be recent enough.
    await sleep(5);
    const inbox = new Inbox();
    await using second = await consumeInto(broker, inbox, {
      startAt: (ofTopic) => (ofTopic === topic ? from : undefined),
    });
    await second.caughtUp;
    await producer.send([outgoing(topic, 'BTC', 'a20'), outgoing(other, 'BTC', 'b20')]);
    await inbox.untilCount(10);
    const values = inbox.values.toSorted();
    expect(values).toEqual([...range(12, 21).map((n) => `a${n}`), 'b20'].toSorted());
    expect(inbox.lost).toEqual([]);
  });

  brokerTest('tells what is gone from behind the place it is to start at', async () => {
    const { broker, topic, forget } = await openWithShortMemory(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    for (let n = 0; n < 60; n++) await producer.send([outgoing(topic, 'BTC', large(n))]);
    await forget(41);
    const { low, high } = (await broker.bounds()).find((bound) => bound.topic === topic)!;
    expect(low).toBeGreaterThan(5);
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox, { startAt: () => 5 });
    await consumption.caughtUp;
    expect(inbox.lost).toMatchObject([{ partition: 0, from: 5, to: low - 1 }]);
    expect(inbox.records.map(({ offset }) => offset)).toEqual(range(low, high));
  });

  test.skipIf(!isThere || name === 'embedded')('gives headers back to those who ask', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    await producer.send([
      { ...outgoing(topic, 'BTC', 'with'), headers: { 'odin-a': '1', 'odin-b': 'zwei' } },
      outgoing(topic, 'BTC', 'without'),
    ]);
    const partition = (await broker.partitionOf(topic, 'BTC'))!;
    const request = {
      topic,
      partition,
      from: 0,
      to: 1_000,
      maxRecords: 10,
      maxBytes: 1_000,
      signal: new AbortController().signal,
    };
    const asked = await broker.readBack({ ...request, withHeaders: true });
    expect(asked.records.map(({ headers }) => headers?.['odin-b'])).toEqual(['zwei', undefined]);
    expect(asked.records[0]!.headers).toMatchObject({ 'odin-a': '1', 'odin-b': 'zwei' });
    const plain = await broker.readBack(request);
    expect(plain.records.map(({ headers }) => headers)).toEqual([undefined, undefined]);
  });

  test.skipIf(!isThere || name === 'embedded')(
    'sends in order as the only one of a name',
    async () => {
      const { broker, topic } = await openPair(url);
      await using _ = broker;
      const exclusiveAs = `only-${randomBytes(4).toString('hex')}`;
      await using producer = await broker.openProducer({ exclusiveAs });
      const sends = range(0, 30).map((n) => producer.send([outgoing(topic, 'BTC', `${n}`)]));
      await Promise.all(sends);
      const inbox = new Inbox();
      await using consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
      await consumption.caughtUp;
      expect(inbox.values).toEqual(range(0, 30).map(String));
    },
  );
});

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, n) => from + n);
}
