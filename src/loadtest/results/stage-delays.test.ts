/** Tests of stage-delays.ts: a run whose stages were not as long as planned is not judged. */
import { expect, test } from 'vitest';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { totalsOf } from '../workers/totals.ts';
import { shortfallOf } from './bottlenecks.ts';
import type { StageDelay } from './stage-delays.ts';

const punctual: StageDelay = {
  ...{ name: 'stage1', isMeasured: true, overtimeMs: 4, stalledMs: 0 },
  ...{ lateMs: [1, 499], lateEndMs: [0, 499] },
};

function bottlenecks(...stages: Partial<StageDelay>[]): readonly string[] {
  const workers = [stateOf(workerReport()), stateOf(workerReport())];
  return shortfallOf(workers, totalsOf(workers), {
    ...{ queue: undefined, holdMs: 2_000 },
    stages: stages.map((stage) => ({ ...punctual, ...stage })),
  }).bottlenecks;
}

test('stages that were less than half a second late are as planned', () => {
  expect(bottlenecks({}, { name: 'stage2', overtimeMs: 499, stalledMs: 3_000 })).toEqual([]);
});

test('the first stage that ended late is named, with how long the process stood still', () => {
  const own = { overtimeMs: 2_210, stalledMs: 3_001 };
  expect(
    bottlenecks(
      { ...own, name: 'stage2' },
      // What comes after it is late, too, in every worker.
      { name: 'stage3', overtimeMs: 1_215, lateMs: [2_215, 2_215] },
    ),
  ).toEqual([
    "the load test's own process stood still for 3.00s: stage2 ended 2.21s late (allowed: less than 500ms)",
  ]);
});

test.each<[Partial<StageDelay>, string[]]>([
  [
    { lateMs: [0, 2_500] },
    ['load test worker 2 began stage1 2.50s late (allowed: less than 500ms)'],
  ],
  [
    { lateEndMs: [500, 0] },
    ['load test worker 1 ended stage1 500ms late (allowed: less than 500ms)'],
  ],
  // Of what is not measured, only what it makes of the measured stages beside it counts.
  [{ isMeasured: false, lateMs: [0, 2_500] }, []],
])('workers that were told late are named: %o', (stage, reasons) => {
  expect(bottlenecks(stage, { name: 'stage2' })).toEqual(reasons);
});
