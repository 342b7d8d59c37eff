/** What a market publishes, and when: the rate exactly, and beside it the channels of the market. */
import { expect, test } from 'vitest';
import type { OutgoingRecord } from '../broker/broker.ts';
import { MarketSource } from './market-source.ts';

const clock = { nowMs: () => 0, wallMs: (momentMs: number) => momentMs };
const plan = { rate: 100, tokens: ['BTC', 'ETH'] };
const withGlobals = { ...plan, trendingIntervalMs: 5_000, newListingIntervalMs: 60_000 };

/** Everything up to `untilMs`, asked for every `stepMs`, `limit` at a time. */
function takeAll(source: MarketSource, untilMs: number, stepMs: number, limit = 1_000) {
  const records: OutgoingRecord[] = [];
  source.start(0);
  for (let nowMs = 0; nowMs < untilMs; nowMs += stepMs) {
    for (let part = source.take(nowMs, limit); part.length > 0; part = source.take(nowMs, limit)) {
      records.push(...part);
    }
  }
  return records;
}

const isGlobal = ({ key }: OutgoingRecord) => key.startsWith('global.');

test('global channels get their events at their intervals, on top of an exact rate', () => {
  const records = takeAll(new MarketSource(1, withGlobals, clock), 121_000, 10);
  expect(records.filter((record) => !isGlobal(record))).toHaveLength(12_100);
  const timesOf = (key: string) =>
    records.filter((record) => record.key === key).map(({ timestampMs }) => timestampMs);
  expect(timesOf('global.trending')).toEqual(Array.from({ length: 24 }, (_, n) => (n + 1) * 5_000));
  expect(timesOf('global.new_listing')).toEqual([60_000, 120_000]);
  expect(new Set(records.filter(isGlobal).map(({ topic }) => topic))).toEqual(
    new Set(['odin.analytics']),
  );
});

test('the same seed gives the same events, however late and in what parts they are taken', () => {
  const inTime = takeAll(new MarketSource(1, withGlobals, clock), 70_000, 1);
  const late = takeAll(new MarketSource(1, withGlobals, clock), 70_000, 23_333, 7);
  expect(late).toEqual(inTime.slice(0, late.length));
  expect(late.filter(isGlobal).length).toBeGreaterThan(5);
  const without = takeAll(new MarketSource(1, plan, clock), 70_000, 10);
  expect(inTime.filter((record) => !isGlobal(record))).toEqual(without);
});

test('what is due on the global channels is waited for, counted as behind, and given up by a stop', () => {
  const source = new MarketSource(1, { ...withGlobals, rate: 0.1 }, clock);
  source.start(0);
  expect(source.take(0, 10)).toHaveLength(1);
  expect(source.waitMs(0)).toBe(5_000);
  expect(source.behind(10_000)).toBe(3);
  expect(source.take(10_000, 2)).toHaveLength(2);
  expect(source.behind(10_000)).toBe(1);
  expect(source.stop(10_000)).toBe(1);
  expect(source.behind(99_000)).toBe(0);
  expect(source.waitMs(99_000)).toBe(Number.POSITIVE_INFINITY);
});

test('an interval of 0 is never', () => {
  const never = { ...plan, trendingIntervalMs: 0, newListingIntervalMs: 0 };
  const records = takeAll(new MarketSource(1, never, clock), 100_000, 100);
  expect(records.filter(isGlobal)).toEqual([]);
});
