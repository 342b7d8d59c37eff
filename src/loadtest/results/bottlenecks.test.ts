/** Tests of bottlenecks.ts: a load tester that was too slow, late or gone excuses what that explains. */
import { expect, test } from 'vitest';
import { judged } from '../../../test/support/judged-run.ts';
import { healthy, stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { Histogram } from '../../base/histogram.ts';
import { perPhase } from '../socket/connect-phases.ts';
import { totalsOf } from '../workers/totals.ts';
import type { WorkerReport } from '../workers/worker-messages.ts';
import { shortfallOf } from './bottlenecks.ts';

const late = (() => {
  const histogram = new Histogram();
  histogram.record(30, 10);
  return histogram.snapshot();
})();

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
