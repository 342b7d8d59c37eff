import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Rate, type RateSettings } from './rate.ts';

/** Takes at each of `timesMs`; returns which were allowed. */
function take(settings: RateSettings, timesMs: readonly number[]): boolean[] {
  const rate = new Rate(settings);
  let bucket = 0;
  return timesMs.map((nowMs) => {
    if (rate.waitMs(bucket, nowMs) > 0) return false;
    bucket = rate.afterTaking(bucket, nowMs);
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
  const rate = new Rate({ perSecond: 4, burst: 1 });
  const bucket = rate.afterTaking(0, 1_000);
  expect(rate.waitMs(bucket, 1_000)).toBe(250);
  expect(rate.waitMs(bucket, 1_249)).toBe(1);
  expect(rate.waitMs(bucket, 1_250)).toBe(0);
});

test('a rate of 0 is unlimited', () => {
  expect(take({ perSecond: 0, burst: 1 }, new Array(1_000).fill(1))).not.toContain(false);
});

test('steady use at just the rate is never held up by rounding', () => {
  const rate = new Rate({ perSecond: 3, burst: 1 });
  let bucket = 0;
  for (let n = 0; n < 10_000; n++) {
    const nowMs = 12_345.678 + (n * 1_000) / 3;
    expect(rate.waitMs(bucket, nowMs)).toBe(0);
    bucket = rate.afterTaking(bucket, nowMs);
  }
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

test('a rate that changes allows what a bucket allows that keeps its tokens', () => {
  const settings = fc.record({
    perSecond: fc.constantFrom(0, 0.5, 1, 4, 64),
    burst: fc.integer({ min: 1, max: 8 }),
  });
  // Quarters of a second and powers of two: the model's sums are exact.
  const gapMs = fc.integer({ min: 0, max: 12 }).map((n) => n * 250);
  const step = fc.record({ gapMs, change: fc.option(settings, { nil: undefined }) });
  const steps = fc.array(step, { maxLength: 80 });
  fc.assert(
    fc.property(settings, steps, (first, all) => {
      let now = first;
      const rate = new Rate(now);
      let [nowMs, bucket, taken] = [0, 0, 0];
      for (const { gapMs, change } of all) {
        nowMs += gapMs;
        taken = Math.max(0, taken - (gapMs * now.perSecond) / 1_000);
        if (change !== undefined) {
          now = change;
          rate.change(now, nowMs);
        }
        const isAllowed = now.perSecond === 0 || taken + 1 <= now.burst;
        expect(rate.waitMs(bucket, nowMs) === 0).toBe(isAllowed);
        if (!isAllowed || now.perSecond === 0) continue;
        bucket = rate.afterTaking(bucket, nowMs);
        taken++;
      }
    }),
    { seed: 12, numRuns: 2_000 },
  );
});
