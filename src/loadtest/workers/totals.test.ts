/** Tests of totals.ts: what the figures of workers add up to. */
import { expect, test } from 'vitest';
import { healthy, stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { statesOfAll, statesOfGroup, totalsBetween, totalsOf } from './totals.ts';
import type { WorkerReport } from './worker-messages.ts';

test('the figures of all workers add up, and those of the machine are the worst', () => {
  const generator = { ...healthy, cpuPercent: 90, loopDelayP99Ms: 1, rssBytes: 500 };
  const totals = totalsOf([stateOf(workerReport()), stateOf(workerReport({}, { generator }))]);
  expect(totals.connections).toEqual({
    opened: 10,
    failed: 0,
    dropped: 2,
    moved: 0,
    reconnected: 2,
    upgraded: 12,
    vanished: 0,
    active: 10,
    left: 0,
    away: 0,
    returning: 0,
    strayed: 0,
    stormed: 0,
    churned: 0,
    unsubscribed: 0,
    resubscribed: 0,
  });
  expect(totals.messages.received).toBe(20);
  expect(totals.latency.count).toBe(20);
  expect(totals.latency.negative).toBe(2);
  expect(totals.phases.firstEvent.count).toBe(20);
  expect(totals.connect).toBe(totals.phases.upgraded);
  expect(totals.errors.list()).toEqual([
    {
      class: 'open-close-1001',
      phase: 'open',
      cause: 'close-1001',
      blame: 'policy',
      count: 2,
      example: 'first',
    },
  ]);
  expect(totals.closeCodes).toEqual(new Map([[1001, 2]]));
  expect(totals.generator).toEqual({ cpuPercent: 90, loopDelayP99Ms: 2, rssBytes: 1_500 });
});

test('refused clients add up by code', () => {
  const one = stateOf(workerReport({}, { refused: [['AT_CAPACITY', 2]] }));
  const other = stateOf(
    workerReport(
      {},
      {
        refused: [
          ['AT_CAPACITY', 3],
          ['STATUS_401', 1],
        ],
      },
    ),
  );
  expect([...totalsOf([one, other]).refused]).toEqual([
    ['AT_CAPACITY', 5],
    ['STATUS_401', 1],
  ]);
});

test('of several estimates of the clock the surest is taken', () => {
  const rough = { offsetMs: 9, uncertaintyMs: 5.5, roundTripMs: 10, samples: 100 };
  const sure = { offsetMs: 3, uncertaintyMs: 1.5, roundTripMs: 2, samples: 5 };
  const states = [rough, sure].map((clock) => stateOf(workerReport({}, { clock })));
  expect(totalsOf(states).clock).toEqual({ ...sure, samples: 105 });
  expect(totalsOf([stateOf(workerReport())]).clock).toBeUndefined();
});

test('clients that were open when their worker died have vanished, those to come have failed', () => {
  const stderr = 'stack\nRangeError: too much\n    at x';
  const totals = totalsOf([stateOf(workerReport()), stateOf(workerReport(), { code: 1, stderr })]);
  expect(totals.connections).toMatchObject({ opened: 10, failed: 0, active: 5, vanished: 5 });
  expect(totals.errors.list()[0]).toMatchObject({
    class: 'local-worker-died',
    blame: 'generator',
    count: 5,
    example: 'exit code 1: RangeError: too much',
  });
  const { connections } = workerReport();
  const early = workerReport(
    {},
    { connections: { ...connections, opened: 3, active: 2, away: 1 } },
  );
  expect(totalsOf([stateOf(early, { code: 1, stderr })]).connections).toMatchObject({
    ...{ opened: 3, failed: 2, active: 0, away: 1, vanished: 2 },
  });
  expect(totalsOf([stateOf(undefined, { code: 1, stderr })]).connections).toMatchObject({
    ...{ opened: 0, failed: 5, vanished: 0 },
  });
});

test('clients that misbehave are not among those that could not get in when their worker died', () => {
  const { connections, ...all } = workerReport();
  const [good, slow] = [4, 1].map((n) => ({
    ...all,
    connections: { ...connections, opened: n, active: n },
  })) as [WorkerReport, WorkerReport];
  const state = {
    ...stateOf({ ...good, groups: [good, slow] }, { code: 1, stderr: '' }),
    ...{ clients: 6, clientsByGroup: [6, 3] },
  };
  expect(totalsOf([state]).connections).toMatchObject({ opened: 4, failed: 2, vanished: 4 });
  expect(totalsOf(statesOfGroup([state], 1)).connections).toMatchObject({
    ...{ opened: 1, active: 0, failed: 2, vanished: 1 },
  });
  const everybody = { opened: 5, active: 0, failed: 4, vanished: 5 };
  expect(totalsOf(statesOfAll([state])).connections).toMatchObject(everybody);
  // One that died before its first report had some of each kind, too.
  const silent = { ...state, report: undefined };
  const failed = [0, 1].map((group) => totalsOf(statesOfGroup([silent], group)).connections.failed);
  expect(failed).toEqual([6, 3]);
});

test('a worker that died when nobody was there any more is no error of a client', () => {
  const { connections } = workerReport();
  const gone = workerReport(
    {},
    { connections: { ...connections, active: 0, left: 5 }, errors: [] },
  );
  const totals = totalsOf([stateOf(gone, { code: 1, stderr: '' })]);
  expect(totals.errors.list()).toEqual([]);
  expect(totals.deaths).toHaveLength(1);
});

test('clients of a lost agent vanish, by what happened to it; its doubt of time is in the clock', () => {
  const agent = { name: 'web', clockUncertaintyMs: 3, loss: 'it went silent', lostAfterMs: 1_000 };
  const clock = { offsetMs: 1, uncertaintyMs: 0.6, roundTripMs: 0.2, samples: 4 };
  const exit = { code: null, signal: null, stderr: agent.loss };
  const lost = { ...stateOf(workerReport({}, { clock, errors: [] })), agent, exit };
  const totals = totalsOf([lost]);
  expect(totals.connections).toMatchObject({ opened: 5, failed: 0, active: 0, vanished: 5 });
  expect(totals.messages.received).toBe(10);
  expect(totals.errors.list()).toMatchObject([
    {
      ...{ class: 'local-agent-lost', blame: 'generator', count: 5 },
      example: 'agent web was lost after 1.00s: it went silent',
    },
  ]);
  expect(totals.clock).toMatchObject({ offsetMs: 1, uncertaintyMs: 3.6 });
});

test('a stage misses no client that had to go before it began', () => {
  const { connections } = workerReport();
  const at = (away: number, strayed: number, returning = 0) => {
    const counts = { ...connections, away, strayed, returning };
    return totalsOf([stateOf(workerReport({}, { connections: counts }))]);
  };
  // Three had to go before; of those that are there now, one is away, and one had to go meanwhile.
  expect(totalsBetween(at(4, 3), at(5, 4)).connections.away).toBe(2);
  expect(totalsBetween(at(0, 0), at(5, 4)).connections.away).toBe(5);
  // One that a storm has just dropped is nobody's fault.
  expect(totalsBetween(at(0, 0), at(5, 4, 1)).connections).toMatchObject({ away: 4, returning: 0 });
});
