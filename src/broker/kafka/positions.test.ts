import { expect, test } from 'vitest';
import { Positions } from './positions.ts';

function bound(partition: number, low: number, high: number) {
  return { topic: 't', partition, low, high };
}

async function isSettled(promise: Promise<void>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise, Promise.resolve(pending)])) !== pending;
}

test('going back and forth below a goal counts a partition once', async () => {
  const starts = [0, 1].map((partition) => ({ topic: 't', partition, start: 0, low: 0, high: 10 }));
  const positions = new Positions(starts);
  const [first, second] = [positions.at('t', 0), positions.at('t', 1)];
  for (const next of [10, 0, 10]) positions.move(first, next);
  let isDone = false;
  void positions.caughtUp.then(() => {
    isDone = true;
  });
  await new Promise(setImmediate);
  expect(isDone).toBe(false);
  positions.move(second, 10);
  await positions.caughtUp;
});

test('caught up when the last of all partitions reaches what was there at the start', async () => {
  const positions = new Positions([
    { ...bound(0, 0, 10), start: 4 },
    { ...bound(1, 0, 5), start: 2 },
    { ...bound(2, 0, 7), start: 7 },
  ]);
  positions.move(positions.at('t', 0), 12);
  positions.move(positions.at('t', 1), 4);
  expect(await isSettled(positions.caughtUp)).toBe(false);
  positions.move(positions.at('t', 1), 5);
  expect(await isSettled(positions.caughtUp)).toBe(true);
});

test('caught up at once when there is nothing to read', async () => {
  const positions = new Positions([{ ...bound(0, 3, 3), start: 3 }]);
  expect(await isSettled(positions.caughtUp)).toBe(true);
});

test('the lag is what the broker holds beyond each position', () => {
  const positions = new Positions([
    { ...bound(0, 0, 10), start: 4 },
    { ...bound(1, 0, 5), start: 5 },
  ]);
  expect(positions.lagRecords()).toBe(6);
  positions.compare([bound(0, 0, 20), bound(1, 0, 6)]);
  expect(positions.lagRecords()).toBe(17);
  positions.move(positions.at('t', 0), 20);
  expect(positions.lagRecords()).toBe(1);
});

test('a position below what the broker holds is trouble at the second look only', () => {
  const positions = new Positions([{ ...bound(0, 0, 10), start: 4 }]);
  expect(positions.isSound).toBe(true);
  expect(positions.compare([bound(0, 8, 10)])).toEqual([]);
  expect(positions.isSound).toBe(false);
  const [trouble] = positions.compare([bound(0, 9, 10)]);
  expect(positions.isSound).toBe(false);
  expect(trouble).toMatchObject({ kind: 'overtaken', low: 9 });
  expect(positions.lost(trouble!.place, 9)).toEqual({ topic: 't', partition: 0, from: 4, to: 8 });
});

test('a position that moved between two looks is no trouble', () => {
  const positions = new Positions([{ ...bound(0, 0, 10), start: 4 }]);
  positions.compare([bound(0, 8, 10)]);
  positions.move(positions.at('t', 0), 6);
  expect(positions.compare([bound(0, 8, 10)])).toEqual([]);
  expect(positions.isSound).toBe(false);
  positions.move(positions.at('t', 0), 8);
  expect(positions.compare([bound(0, 8, 10)])).toEqual([]);
  expect(positions.isSound).toBe(true);
});

test('a partition that ends before its position has shrunk, and its old end does not stay', () => {
  const positions = new Positions([{ ...bound(0, 0, 10), start: 10 }]);
  expect(positions.compare([bound(0, 0, 3)])).toEqual([]);
  expect(positions.compare([bound(0, 0, 4)])).toMatchObject([{ kind: 'shrunk' }]);
  expect(positions.lagRecords()).toBe(0);
});

test('a partition that appears later is read from its first record', () => {
  const positions = new Positions([{ ...bound(0, 0, 10), start: 10 }]);
  expect(positions.compare([bound(0, 0, 10), bound(1, 0, 3)])).toEqual([]);
  expect(positions.at('t', 1).next).toBe(0);
  expect(positions.lagRecords()).toBe(3);
});
