/** What every broker promises, held against each driver. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { drivers, large, openPair, openWithShortMemory } from './support/broker-drivers.ts';
import { consumeInto, Inbox, outgoing } from './support/kafka-inbox.ts';

// Each has topics of its own, and most of them wait.
describe.each(drivers)('the $name broker', { concurrent: true }, ({ url, isThere }) => {
  const brokerTest = test.skipIf(!isThere);

  brokerTest('keeps the order of each key, also across sends that overlap', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    const inbox = new Inbox();
    await using _consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const keys = ['BTC', 'ETH', 'SOL', 'ODIN', 'DOGE'];
    const sends: Promise<void>[] = [];
    for (let n = 0; n < 400; n++) {
      sends.push(producer.send(keys.map((key) => outgoing(topic, key, `${key} ${n}`))));
      if (n % 40 === 0) await sends.at(-1);
    }
    await Promise.all(sends);
    await inbox.untilCount(2_000);
    for (const key of keys) {
      const ofKey = inbox.values.filter((value) => value.startsWith(`${key} `));
      expect(ofKey).toEqual(Array.from({ length: 400 }, (_, n) => `${key} ${n}`));
    }
  });

  brokerTest('gives positions that grow within a partition, and says where it is', async () => {
    const { broker, topic, other } = await openPair(url);
    await using _ = broker;
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    for (let n = 0; n < 50; n++) {
      await producer.send([outgoing(topic, `K${n}`, 'x'), outgoing(other, `K${n}`, 'y')]);
    }
    await inbox.untilCount(100);
    const last = new Map<string, number>();
    for (const record of inbox.records) {
      const partition = `${record.topic} ${record.partition}`;
      expect(record.offset).toBeGreaterThan(last.get(partition) ?? -1);
      last.set(partition, record.offset);
    }
    // On NATS all topics share one place, behind the last of all records.
    const places = consumption.places();
    const behind = (wanted: string) => places.find(({ topic }) => topic === wanted)?.next;
    const ends = new Map<string, number>();
    for (const [partition, offset] of last) ends.set(partition, offset + 1);
    if (broker.kind === 'nats') {
      expect(places).toEqual([expect.objectContaining({ next: Math.max(...ends.values()) })]);
    } else {
      expect(behind(topic)).toBeDefined();
      for (const { topic: name, partition, next, high } of places) {
        expect(next).toBe(ends.get(`${name} ${partition}`) ?? next);
        expect(high).toBeGreaterThanOrEqual(next);
      }
    }
  });

  brokerTest('carries key, value and time of a record, whatever its size', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    const inbox = new Inbox();
    await using _consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const timestampMs = Date.now() - 1_234;
    const sent = [
      { topic, key: 'BTC', value: 'ž'.repeat(150_000), timestampMs },
      { topic, key: 'BTC', value: randomBytes(300_000).toString('base64'), timestampMs },
      { topic, key: 'BTC', value: '{}', timestampMs: timestampMs + 1 },
    ];
    await producer.send(sent);
    await inbox.untilCount(3);
    const got = inbox.records.map(({ partition: _, offset: __, ...record }) => ({
      ...record,
      value: record.value.toString(),
    }));
    expect(got).toEqual(sent);
  });

  brokerTest('replays what is recent, and nothing older', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    await producer.send([outgoing(topic, 'BTC', 'old')]);
    // Longer than the look back.
    await sleep(3_000);
    await producer.send([outgoing(topic, 'BTC', 'recent'), outgoing(topic, 'ETH', 'recent')]);
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox, { lookbackMs: 2_000 });
    await consumption.caughtUp;
    expect(inbox.values).toEqual(['recent', 'recent']);
    await producer.send([outgoing(topic, 'BTC', 'live')]);
    await inbox.untilCount(3);
    expect(inbox.values).toEqual(['recent', 'recent', 'live']);
  });

  brokerTest('has caught up when everything from before the start was handed over', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    const records = Array.from({ length: 5_000 }, (_, n) => outgoing(topic, `K${n % 50}`, `${n}`));
    await producer.send(records);
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
    await consumption.caughtUp;
    expect(new Set(inbox.values).size).toBe(5_000);
    expect(inbox.records).toHaveLength(5_000);
    expect(consumption.state()).toEqual({
      connected: true,
      paused: false,
      lagRecords: 0,
      lastError: undefined,
    });
  });

  brokerTest('gives each of two consumers everything', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    const [first, second] = [new Inbox(), new Inbox()];
    await using _first = await consumeInto(broker, first);
    await using _second = await consumeInto(broker, second);
    await using producer = await broker.openProducer();
    const records = Array.from({ length: 200 }, (_, n) => outgoing(topic, `K${n}`, `${n}`));
    await producer.send(records);
    await Promise.all([first.untilCount(200), second.untilCount(200)]);
    expect(new Set(first.values).size).toBe(200);
    expect(new Set(second.values).size).toBe(200);
  });

  brokerTest('loses and repeats nothing when paused and resumed under way', async () => {
    const { broker, topic, other } = await openPair(url);
    await using _ = broker;
    const inbox = new Inbox();
    await using consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const sends: Promise<void>[] = [];
    for (let n = 0; n < 300; n++) {
      sends.push(producer.send([outgoing(n % 2 ? topic : other, `K${n % 7}`, `${n}`)]));
      if (n % 30 === 10) {
        consumption.pause();
        const before = inbox.records.length;
        await Promise.all(sends);
        // A pause has to last to be one.
        await sleep(30);
        expect(inbox.records).toHaveLength(before);
        expect(consumption.state().paused).toBe(true);
      }
      if (n % 30 === 25) consumption.resume();
    }
    await Promise.all(sends);
    const keys = Array.from({ length: 7 }, (_, n) => `K${n}`);
    await inbox.untilLevel(producer, [topic, other], keys);
    expect(inbox.records).toHaveLength(300);
    expect(new Set(inbox.values).size).toBe(300);
    expect(inbox.lost).toEqual([]);
  });

  brokerTest('hands nothing over after a consumer was disposed of', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    const [ended, running] = [new Inbox(), new Inbox()];
    const consumption = await consumeInto(broker, ended);
    await using _running = await consumeInto(broker, running);
    await consumption[Symbol.asyncDispose]();
    await using producer = await broker.openProducer();
    await producer.send([outgoing(topic, 'BTC', 'late')]);
    await running.untilCount(1);
    expect(ended.records).toEqual([]);
    expect(consumption.state().connected).toBe(false);
  });

  brokerTest(
    'tells what retention took from a paused consumer, and goes on behind it',
    async () => {
      const { broker, topic, forget } = await openWithShortMemory(url);
      await using _ = broker;
      const inbox = new Inbox();
      await using consumption = await consumeInto(broker, inbox);
      await using producer = await broker.openProducer();
      await producer.send([outgoing(topic, 'BTC', '0')]);
      await inbox.untilCount(1);
      const first = inbox.records[0]!.offset;
      consumption.pause();
      for (let n = 1; n <= 60; n++) await producer.send([outgoing(topic, 'BTC', large(n))]);
      await forget(41);
      consumption.resume();
      await inbox.untilCount(2);
      await producer.send([outgoing(topic, 'BTC', large(61))]);
      await inbox.until(() => inbox.records.at(-1)?.offset === first + 61);
      expect(inbox.lost[0]).toMatchObject({ partition: 0, from: first + 1 });
      expect([topic, undefined]).toContain(inbox.lost[0]!.topic);
      expect(inbox.lost).toHaveLength(1);
      const offsets = inbox.records.map(({ offset }) => offset);
      const from = inbox.lost[0]!.to + 1;
      expect(offsets).toEqual([first, ...range(from, first + 62)]);
    },
  );
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n);
}
