/** Tests of histogram.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Histogram } from './histogram.ts';

const durations = fc.array(fc.double({ min: 0, max: 10_000_000, noNaN: true }), {
  minLength: 1,
  maxLength: 300,
});

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

test('a percentile is within 1 % of the exact one and never below it', () => {
  fc.assert(
    fc.property(durations, fc.integer({ min: 1, max: 100 }), (values, percent) => {
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
      const found = histogramOf(values).percentile(percent);
      // Below a microsecond there is nothing to tell apart.
      expect(found).toBeGreaterThanOrEqual(exact - 0.000_51);
      expect(found).toBeLessThanOrEqual(exact * 1.01 + 0.000_51);
    }),
    { seed: 1 },
  );
});

test('merging two histograms is the same as recording into one', () => {
  fc.assert(
    fc.property(durations, durations, (left, right) => {
      const merged = histogramOf(left);
      merged.merge(histogramOf(right).snapshot());
      const { sumMs, ...whole } = histogramOf([...left, ...right]).snapshot();
      const { sumMs: mergedSumMs, ...rest } = merged.snapshot();
      expect(rest).toEqual(whole);
      expect(mergedSumMs).toBeCloseTo(sumMs, 3);
    }),
    { seed: 2 },
  );
});

test('minimum, maximum, mean and count are exact', () => {
  const histogram = histogramOf([1.5, 2.25, 1_000.125]);
  expect(histogram.minMs).toBe(1.5);
  expect(histogram.maxMs).toBe(1_000.125);
  expect(histogram.meanMs).toBeCloseTo(334.625, 9);
  expect(histogram.count).toBe(3);
});

test('negative values count as zero, are told apart and survive a merge', () => {
  // Of these, one may be due to times that are rounded.
  const histogram = histogramOf([-5, -0.5, 1]);
  const merged = new Histogram();
  merged.merge(histogram.snapshot());
  for (const each of [histogram, merged]) {
    expect(each.negative).toBe(1);
    expect(each.count).toBe(3);
    expect(each.percentile(50)).toBe(0);
  }
});

test('values of more than 19 hours are kept in the last bucket', () => {
  const histogram = histogramOf([1, 1e12]);
  expect(histogram.maxMs).toBe(1e12);
  expect(histogram.percentile(100)).toBeGreaterThan(19 * 3_600_000);
  expect(histogram.snapshot().buckets).toHaveLength(2);
});

test('an empty histogram has zeros everywhere and merges without effect', () => {
  const empty = new Histogram();
  expect([empty.count, empty.minMs, empty.maxMs, empty.meanMs, empty.percentile(99)]).toEqual([
    0, 0, 0, 0, 0,
  ]);
  const histogram = histogramOf([3]);
  histogram.merge(empty.snapshot());
  expect(histogram.minMs).toBe(3);
});

test('a histogram read back from a file is the same', () => {
  fc.assert(
    fc.property(durations, (values) => {
      const histogram = histogramOf(values);
      const text = JSON.stringify(histogram.toRecord());
      expect(Histogram.fromRecord(JSON.parse(text)).snapshot()).toEqual(histogram.snapshot());
    }),
    { seed: 1 },
  );
});

test('an empty histogram survives a file too', () => {
  const text = JSON.stringify(new Histogram().toRecord());
  const back = Histogram.fromRecord(JSON.parse(text));
  back.record(7);
  expect([back.count, back.minMs, back.maxMs]).toEqual([1, 7, 7]);
});

test('what came after an earlier state is what was recorded since', () => {
  fc.assert(
    fc.property(durations, durations, (before, after) => {
      const histogram = histogramOf(before);
      const earlier = histogram.since(undefined);
      for (const value of after) histogram.record(value);
      const later = histogram.since(earlier);
      expect(later.snapshot()).toMatchObject({
        buckets: histogramOf(after).snapshot().buckets,
        counts: histogramOf(after).snapshot().counts,
      });
      expect(later.percentile(50)).toBe(histogramOf(after).percentile(50));
    }),
    { seed: 2 },
  );
});
