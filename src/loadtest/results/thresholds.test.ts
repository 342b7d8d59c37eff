/** Tests of thresholds.ts and grounds.ts: what is observed of a condition, and which of them count. */
import { expect, test } from 'vitest';
import { judged, scale, told } from '../../../test/support/judged-run.ts';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { totalsOf } from '../workers/totals.ts';
import { breachOf, resultsOf, thresholdsOf } from './thresholds.ts';
import { judge } from './verdict.ts';

test('a threshold replaces the built-in condition on the same metric', () => {
  const state = stateOf(workerReport({ lost: 5, duplicated: 1 }));
  expect(judged(state, { thresholds: ['lost <= 5'] }).reasons).toEqual([
    '1 event was received twice',
  ]);
  expect(judged(state, { thresholds: ['lost < 5 & duplicated < 2'] }).reasons).toEqual([
    'lost < 5: was 5',
  ]);
});

test('connect.success replaces the condition on failed clients', () => {
  const report = workerReport();
  const connections = { ...report.connections, opened: 4, failed: 1, active: 4 };
  const state = stateOf({ ...report, connections });
  expect(judged(state).verdict).toBe('fail');
  expect(judged(state, { thresholds: ['connect.success >= 80%'] }).verdict).toBe('pass');
  expect(judged(state, { thresholds: ['connect.success > 99.9%'] }).reasons).toEqual([
    'connect.success > 99.9%: was 80%',
  ]);
});

test('every condition is in the results, with what was observed in its unit', () => {
  const asked = ['latency.max < 50ms', 'rate > 4', 'latency.mean < 1s'];
  const totals = totalsOf([stateOf(workerReport())]);
  const results = resultsOf(thresholdsOf(asked, told), () => ({ totals, scale }));
  expect(results.filter(({ isBuiltIn }) => !isBuiltIn)).toEqual([
    {
      expression: 'latency.max < 50ms',
      scope: null,
      metric: 'latency.max',
      unit: 'ms',
      observed: 90,
      ok: false,
      isBuiltIn: false,
    },
    {
      expression: 'rate > 4',
      scope: null,
      metric: 'rate',
      unit: 'perSecond',
      observed: 5,
      ok: true,
      isBuiltIn: false,
    },
    {
      expression: 'latency.mean < 1s',
      scope: null,
      metric: 'latency.mean',
      unit: 'ms',
      observed: 5,
      ok: true,
      isBuiltIn: false,
    },
  ]);
  expect(results.filter(({ isBuiltIn }) => isBuiltIn).map(({ metric }) => metric)).not.toContain(
    'received',
  );
});

test('where nothing was measured, no condition is met and none ends the run', () => {
  const thresholds = thresholdsOf(['latency.p99 < 50ms abort'], told);
  const totals = totalsOf([]);
  expect(resultsOf(thresholds, () => ({ totals, scale })).at(-1)).toMatchObject({
    observed: null,
    ok: false,
  });
  expect(breachOf(thresholds, () => ({ totals, scale }))).toBeUndefined();
});

/** One client that was there and got nothing; or nobody. */
const idle = {
  ...workerReport({ received: 0 }).connections,
  ...{ opened: 0, dropped: 0, reconnected: 0 },
};

test.each([
  ['lost == 0', 1, 'no event came'],
  ['duplicated == 0 & throttled == 0', 1, 'no event came'],
  ['failed == 0', 1, 'no client had to come'],
  ['dropped == 0', 0, 'no client was there'],
  ['received <= 5', 0, 'no client was there'],
  ['rate < 5/s', 0, 'no client was there'],
])('%j is not met by nothing: of %d clients', (text, active, why) => {
  const nothing = { ...workerReport().latency, buckets: [], counts: [] };
  const connections = { ...idle, active };
  const more = { connections, latency: nothing, stageLatency: nothing };
  const totals = totalsOf([stateOf(workerReport({ received: 0 }, more))]);
  const part = { totals, scale: { ...scale, target: 0 } };
  const results = resultsOf(thresholdsOf([text], told), () => part);
  const asked = results.filter(({ isBuiltIn }) => !isBuiltIn);
  for (const result of asked) expect(result).toMatchObject({ observed: null, ok: false });
  // That there are events is a condition of its own, of every run.
  expect(results.find(({ metric }) => metric === 'missed')).toMatchObject({
    observed: 0,
    ok: true,
  });
  const shortfall = { bottlenecks: [], delays: [] };
  const { holdMs } = scale;
  const evidence = {
    ...{ totals, shortfall, breach: undefined, interrupted: false, holdMs, told, undone: [] },
  };
  const { verdict, reasons } = judge({ ...evidence, thresholds: asked });
  expect(verdict).toBe('fail');
  expect(reasons[0]).toBe(`${asked[0]?.expression}: nothing was measured: ${why}`);
});

test('a count of 0 holds where something might have been counted', () => {
  const connections = { ...idle, active: 1 };
  const part = { totals: totalsOf([stateOf(workerReport({}, { connections }))]), scale };
  const texts = ['lost == 0 & failed == 0', 'dropped == 0 & received > 0 & errors < 2'];
  const results = resultsOf(thresholdsOf(texts, told), () => part);
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
});

test('a condition ends the run only when it says so, and not before its grace', () => {
  const totals = totalsOf([stateOf(workerReport())]);
  const breach = (text: string, holdMs: number) =>
    breachOf(thresholdsOf([text], told), () => ({ totals, scale: { target: 5, holdMs, told } }))
      ?.expression;
  expect(breach('latency.max < 50ms', 60_000)).toBeUndefined();
  expect(breach('latency.max < 50ms abort after 10s', 9_999)).toBeUndefined();
  expect(breach('latency.max < 50ms abort after 10s', 10_000)).toBe('latency.max < 50ms');
  expect(breach('latency.max < 100ms abort', 1)).toBeUndefined();
});

test('clients that have yet to come do not end a run for want of success', () => {
  const breach = (failed: number) => {
    const report = workerReport();
    const connections = { ...report.connections, opened: 5, failed };
    const totals = totalsOf([stateOf({ ...report, connections })]);
    const part = { totals, scale: { ...scale, target: 1_000 } };
    return breachOf(thresholdsOf(['connect.success > 99% abort'], told), () => part)?.expression;
  };
  expect(breach(0)).toBeUndefined();
  expect(breach(1)).toBe('connect.success > 99%');
});

test.each([
  ['lost == 0', 0, 20, 'inconclusive'],
  ['lost == 0', 1, 20, 'fail'],
  ['lost < 20', 3, 16, 'pass'],
  ['lost < 20', 3, 17, 'inconclusive'],
  ['lost >= 5', 3, 2, 'inconclusive'],
  ['lost >= 5', 3, 1, 'fail'],
  ['lost != 4', 3, 1, 'inconclusive'],
  ['duplicated == 0', 0, 1, 'inconclusive'],
  ['received >= 10', 0, 1, 'pass'],
  ['received >= 11', 0, 1, 'inconclusive'],
  ['latency.p99 < 1s', 0, 1, 'inconclusive'],
  ['dropped <= 1', 0, 1, 'inconclusive'],
  ['opened == 5 & connect.p99 < 10s', 0, 1, 'pass'],
])('%s with %i lost and %i unread is judged by what reading may change', (...row) => {
  const [threshold, lost, unread, verdict] = row;
  const totals = totalsOf([stateOf(workerReport({ lost, unread }))]);
  const asked = thresholdsOf([`slow: ${threshold}`], told).filter(({ isBuiltIn }) => !isBuiltIn);
  const thresholds = resultsOf(asked, () => ({ totals, scale }));
  const judgement = judge({
    ...{ totals, thresholds, told, breach: undefined, interrupted: false, undone: [] },
    ...{ shortfall: { bottlenecks: [], delays: [] }, holdMs: scale.holdMs },
  });
  expect(judgement.verdict).toBe(verdict);
  const said = judgement.reasons.filter((reason) => reason.includes('left unread'));
  expect(said).toHaveLength(verdict === 'inconclusive' ? 1 : 0);
});
