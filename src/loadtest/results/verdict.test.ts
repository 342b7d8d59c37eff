/** Tests of verdict.ts: what a run of a load tester that kept up comes to, and why. */
import { expect, test } from 'vitest';
import { judged } from '../../../test/support/judged-run.ts';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import type { WorkerReport } from '../workers/worker-messages.ts';

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

test('a lost connection that came back passes, one that did not fails', () => {
  const report = workerReport();
  const away = { ...report, connections: { ...report.connections, active: 4, away: 1 } };
  expect(judged(stateOf(away)).reasons).toEqual([
    '1 client did not come back after a lost connection (open-close-1001 ×1)',
  ]);
});

test('a server that stood still at the end has failed, whatever it did before', () => {
  const silent = (silentMs: number) => stateOf(workerReport({}, { silentMs }));
  expect(judged(silent(1_999)).verdict).toBe('pass');
  const reason = expect.stringMatching(/^the server sent nothing at all in the last 2\.50s, and/);
  expect(judged(silent(2_500))).toEqual({ verdict: 'fail', reasons: [reason] });
  // Not where it may have been the load tester that did not hear it.
  const shortfall = { bottlenecks: ['stood still'], delays: [] };
  expect(judged(silent(2_500), { shortfall })).toEqual({
    verdict: 'inconclusive',
    reasons: ['stood still', reason],
  });
});

test('a run that was interrupted before events had time misses none', () => {
  const state = stateOf(workerReport({ received: 0, lost: 1 }));
  const reasonsAfter = (holdMs: number) => judged(state, { interrupted: true, holdMs }).reasons;
  expect(reasonsAfter(40)).toEqual(['1 event was lost']);
  expect(reasonsAfter(5_000)).toContainEqual(expect.stringMatching(/^no event was received/));
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
