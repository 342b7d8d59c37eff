import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { RemoteError } from '../../base/errors.ts';
import { configSchema } from '../../config/schema.ts';
import type { BrokerRecord, LostRange } from '../broker.ts';
import { EmbeddedBroker } from './embedded.ts';

function open(maxBytes = '64KiB'): EmbeddedBroker {
  const given = { url: 'embedded', embedded: { maxBytes } };
  return new EmbeddedBroker(configSchema.parse({ broker: given }).broker);
}

function outgoing(value: string, topic = 'odin.trades') {
  return { topic, key: 'BTC', value, timestampMs: 1 };
}

test('a burst larger than the log reaches a reader that is not paused', async () => {
  await using broker = open();
  const got: BrokerRecord[] = [];
  const lost: LostRange[] = [];
  await using _ = await broker.consume({
    lookbackMs: 0,
    onRecords: (records) => got.push(...records),
    onLost: (range) => lost.push(range),
  });
  const producer = await broker.openProducer();
  await producer.send(Array.from({ length: 2_000 }, (_, n) => outgoing(`${n}`.padEnd(100))));
  await nextTurn();
  expect(got.map(({ offset }) => offset)).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
  expect(lost).toEqual([]);
});

test('a paused reader is told of every topic that lost records, once', async () => {
  await using broker = open();
  const lost: LostRange[] = [];
  const got: BrokerRecord[] = [];
  await using consumption = await broker.consume({
    lookbackMs: 0,
    onRecords: (records) => got.push(...records),
    onLost: (range) => lost.push(range),
  });
  consumption.pause();
  const producer = await broker.openProducer();
  for (let n = 0; n < 100; n++) {
    await producer.send([outgoing('x'.repeat(1_000)), outgoing('y'.repeat(1_000), 'odin.social')]);
  }
  expect(consumption.state().lagRecords).toBeLessThan(60);
  consumption.resume();
  await nextTurn();
  expect(lost.map(({ topic, from }) => [topic, from])).toEqual([
    ['odin.trades', 0],
    ['odin.social', 0],
  ]);
  for (const { topic, to } of lost) {
    expect(got.find((record) => record.topic === topic)?.offset).toBe(to + 1);
  }
  expect(consumption.state().lagRecords).toBe(0);
});

test('a reader may send: its records come in a later round', async () => {
  await using broker = open();
  const producer = await broker.openProducer();
  const batches: string[][] = [];
  await using _ = await broker.consume({
    lookbackMs: 0,
    onRecords: (records) => {
      batches.push(records.map(({ value }) => value.toString()));
      if (batches.length < 3) void producer.send([outgoing(`echo ${batches.length}`)]);
    },
    onLost: () => {},
  });
  await producer.send([outgoing('first')]);
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  expect(batches).toEqual([['first'], ['echo 1'], ['echo 2']]);
});

test('a record larger than the log is refused, and nothing of its call is kept', async () => {
  await using broker = open();
  const producer = await broker.openProducer();
  const sending = producer.send([outgoing('small'), outgoing('x'.repeat(70_000))]);
  await expect(sending).rejects.toThrow(RemoteError);
  const got: BrokerRecord[] = [];
  await using consumption = await broker.consume({
    lookbackMs: 60_000,
    onRecords: (records) => got.push(...records),
    onLost: () => {},
  });
  await consumption.caughtUp;
  expect(got).toEqual([]);
});

test('topics are there from the start, others can be added', async () => {
  await using broker = open();
  const shape = { partitions: 12, replicationFactor: 1, retentionMs: 1 };
  const outcomes = await broker.createTopics([
    { topic: 'odin.trades', ...shape },
    { topic: 'mine', ...shape },
  ]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['exists', 'created']);
  const topics = await broker.listTopics();
  expect(topics).toHaveLength(9);
  expect(topics.at(-1)).toEqual({
    topic: 'mine',
    partitions: 1,
    replicationFactor: 1,
    retentionMs: 300_000,
  });
});

test('each broker has an epoch of its own', async () => {
  await using one = open();
  await using other = open();
  expect(one.epoch).not.toBe(other.epoch);
});
