/** Tests of worker-health.ts: what a worker tells of itself after it stood still. */
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { WorkerHealthMeter } from './worker-health.ts';

test('a stall is told even when the question comes before the tick that is due', () => {
  using meter = new WorkerHealthMeter(() => ({ cpuMs: 0, rssBytes: 0 }));
  expect(meter.sample()).toMatchObject({ stalls: 0, longestStallMs: 0 });
  standStill(250);
  const { stalls, stalledMs, longestStallMs } = meter.sample();
  expect(stalls).toBe(1);
  expect(longestStallMs).toBeGreaterThanOrEqual(200);
  expect(stalledMs).toBe(longestStallMs);
  expect(meter.sample().stalls).toBe(1);
});

test('a stall after the hold phase is none of it, unless it made something be missed', () => {
  using meter = new WorkerHealthMeter(() => ({ cpuMs: 0, rssBytes: 0 }));
  meter.hold();
  standStill(250);
  expect(meter.sample()).toMatchObject({ stalls: 0, stalledMs: 0, longestStallMs: 0 });
  meter.countStallsSince();
  expect(meter.sample().stalls).toBe(1);
  expect(meter.sample().longestStallMs).toBeGreaterThanOrEqual(200);
});

function standStill(forMs: number): void {
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs);
}
