import { expect, test } from 'vitest';
import { down, reportOf, snapshotAt, up } from '../../../test/support/fleet.ts';
import { FleetModel } from '../fleet-model.ts';
import { complaintsOf } from './node-words.ts';

type Sights = Parameters<typeof snapshotAt>[1];

/** What is said of the nodes after looks that are a second apart. */
function saidAfter(...looks: readonly Sights[]): string[] {
  const model = new FleetModel();
  for (const [second, sights] of looks.entries()) model.take(snapshotAt(second, sights));
  const { nodes, timeMs } = model.figures!;
  return nodes.flatMap((node) => complaintsOf(node, timeMs).map(({ text }) => text));
}

const a = 'http://a:1';
const b = 'http://b:1';
const warm = up(
  reportOf({ seconds: 1, more: ({ history }) => ({ history: { ...history, warm: true } }) }),
  a,
);

test('a slow node is said to be silent since it answered, never for less than it was waited for', () => {
  const slow = [down(a, 'slow', 'no answer within 1000 ms')];
  const slower = [down(a, 'slow', 'no answer within 3000 ms')];
  expect(saidAfter([warm], slow, slower)).toEqual(['slow: no answer for 2s']);
  expect(saidAfter(slow, slower)).toEqual(['slow: no answer within 3000 ms']);
  const away = [down(a)];
  expect(saidAfter([warm], away, away)).toEqual(['away for 1s: nobody listens there']);
});

test('of a node with two addresses it is said that it is one, and which of them does not work', () => {
  const other = { ...warm, url: b };
  expect(saidAfter([warm, other])).toEqual([`one node, watched as ${a} and ${b}`]);
  expect(saidAfter([warm, other], [warm, down(b)])).toEqual([
    `does not answer at ${b}: away: nobody listens there`,
    `one node, watched as ${a} and ${b}`,
  ]);
  expect(saidAfter([warm, other], [down(a), other])).toEqual([
    `does not answer at ${a}: away: nobody listens there`,
    `one node, watched as ${a} and ${b}`,
  ]);
});
