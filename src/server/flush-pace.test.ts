/** How far apart flushes are: by their cost, up to a limit, and further when the guard says so. */
import { expect, test } from 'vitest';
import { FlushPace } from './flush-pace.ts';

function paceAfter(flushMs: number, limitMs: number): FlushPace {
  const pace = new FlushPace(limitMs, () => {});
  for (let flush = 0; flush < 100; flush++) pace.flushed(flushMs);
  return pace;
}

test.each([
  ['cheap flushes', 1, 50, 4],
  ['dear flushes', 100, 50, 50],
  ['no waiting at all', 100, 0, 0],
])('with %s the wait follows their cost, up to the limit', (_title, flushMs, limitMs, waitMs) => {
  const pace = paceAfter(flushMs, limitMs);
  expect(pace.intervalMs).toBeCloseTo(waitMs, 3);
  pace.stretch = 2;
  expect(pace.intervalMs).toBeCloseTo(2 * waitMs, 3);
  pace.stretch = 1;
  expect(pace.intervalMs).toBeCloseTo(waitMs, 3);
});
