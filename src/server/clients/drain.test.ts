/** When clients are let go: evenly, within the budget, and soon when they are few. */
import { expect, test } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { drainTimes } from './drain.ts';

const timesFor = (count: number, budgetMs: number) => {
  const random = createRandom(20_251);
  return drainTimes(count, budgetMs, () => random.next());
};

test.each([
  [0, 25_000, 0],
  [1, 25_000, 10],
  [10, 25_000, 100],
  [1_000, 25_000, 10_000],
  [2_000, 25_000, 20_000],
  [12_000, 25_000, 20_000],
  [50_000, 25_000, 20_000],
  [500, 1_000, 800],
  [500, 0, 0],
])('%i clients with a budget of %i ms are closed within %i ms', (count, budgetMs, spreadMs) => {
  const times = timesFor(count, budgetMs);
  expect(times).toHaveLength(count);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  for (const time of times) expect(time).toBeGreaterThanOrEqual(0);
  expect(times.at(-1) ?? 0).toBeLessThanOrEqual(spreadMs);
});

test.each([
  [1_000, 25_000, 100],
  [12_000, 25_000, 600],
  [300, 1_000, 375],
])('of %i clients with %i ms, no second closes more than %i, and one', (count, budgetMs, share) => {
  const times = timesFor(count, budgetMs);
  for (const [index, time] of times.entries()) {
    const inSecond = times.slice(index).filter((later) => later < time + 1_000).length;
    expect(inSecond).toBeLessThanOrEqual(share + 1);
  }
});
