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

test('a long line has all of it, but for the middle of the name of its stage', () => {
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
  expect(line).toMatch(
    /^100000s a-stage-wi…long-name {2}.* 100 000 000 lost {2}1 000 000\/1 000 000 slow$/,
  );
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
  expect(formatProgress(progress, { columns: 79 })).toBe(`${plain}  ▁▂ ▅█`);
  expect(formatProgress(progress, { columns: plain.length + 6 })).toBe(`${plain}  ▂ ▅█`);
  expect(formatProgress(progress, { columns: plain.length + 5 })).toBe(plain);
  expect(formatProgress({ ...progress, recentP99Ms: [null, null, 3] }, { columns: 79 })).toBe(
    plain,
  );
  expect(
    formatProgress({ ...progress, recentP99Ms: [null, null, null, null] }, { columns: 79 }),
  ).toBe(plain);
});

test('lines that come more often than once a second tell its tenths', () => {
  const at = (elapsedMs: number, intervalMs: number) =>
    formatProgress({ ...progress, elapsedMs }, { intervalMs }).split(' ')[0];
  expect([at(301, 100), at(1_499, 1_500), at(2_004, 2_000)]).toEqual(['0.3s', '1.5s', '2s']);
});

test('those that misbehave are in every line, however long it is', () => {
  const kinds = [{ name: 'half-open', isGood: false, active: 1_000, target: 1_000 }];
  const long = { ...progress, kinds, active: 10_000, target: 10_000, failed: 1_000, lost: 1_000 };
  expect(formatProgress(long)).toMatch(/ 1 000 lost {2}1 000\/1 000 half-open$/);
});
