import { pino } from 'pino';
import { expect, test } from 'vitest';
import type { BrokerRecord, LostRange } from '../broker.ts';
import { Cursor } from './cursor.ts';
import { Starts } from './starts.ts';

const bounds = { epoch: 'e', deletedCount: 0, duplicateWindowMs: 30_000 };

function recordAt(offset: number, topic = 'odin.trades'): BrokerRecord {
  const value = Buffer.alloc(0);
  return { topic, partition: 0, offset, key: 'BTC', value, timestampMs: 0 };
}

/** A cursor, and all that it says, in order: offsets, and ranges as `lost 3-5`. */
function startCursor(lookback = {}) {
  const said: (number | string)[] = [];
  const cursor = new Cursor(
    {
      lookbackMs: 0,
      onRecords: (records) => void said.push(...records.map(({ offset }) => offset)),
      onLost: ({ from, to }: LostRange) => void said.push(`lost ${from}-${to}`),
      ...lookback,
    },
    pino({ level: 'silent' }),
  );
  const take = (...offsets: number[]) =>
    cursor.take(
      offsets.map((offset) => recordAt(offset)),
      0,
    );
  return { cursor, said, take };
}

test('what was handed over is not again, and holes are told where they are', () => {
  const { cursor, said, take } = startCursor();
  cursor.begin(5, { ...bounds, low: 1, high: 5 }, undefined);
  take(3, 4, 5, 6);
  take(6, 7, 10, 11, 11, 14);
  expect(said).toEqual([5, 6, 7, 'lost 8-9', 10, 11, 'lost 12-13', 14]);
  expect(cursor.next).toBe(15);
});

test('has caught up with what was there at the start, also where that is gone', async () => {
  const { cursor, take } = startCursor();
  let isCaughtUp = false;
  void cursor.caughtUp.then(() => {
    isCaughtUp = true;
  });
  cursor.begin(1, { ...bounds, low: 1, high: 4 }, undefined);
  take(1, 2);
  await Promise.resolve();
  expect([isCaughtUp, cursor.lagRecords]).toEqual([false, 1]);
  cursor.lose(9);
  await cursor.caughtUp;
  expect(cursor.lagRecords).toBe(0);
});

test('has caught up at once with an empty stream', async () => {
  const { cursor } = startCursor();
  cursor.begin(8, { ...bounds, low: 8, high: 8 }, undefined);
  await cursor.caughtUp;
});

test('what is too old by the time of the first answer is not lost', () => {
  const { cursor, said, take } = startCursor();
  cursor.begin(5, { ...bounds, low: 5, high: 20 }, undefined);
  take(8, 9, 11);
  expect(said).toEqual([8, 9, 'lost 10-10', 11]);
  const late = startCursor();
  late.cursor.begin(5, { ...bounds, low: 5, high: 20 }, undefined);
  late.cursor.lose(30);
  expect([late.said, late.cursor.next]).toEqual([['lost 20-29'], 30]);
});

test('lag is what the stream holds, not what it lost', () => {
  const { cursor, said } = startCursor();
  cursor.begin(1, { ...bounds, low: 1, high: 1 }, undefined);
  cursor.see({ ...bounds, low: 90, high: 101 });
  expect(cursor.lagRecords).toBe(11);
  cursor.take([recordAt(1)], 4);
  expect(said).toEqual([1]);
});

test('a taker that throws costs nobody else anything', () => {
  const taken: number[] = [];
  const onRecords = (records: readonly BrokerRecord[]) => {
    taken.push(...records.map(({ offset }) => offset));
    throw new Error('no');
  };
  const { cursor, take } = startCursor({ onRecords });
  cursor.begin(1, { ...bounds, low: 1, high: 1 }, undefined);
  take(1, 2);
  take(3);
  expect(taken).toEqual([1, 2, 3]);
});

test('topics start at their own places, until what was there at the start is read', () => {
  const places: Record<string, number> = { 'odin.trades': 4, 'odin.social': 6 };
  const starts = new Starts((topic) => places[topic], 8);
  expect([starts.first, starts.seen]).toEqual([4, 6]);
  const { cursor, said } = startCursor();
  cursor.begin(starts.first, { ...bounds, low: 1, high: 10 }, starts);
  const topics = ['odin.trades', 'odin.social', 'odin.metadata'];
  const records = Array.from({ length: 8 }, (_, n) => recordAt(4 + n, topics[n % 3]));
  cursor.take(records, 0);
  // 4, 7, 10: trades from 4 on; 5, 8, 11: social from 6 on; 6, 9: metadata from 8 on.
  expect(said).toEqual([4, 7, 8, 9, 10, 11]);
});
