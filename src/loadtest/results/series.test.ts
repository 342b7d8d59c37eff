/** Tests of series.ts: a run as points, whatever its length. */
import { expect, test } from 'vitest';
import { Histogram } from '../../base/histogram.ts';
import { type Totals, totalsOf } from '../workers/totals.ts';
import { type SeriesPoint, SeriesRecorder } from './series.ts';

/** Totals of a run in which more was received and measured each time. */
function growing() {
  const latency = new Histogram();
  let received = 0;
  return (ms: number, times: number): Totals => {
    latency.record(ms, times);
    received += times;
    const none = totalsOf([]);
    return { ...none, messages: { ...none.messages, received }, latency: latency.since(undefined) };
  };
}

function mergedParts(recorder: SeriesRecorder, totals: Totals): Histogram {
  const whole = new Histogram();
  for (const part of recorder.end(totals, 'hold', 1e9).latencyParts) {
    whole.merge(Histogram.fromRecord(part).snapshot());
  }
  return whole;
}

test('a point tells what happened in its interval, not since the start', () => {
  const totals = growing();
  const recorder = new SeriesRecorder(1_000);
  recorder.record(totals(10, 100), 'hold', 1_000);
  recorder.record(totals(50, 300), 'hold', 2_500);
  recorder.record(totals(1, 0), 'hold', 3_500);
  const at = (index: number) => recorder.points[index] as SeriesPoint;
  expect(at(0)).toMatchObject({ elapsedMs: 1_000, receivedPerSecond: 100 });
  expect(at(1).receivedPerSecond).toBe(200);
  expect(at(1).latencyP50Ms).toBeCloseTo(50, 0);
  expect(at(2)).toMatchObject({ receivedPerSecond: 0, latencyP50Ms: null, latencyP99Ms: null });
});

test('a long run has fewer, longer points, and keeps its peaks', () => {
  const totals = growing();
  const recorder = new SeriesRecorder(1_000, 8);
  for (let second = 1; second <= 100; second++) {
    recorder.record(totals(second === 3 ? 900 : 5, 10), 'hold', second * 1_000);
  }
  const { intervalMs, points } = recorder.end(totals(5, 10), 'hold', 101_000);
  expect(points.length).toBeLessThanOrEqual(8);
  expect(points.length).toBeGreaterThanOrEqual(4);
  expect(intervalMs).toBe(16_000);
  expect(Math.max(...points.map(({ latencyP99Ms }) => latencyP99Ms ?? 0))).toBeCloseTo(900, -1);
  for (const { receivedPerSecond } of points) expect(receivedPerSecond).toBeCloseTo(10, 0);
  expect(points.at(-1)?.elapsedMs).toBeGreaterThanOrEqual(96_000);
});

test('the parts of the latency are at most 64 and together all of it', () => {
  const totals = growing();
  const recorder = new SeriesRecorder(1_000);
  let newest = totals(1, 0);
  for (let second = 1; second <= 777; second++) {
    newest = totals(1 + (second % 50), second);
    recorder.record(newest, 'hold', second * 1_000);
  }
  const { latencyParts } = recorder.end(newest, 'hold', 777_001);
  expect(latencyParts.length).toBeLessThanOrEqual(64);
  expect(latencyParts.length).toBeGreaterThan(32);
  const { buckets, counts } = mergedParts(recorder, newest).snapshot();
  expect(newest.latency.snapshot()).toMatchObject({ buckets, counts });
});

test('a sliver at the end brings the last point up to date without a rate of its own', () => {
  const totals = growing();
  const recorder = new SeriesRecorder(1_000);
  recorder.record(totals(5, 100), 'hold', 1_000);
  const last = totals(5, 100);
  const lost = { ...last, messages: { ...last.messages, lost: 7 } };
  const { points } = recorder.end(lost, 'settle', 1_004);
  expect(points).toHaveLength(1);
  expect(points[0]).toMatchObject({ receivedPerSecond: 100, lost: 7 });
});

test('a run that ended before its first interval has one point', () => {
  const { points, latencyParts } = new SeriesRecorder(1_000).end(totalsOf([]), 'ramp', 40);
  expect(points).toMatchObject([{ elapsedMs: 40, phase: 'ramp' }]);
  expect(latencyParts).toEqual([]);
});
