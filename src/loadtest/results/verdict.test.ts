/** Tests of verdict.ts, thresholds.ts and bottlenecks.ts: how the figures of a run are judged. */
import { expect, test } from 'vitest';
import { healthy, stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { Histogram } from '../../base/histogram.ts';
import type { ReceiveQueue } from '../machine/receive-queue.ts';
import { perPhase } from '../socket/connect-phases.ts';
import { totalsOf } from '../workers/totals.ts';
import type { WorkerReport } from '../workers/worker-messages.ts';
import type { WorkerState } from '../workers/worker-pool.ts';
import { shortfallOf } from './bottlenecks.ts';
import { breachOf, resultsOf, thresholdsOf } from './thresholds.ts';
import { type Evidence, judge } from './verdict.ts';

const late = (() => {
  const histogram = new Histogram();
  histogram.record(30, 10);
  return histogram.snapshot();
})();
const told = { time: true, sequence: true, odin: true };
const scale = { target: 5, holdMs: 2_000, told };

function judged(
  state: WorkerState,
  {
    thresholds = [],
    queue,
    ...more
  }: Partial<Omit<Evidence, 'thresholds'>> & {
    thresholds?: string[];
    queue?: ReceiveQueue;
  } = {},
) {
  const totals = totalsOf([state]);
  const results = resultsOf(thresholdsOf(thresholds, told), () => ({ totals, scale }));
  return judge({
    totals,
    thresholds: results,
    shortfall: shortfallOf([state], totals, { queue, holdMs: scale.holdMs }),
    breach: undefined,
    interrupted: false,
    holdMs: scale.holdMs,
    told,
    undone: [],
    ...more,
  });
}

test('a run without any fault passes', () => {
  expect(judged(stateOf(workerReport()))).toEqual({ verdict: 'pass', reasons: [] });
  expect(judged(stateOf(workerReport()), { interrupted: true }).verdict).toBe('interrupted');
});

test.each<[Partial<WorkerReport['messages']>, string]>([
  [{ lost: 1 }, '1 event was lost'],
  [{ lost: 2_000 }, '2 000 events were lost'],
  [{ unrecovered: 2 }, '2 events or more were missed while disconnected and not recovered'],
  [{ missedWhileDisconnected: 2 }, '2 events or more were missed while disconnected'],
  [{ duplicated: 1 }, '1 event was received twice'],
  [{ reordered: 3 }, '3 events were received out of order'],
  [{ unexpected: 1 }, '1 event was of channels not subscribed to'],
  [{ badMessages: 2 }, '2 messages could not be read'],
  [{ seqBreaks: 1 }, '1 seq number did not follow the one before'],
  [{ received: 0 }, 'no event was received: is a publisher running on these channels?'],
])('%o fails the run', (messages, reason) => {
  expect(judged(stateOf(workerReport(messages)))).toEqual({ verdict: 'fail', reasons: [reason] });
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

test('a lost connection that came back passes, one that did not fails', () => {
  const report = workerReport();
  const away = { ...report, connections: { ...report.connections, active: 4, away: 1 } };
  expect(judged(stateOf(away)).reasons).toEqual([
    '1 client did not come back after a lost connection (open-close-1001 ×1)',
  ]);
});

test('a run that was interrupted before events had time misses none', () => {
  const state = stateOf(workerReport({ received: 0, lost: 1 }));
  const reasonsAfter = (holdMs: number) => judged(state, { interrupted: true, holdMs }).reasons;
  expect(reasonsAfter(40)).toEqual(['1 event was lost']);
  expect(reasonsAfter(5_000)).toContainEqual(expect.stringMatching(/^no event was received/));
});

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

test('a run that was ended early has failed, even if the condition held again later', () => {
  const breach = {
    expression: 'latency.p99 < 50ms',
    metric: 'latency.p99' as const,
    unit: 'ms' as const,
    afterMs: 10_240,
    of: 'the hold phase',
  };
  expect(judged(stateOf(workerReport()), { breach })).toEqual({
    verdict: 'fail',
    reasons: ['ended early, after 10.2s of the hold phase: latency.p99 < 50ms'],
  });
});

const slow: [string, Partial<WorkerReport['generator']>, string][] = [
  ['stood still', { longestStallMs: 3_000 }, 'load test worker 1 stood still for 3.00s'],
  [
    'was late',
    { sustainedDelayMs: 101 },
    'load test worker 1 was late itself: loop delay p99 101ms',
  ],
  ['was busy', { cpuPercent: 95 }, 'load test worker 1 used 95% of a core'],
  ['collected', { gcPercent: 30 }, 'load test worker 1 collected garbage for 30% of the time'],
];

test.each(slow)('a worker that %s makes the run inconclusive, never a pass', (_, figures, why) => {
  const generator = { ...healthy, ...figures };
  const state = stateOf(workerReport({}, { generator }));
  const { verdict, reasons } = judged(state);
  expect(verdict).toBe('inconclusive');
  expect(reasons).toEqual([expect.stringContaining(why)]);
});

test('sockets that are left unread make the run inconclusive, a burst does not', () => {
  // Ten events of 100 bytes in two seconds for five clients: 100 bytes are a second of one client.
  const state = stateOf(workerReport({ bytes: 1_000 }));
  const queue = { looks: 3, medianBytes: 11, maxTotalBytes: 55 };
  expect(judged(state, { queue })).toEqual({
    verdict: 'inconclusive',
    reasons: ['sockets held 110ms of events unread (at most 100ms): use more --workers'],
  });
  expect(judged(state, { queue: { ...queue, looks: 2 } }).verdict).toBe('pass');
  expect(judged(state, { queue: { ...queue, medianBytes: 9 } }).verdict).toBe('pass');
});

test.each<[Partial<WorkerReport['messages']>, string[], string]>([
  [{}, ['latency.p99 < 1ms'], 'inconclusive'],
  [{ missedWhileDisconnected: 1 }, [], 'inconclusive'],
  [{ lost: 3, lostAtEnd: 3 }, [], 'inconclusive'],
  [{ lost: 3, lostAtEnd: 2 }, [], 'fail'],
  [{ duplicated: 1 }, [], 'fail'],
  [{ seqBreaks: 1 }, [], 'fail'],
])('with a slow worker, %o and thresholds %j are %s', (messages, thresholds, verdict) => {
  const generator = { ...healthy, longestStallMs: 3_000 };
  expect(judged(stateOf(workerReport(messages, { generator })), { thresholds }).verdict).toBe(
    verdict,
  );
});

test.each<[Partial<WorkerReport['messages']>, string[], string]>([
  [{}, ['latency.p99 < 1ms'], 'inconclusive'],
  [{}, ['connect.p50 < 1ms', 'latency.p99 < 1ms'], 'fail'],
  [{}, ['latency.max < 91ms'], 'pass'],
  [{}, [], 'pass'],
  [{ lost: 1, lostAtEnd: 1 }, ['latency.p99 < 1ms'], 'fail'],
  [{ missedWhileDisconnected: 1 }, [], 'fail'],
])('with a worker that was a little late, %o and %j are %s', (messages, thresholds, verdict) => {
  const generator = { ...healthy, sustainedDelayMs: 25 };
  const result = judged(stateOf(workerReport(messages, { generator })), { thresholds });
  expect(result.verdict).toBe(verdict);
  const why = 'load test worker 1 was late itself: loop delay p99 25.0ms (at most 20ms)';
  expect(result.reasons.includes(why)).toBe(verdict === 'inconclusive');
});

test('clients that were dialed late excuse a limit on connecting, and only that', () => {
  const state = stateOf(workerReport({}, { phases: perPhase(() => late) }));
  const why = 'clients were dialed later than planned: p99 30.0ms (at most 20ms)';
  expect(judged(state, { thresholds: ['connect.p99 < 25ms'] })).toEqual({
    verdict: 'inconclusive',
    reasons: [why, 'connect.p99 < 25ms: was 30ms'],
  });
  expect(judged(state, { thresholds: ['latency.p99 < 1ms'] }).verdict).toBe('fail');
  expect(judged(state).verdict).toBe('pass');
});

test('a worker that died leaves the question open', () => {
  const state = stateOf(workerReport(), { code: 1, stderr: 'RangeError: too much' });
  const { verdict, reasons } = judged(state);
  expect(verdict).toBe('inconclusive');
  expect(reasons[0]).toBe('1 worker process died (exit code 1: RangeError: too much)');
});

test('a lost agent is named once, with all its clients; a vague clock excuses late events only', () => {
  const agent = { name: 'web', clockUncertaintyMs: 0, loss: 'silent for 10s', lostAfterMs: 12_340 };
  const exit = { code: null, signal: null, stderr: agent.loss };
  const lost = { ...stateOf(workerReport()), agent, exit };
  const shortfall = shortfallOf([lost, lost], totalsOf([lost, lost]), {
    queue: undefined,
    holdMs: 0,
  });
  expect(shortfall.bottlenecks).toEqual([
    'agent web was lost after 12.34s, with 10 clients: silent for 10s',
  ]);
  const vague = { ...agent, clockUncertaintyMs: 21, loss: undefined };
  const slow = { ...stateOf(workerReport()), agent: vague };
  expect(judged(slow, { thresholds: ['latency.p99 < 1ms'] })).toEqual({
    verdict: 'inconclusive',
    reasons: ['the clock of agent web is known to ± 21.0ms only', 'latency.p99 < 1ms: was 90ms'],
  });
  for (const metric of ['connect.p99', 'return.p99', 'ack.p99']) {
    expect([metric, judged(slow, { thresholds: [`${metric} < 1ms`] }).verdict]).toEqual([
      metric,
      'fail',
    ]);
  }
});

test('a loop that was late excuses all that it reads late, but not connecting', () => {
  const times = { latency: late, returns: late, acks: late, connect: late };
  const generator = { ...healthy, sustainedDelayMs: 25 };
  const state = stateOf(workerReport({}, { generator, ...times }));
  const verdicts = ['latency', 'return', 'ack', 'connect'].map(
    (time) => judged(state, { thresholds: [`${time}.p99 < 25ms`] }).verdict,
  );
  expect(verdicts).toEqual(['inconclusive', 'inconclusive', 'inconclusive', 'fail']);
});
