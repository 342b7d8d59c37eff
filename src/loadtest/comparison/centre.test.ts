/** Tests of centre.ts: one disturbed run among three does not count. */
import { expect, test } from 'vitest';
import { centreOf, spreadOf } from './centre.ts';

test.each([
  [[4], 4, 0],
  [[4, 6], 5, 50],
  [[9, 4, 5], 5, 25],
  [[1, 4, 5], 4, 25],
  [[4, 5, 6, 7], 5.5, 50],
  [[10, 10, 10, 10, 90], 10, 0],
])('%o count as %d, and are %d %% apart', (figures, centre, spread) => {
  expect(centreOf(figures)).toBe(centre);
  expect(spreadOf(figures)).toBeCloseTo(spread);
});
