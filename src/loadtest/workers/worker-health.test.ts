/** Tests of worker-health.ts: what a worker tells of itself after it stood still. */
import { performance } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { WorkerHealthMeter } from './worker-health.ts';

test('a stall is told even when the question comes before the tick that is due', () => {
  using meter = new WorkerHealthMeter(() => ({ cpuMs: 0, rssBytes: 0 }));
  expect(meter.sample()).toMatchObject({ stalls: 0, longestStallMs: 0 });
  const untilMs = performance.now() + 250;
  while (performance.now() < untilMs);
  const { stalls, stalledMs, longestStallMs } = meter.sample();
  expect(stalls).toBe(1);
  expect(longestStallMs).toBeGreaterThanOrEqual(200);
  expect(stalledMs).toBe(longestStallMs);
  expect(meter.sample().stalls).toBe(1);
});
