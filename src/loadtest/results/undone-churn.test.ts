/** Tests of undone-churn.ts: churn that could not be done is said, and no pass. */
import { expect, test } from 'vitest';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { kindOf } from '../socket/error-classes.ts';
import { totalsOf } from '../workers/totals.ts';
import { undoneChurn } from './undone-churn.ts';
import { judge } from './verdict.ts';

const holdMs = 3_000;
const refusal = '{"code":"RATE_LIMIT_EXCEEDED","message":"too many messages"}';

function totalsWith(unsubscribed: number, refused = 0) {
  const report = workerReport({ serverErrors: refused });
  const name = 'open-error';
  const errors = [{ class: name, ...kindOf(name), example: refusal, count: refused } as const];
  return totalsOf([
    stateOf({
      ...report,
      connections: { ...report.connections, churned: 2 * unsubscribed, unsubscribed },
      errors: refused > 0 ? errors : [],
    }),
  ]);
}

test.each([
  [
    '10000/s:0s',
    2_750,
    50,
    [
      /^clients dropped 2 750 channels of the 30 000 /,
      /^the server refused changes of --churn: 50 × RATE_LIMIT_EXCEEDED$/,
    ],
  ],
  ['100/s', 290, 1, [/^the server refused changes of --churn: 1 × /]],
  ['100/s', 149, 0, [/^clients dropped 149 channels of the 300 that --churn 100\/s asks for: /]],
  ['100/s', 151, 0, []],
  // One turn more or less, and a run without churn.
  ['1/s', 0, 0, []],
  [undefined, 0, 3, []],
] as const)('%s, %d dropped, %d refused: %o', (churn, dropped, refused, expected) => {
  const totals = totalsWith(dropped, refused);
  const undone = undoneChurn(churn, totals, holdMs);
  expect(undone).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  const evidence = { totals, thresholds: [], shortfall: { bottlenecks: [], delays: [] }, undone };
  const told = { time: true, sequence: true, odin: true };
  expect(
    judge({ ...evidence, breach: undefined, interrupted: false, holdMs: 2_000, told }),
  ).toEqual({
    verdict: undone.length > 0 ? 'inconclusive' : 'pass',
    reasons: undone,
  });
});

test('clients that were there before, as in later trials of a search, are looked at, too', () => {
  const { connections, ...totals } = totalsWith(10);
  const among = (counts: object) =>
    undoneChurn('100/s', { ...totals, connections: { ...connections, ...counts } }, holdMs);
  expect(among({ opened: 0, active: 5 })).toHaveLength(1);
  expect(among({ opened: 0, active: 0 })).toEqual([]);
});
