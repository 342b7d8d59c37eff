import fc from 'fast-check';
import { expect, test } from 'vitest';
import { maxListed } from '../../protocol/status-sections.ts';
import { firstRows } from './first-rows.ts';

test('they are the first of all when they are sorted, and the others are counted', () => {
  const row = fc.record({ rank: fc.integer({ min: 0, max: 40 }), id: fc.nat() });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 3 * maxListed, size: 'max' }), (all) => {
      const order = (one: { rank: number }, other: { rank: number }) => other.rank - one.rank;
      expect(firstRows(all, order, 7)).toEqual({
        rows: all.toSorted(order).slice(0, maxListed),
        left_out: 7 + Math.max(0, all.length - maxListed),
      });
    }),
    { seed: 1, numRuns: 100 },
  );
});
