/** The pacing clock against the wall clock. */
import { afterEach, expect, test, vi } from 'vitest';
import { steadyClock } from './clock.ts';

afterEach(() => vi.restoreAllMocks());

test('a moment of the clock is the wall time of that moment', () => {
  const clock = steadyClock();
  const before = Date.now();
  const wallMs = clock.wallMs(clock.nowMs());
  expect(wallMs).toBeGreaterThanOrEqual(before - 6);
  expect(wallMs).toBeLessThanOrEqual(Date.now() + 6);
});

test('setting the wall clock moves wall times and not the pace', () => {
  const clock = steadyClock();
  const momentMs = clock.nowMs();
  const realNow = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + 3_600_000);
  const laterMs = clock.nowMs();
  expect(laterMs - momentMs).toBeLessThan(1_000);
  expect(clock.wallMs(laterMs)).toBeGreaterThan(realNow() + 3_599_000);
});
