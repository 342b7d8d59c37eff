/** Tests of units.ts. */
import { expect, test } from 'vitest';
import { formatMs } from './units.ts';

test('milliseconds have two to three digits that matter', () => {
  expect([0.4, 4.25, 42, 420, 4_200].map(formatMs)).toEqual([
    '0.40ms',
    '4.3ms',
    '42.0ms',
    '420ms',
    '4.20s',
  ]);
});
