/** What every broker promises about reading records again, held against each driver. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ReadBackRequest } from '../src/broker/broker.ts';
import { drivers, large, openPair, openWithShortMemory } from './support/broker-drivers.ts';
import { consumeInto, failure, Inbox, outgoing } from './support/kafka-inbox.ts';

describe.each(drivers)('reading back from the $name broker', ({ url, isThere }) => {
  const brokerTest = test.skipIf(!isThere);

  /** A partition with the values '0' to '29' of one key, and where it is. */
  async function openWithThirty() {
    const { broker, topic, other } = await openPair(url);
    await using producer = await broker.openProducer();
    for (let n = 0; n < 30; n += 10) {
      await producer.send([outgoing(other, 'BTC', 'elsewhere')]);
      for (let i = n; i < n + 10; i++) await producer.send([outgoing(topic, 'BTC', String(i))]);
    }
    const partition = (await broker.partitionOf(topic, 'BTC'))!;
    const all = await broker.readBack(readingOf(topic, partition, { from: 0, to: 1_000 }));
    expect(all.records.map(({ value }) => value.toString())).toEqual(range(0, 30).map(String));
    /** The offset of a value; offsets grow by one or more. */
    const at = (n: number) => all.records[n]?.offset ?? all.records[29]!.offset + n - 29;
    const readBack = async (request: Partial<ReadBackRequest>) => {
      const { records, complete } = await broker.readBack(readingOf(topic, partition, request));
      return { values: records.map(({ value }) => Number(value.toString())), records, complete };
    };
    return { broker, topic, partition, readBack, at };
  }

  brokerTest('gives a range as it was sent, with positions', async () => {
    const { broker, topic, partition, readBack, at } = await openWithThirty();
    await using _ = broker;
    const { records, values, complete } = await readBack({ from: at(7), to: at(23) });
    expect(complete).toBe(true);
    expect(values).toEqual(range(7, 23));
    expect(records.map(({ offset }) => offset)).toEqual(range(7, 23).map(at));
    expect(records[0]).toMatchObject({ topic, partition, key: 'BTC' });
    expect(records[0]!.timestampMs).toBeGreaterThan(Date.now() - 60_000);
  });

  brokerTest('stops at the limits and says so', async () => {
    const { broker, readBack, at } = await openWithThirty();
    await using _ = broker;
    const some = await readBack({ from: 0, to: at(30), maxRecords: 12 });
    expect([some.values, some.complete]).toEqual([range(0, 12), false]);
    // Key and value of '0' to '9' take 4 bytes each, of '10' and more 5 bytes.
    const few = await readBack({ from: 0, to: at(30), maxBytes: 10 * 4 + 2 * 5 });
    expect([few.values, few.complete]).toEqual([range(0, 12), false]);
    const all = await readBack({ from: 0, to: at(12), maxRecords: 12, maxBytes: 50 });
    expect([all.values, all.complete]).toEqual([range(0, 12), true]);
  });

  brokerTest('ends at the end of the log', async () => {
    const { broker, readBack, at } = await openWithThirty();
    await using _ = broker;
    const rest = await readBack({ from: at(28), to: 1_000 });
    expect([rest.values, rest.complete]).toEqual([[28, 29], true]);
    const nothing = await readBack({ from: at(30), to: 1_000 });
    expect([nothing.values, nothing.complete]).toEqual([[], true]);
  });

  brokerTest('calls a place beyond the end incomplete: it is of another log', async () => {
    const { broker, readBack, at } = await openWithThirty();
    await using _ = broker;
    const beyond = await readBack({ from: at(31), to: 1_000 });
    expect([beyond.values, beyond.complete]).toEqual([[], false]);
  });

  brokerTest('gives nothing of an empty range', async () => {
    const { broker, readBack } = await openWithThirty();
    await using _ = broker;
    const empty = await readBack({ from: 5, to: 5 });
    expect([empty.values, empty.complete]).toEqual([[], true]);
  });

  brokerTest('ends with the signal', async () => {
    const { broker, readBack, at } = await openWithThirty();
    await using _ = broker;
    const late = await readBack({ from: 0, to: at(30), signal: AbortSignal.abort() });
    expect([late.values, late.complete]).toEqual([[], false]);
    const stop = new AbortController();
    const underWay = readBack({ from: 0, to: at(30), signal: stop.signal });
    stop.abort();
    const { values, complete } = await underWay;
    expect(complete).toBe(values.length === 30);
    expect(values).toEqual(range(0, values.length));
  });

  brokerTest('disturbs no consumer, however many read', async () => {
    const { broker, topic, readBack, at } = await openWithThirty();
    await using _ = broker;
    const inbox = new Inbox();
    await using _consumption = await consumeInto(broker, inbox, { lookbackMs: 60_000 });
    await using producer = await broker.openProducer();
    const readings = Array.from({ length: 20 }, () => readBack({ from: 0, to: at(30) }));
    for (let n = 30; n < 60; n++) await producer.send([outgoing(topic, 'BTC', String(n))]);
    for (const { complete, values } of await Promise.all(readings)) {
      expect([values, complete]).toEqual([range(0, 30), true]);
    }
    await inbox.untilCount(60 + 3);
    const ofTopic = inbox.records.filter((record) => record.topic === topic);
    expect(ofTopic.map(({ value }) => value.toString())).toEqual(range(0, 60).map(String));
  });

  brokerTest('tells that retention took the beginning, and gives the rest', async () => {
    const { broker, topic, forget } = await openWithShortMemory(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    for (let n = 0; n < 60; n++) await producer.send([outgoing(topic, 'BTC', large(n))]);
    await forget(41);
    const { high: to } = (await broker.bounds()).find((bound) => bound.topic === topic)!;
    const { records, complete } = await broker.readBack(readingOf(topic, 0, { from: 10, to }));
    const first = records[0]!.offset;
    expect(first).toBeGreaterThan(10);
    expect(records.map(({ offset }) => offset)).toEqual(range(first, to));
    expect(complete).toBe(false);
    const rest = await broker.readBack(readingOf(topic, 0, { from: first, to }));
    expect(rest.complete).toBe(true);
    expect(rest.records).toHaveLength(to - first);
    const gone = await broker.readBack(readingOf(topic, 0, { from: 0, to: 2 }));
    expect(gone).toEqual({ records: [], complete: false });
  });

  brokerTest('reads a large range in several steps', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    await using producer = await broker.openProducer();
    const incompressible = Array.from({ length: 40 }, () => randomBytes(75_000).toString('base64'));
    for (const value of incompressible) await producer.send([outgoing(topic, 'ETH', value)]);
    const partition = (await broker.partitionOf(topic, 'ETH'))!;
    const { records, complete } = await broker.readBack(
      readingOf(topic, partition, { from: 0, to: 1_000 }),
    );
    expect(complete).toBe(true);
    expect(records.map(({ value }) => value.toString())).toEqual(incompressible);
  });

  brokerTest('refuses a partition that does not exist', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    const noPartition = await failure(broker.readBack(readingOf(topic, 99, {})));
    expect(noPartition.message).toContain('99');
    await failure(broker.readBack(readingOf('contract-nowhere', 0, {})));
  });

  brokerTest('finds the partition of a key, and none of an unknown topic', async () => {
    const { broker, topic } = await openPair(url);
    await using _ = broker;
    const inbox = new Inbox();
    await using _consumption = await consumeInto(broker, inbox);
    await using producer = await broker.openProducer();
    const keys = Array.from({ length: 40 }, (_, n) => `KEY-${n}`);
    await producer.send(keys.map((key) => outgoing(topic, key, key)));
    await inbox.untilCount(40);
    for (const { key, partition } of inbox.records) {
      expect(await broker.partitionOf(topic, key!)).toBe(partition);
    }
    expect(await broker.partitionOf('contract-nowhere', 'BTC')).toBeUndefined();
  });
});

function readingOf(
  topic: string,
  partition: number,
  request: Partial<ReadBackRequest>,
): ReadBackRequest {
  const signal = new AbortController().signal;
  const limits = { maxRecords: 10_000, maxBytes: 64 * 1024 * 1024 };
  return { topic, partition, from: 0, to: 1, ...limits, signal, ...request };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n);
}
