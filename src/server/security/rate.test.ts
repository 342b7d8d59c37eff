import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterTaking, type Rate, waitMs } from './rate.ts';

/** Takes at each of `timesMs`; returns which were allowed. */
function take(rate: Rate, timesMs: readonly number[]): boolean[] {
  let fullAtMs = 0;
  return timesMs.map((nowMs) => {
    if (waitMs(rate, fullAtMs, nowMs) > 0) return false;
    fullAtMs = afterTaking(rate, fullAtMs, nowMs);
    return true;
  });
}

test('a burst is allowed at once, then one per interval', () => {
  const rate = { perSecond: 10, burst: 3 };
  expect(take(rate, [5_000, 5_000, 5_000, 5_000, 5_099, 5_100, 5_100, 5_200])).toEqual([
    ...[true, true, true],
    ...[false, false, true, false, true],
  ]);
});

test('the wait is the time until one more is allowed', () => {
  const rate = { perSecond: 4, burst: 1 };
  const fullAtMs = afterTaking(rate, 0, 1_000);
  expect(waitMs(rate, fullAtMs, 1_000)).toBe(250);
  expect(waitMs(rate, fullAtMs, 1_249)).toBe(1);
  expect(waitMs(rate, fullAtMs, 1_250)).toBe(0);
});

test('a rate of 0 is unlimited', () => {
  expect(take({ perSecond: 0, burst: 1 }, new Array(1_000).fill(1))).not.toContain(false);
});

test('it allows what a bucket of tokens allows', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 60 });
  const burst = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(gaps, burst, (gapsMs, capacity) => {
      const rate = { perSecond: 4, burst: capacity };
      let nowMs = 10_000;
      let tokens = capacity;
      const timesMs: number[] = [];
      const expected = gapsMs.map((gapMs) => {
        nowMs += gapMs;
        timesMs.push(nowMs);
        tokens = Math.min(capacity, tokens + gapMs / 250);
        if (tokens < 1) return false;
        tokens -= 1;
        return true;
      });
      expect(take(rate, timesMs)).toEqual(expected);
    }),
    { seed: 11, numRuns: 1_000 },
  );
});
