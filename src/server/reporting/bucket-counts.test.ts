import { expect, test } from 'vitest';
import { BucketCounts, quantileOf } from './bucket-counts.ts';

function counted(...values: readonly number[]): BucketCounts {
  const counts = new BucketCounts([1, 2, 10]);
  for (const value of values) counts.observe(value);
  return counts;
}

test('nothing counted has no quantile', () => {
  expect(quantileOf(counted(), 0.5)).toBeUndefined();
});

test('a quantile lies on a line within its bucket', () => {
  const counts = counted(0.5, 0.5, 1.5, 1.5);
  expect(quantileOf(counts, 0.25)).toBe(0.5);
  expect(quantileOf(counts, 0.5)).toBe(1);
  expect(quantileOf(counts, 0.75)).toBe(1.5);
  expect(quantileOf(counts, 1)).toBe(2);
});

test('empty buckets are passed over, and what is above all bounds counts as the last', () => {
  expect(quantileOf(counted(5, 5), 0)).toBe(2);
  expect(quantileOf(counted(5, 5), 1)).toBe(10);
  expect(quantileOf(counted(0.5, 99), 0.99)).toBe(10);
});

test('counts of two add up to the counts of all their values', () => {
  const sum = counted(0.5, 1.5, 99);
  sum.add(counted(1.5, 5));
  expect(sum).toEqual(counted(0.5, 1.5, 99, 1.5, 5));
  sum.clear();
  expect(sum).toEqual(counted());
});
