/** Tests of standings.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Standings } from './standings.ts';

test('an event is followed when it comes after the newest one, and only then', () => {
  const standings = new Standings();
  const row = standings.addRow();
  const follow = (prev: number, offset: number, ts = 0) =>
    standings.follow(0, row, { channel: 0, prev, offset, ts });
  expect(follow(Number.NaN, 10)).toBe(false);
  standings.set(0, row, { first: 10 });
  expect(follow(Number.NaN, 10)).toBe(false);
  standings.set(0, row, { last: 10 });
  expect(follow(10, 13, 500)).toBe(true);
  expect(follow(10, 13, 600)).toBe(false);
  expect(follow(13, 14, 400)).toBe(true);
  expect(standings.newestTs[row]).toBe(500);
});

test('rows and slots keep what they hold, however many come and go around them', () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant('come' as const), slot: fc.nat(5) }),
    fc.record({ kind: fc.constant('go' as const), slot: fc.nat(200) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const standings = new Standings();
      const held = new Map<number, { slot: number; value: number }>();
      for (const [value, { kind, slot }] of actions.entries()) {
        if (kind === 'come') {
          const row = standings.addRow();
          expect(held.has(row)).toBe(false);
          for (let at = 0; at < standings.slots; at++) {
            for (const which of ['last', 'first', 'before'] as const) {
              expect(standings.get(at, row, which)).toBeNaN();
            }
          }
          expect(standings.newestTs[row]).toBe(Number.NEGATIVE_INFINITY);
          expect(standings.wasMissed(row, 0)).toBe(false);
          standings.set(slot, row, { last: value, first: Number.NaN, before: -value });
          standings.newestTs[row] = value;
          standings.resumedAtMs[row] = value;
          held.set(row, { slot, value });
        } else {
          const row = [...held.keys()][slot % (held.size || 1)];
          if (row === undefined) continue;
          standings.removeRow(row);
          held.delete(row);
        }
        for (const [row, { slot: at, value: kept }] of held) {
          expect(standings.get(at, row, 'last')).toBe(kept);
          expect(standings.get(at, row, 'first')).toBeNaN();
          expect(standings.get(at, row, 'before')).toBe(-kept);
          expect(standings.newestTs[row]).toBe(kept);
          expect(standings.wasMissed(row, kept - 1)).toBe(true);
        }
      }
    }),
    { seed: 6, numRuns: 60 },
  );
});
