/** Tests of progress.ts: what a run shows while it goes on. */
import { expect, test } from 'vitest';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { totalsOf } from '../workers/totals.ts';
import { createProgressMeter, formatProgress } from './progress.ts';

const at = (phase: 'ramp' | 'hold') => ({ phase, stage: phase, target: 5 });

test('the progress line tells the rate since the line before', () => {
  const measure = createProgressMeter();
  measure(totalsOf([stateOf(workerReport())]), at('ramp'), 1_000);
  const totals = totalsOf([stateOf(workerReport({ received: 5_010 }))]);
  const progress = measure(totals, at('hold'), 3_000);
  expect(progress.receivedPerSecond).toBe(2_500);
  expect(formatProgress(progress)).toMatch(
    /^3s hold {4}5\/5 open {2}2 500 ev\/s {2}p50 \S+ {2}p99 /,
  );
});

test('a progress line has at most 78 columns', () => {
  const line = formatProgress({
    elapsedMs: 1e8,
    phase: 'settle',
    stage: 'a-stage-with-a-rather-long-name',
    target: 1e6,
    opened: 1e6,
    active: 1e6,
    failed: 1e6,
    vanished: 0,
    receivedPerSecond: 1e8,
    lost: 1e8,
    p50: 99_999,
    p99: 99_999,
    recentP99Ms: [],
    kinds: [{ name: 'slow', isGood: false, active: 1e6, target: 1e6 }],
  });
  expect(line.length).toBeLessThanOrEqual(78);
});

const progress = {
  elapsedMs: 12_000,
  phase: 'hold' as const,
  stage: 'hold',
  target: 100,
  opened: 100,
  active: 100,
  failed: 0,
  vanished: 0,
  receivedPerSecond: 500,
  lost: 0,
  p50: 2,
  p99: 8,
  recentP99Ms: [0.5, 1, null, 4, 8],
  kinds: [],
};

test('those that misbehave are told apart, where there is room', () => {
  const slow = { name: 'slow', isGood: false, active: 4, target: 5 };
  const kinds = [{ name: '', isGood: true, active: 100, target: 100 }, slow];
  expect(formatProgress({ ...progress, kinds })).toBe(`${formatProgress(progress)}  4/5 slow`);
});

test('on a terminal the course of p99 follows, as far as there is room', () => {
  const plain = formatProgress(progress);
  expect(formatProgress(progress, 79)).toBe(`${plain}  ▁▂ ▅█`);
  expect(formatProgress(progress, plain.length + 6)).toBe(`${plain}  ▂ ▅█`);
  expect(formatProgress(progress, plain.length + 5)).toBe(plain);
  expect(formatProgress({ ...progress, recentP99Ms: [null, null, 3] }, 79)).toBe(plain);
  expect(formatProgress({ ...progress, recentP99Ms: [null, null, null, null] }, 79)).toBe(plain);
});
