/** Totals of a node against a plain model, while shards report, die and are replaced. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bump, Counters } from '../../reporting/counters.ts';
import type { ShardReport } from '../../reporting/shard-figures.ts';
import { type ShardReportParts, takeReport } from '../shard/shard-report.ts';
import { NodeTotals } from './node-totals.ts';

/** What a process has beside its counters; all of it can be seen in the totals. */
interface Gauges {
  readonly connections?: number;
  readonly behind?: number;
  readonly flushIntervalMs?: number;
  readonly throttled?: readonly number[];
  readonly cpuMs?: number;
}

function reportOf(counters: Counters, gauges: Gauges = {}): ShardReport {
  const { connections = 0, behind = 0, flushIntervalMs = 0, throttled = [0, 0, 0] } = gauges;
  const throttle = { clientsAt: (level: number) => throttled[level - 1] as number };
  const parts: ShardReportParts = {
    usage: { cpuMs: gauges.cpuMs ?? 0, rssBytes: 1_000 },
    counters,
    connections: { size: connections },
    delivery: { behind, cohorts: 2, flushIntervalMs, throttle },
    admission: { pending: 3 },
    loopDelayMs: 1,
  };
  return takeReport(parts);
}

/** Every number of the counters by a name of its own. */
function numbersOf(counters: object, prefix = ''): Map<string, number> {
  const entries =
    counters instanceof Map ? [...counters] : (Object.entries(counters) as [string, unknown][]);
  const numbers = new Map<string, number>();
  for (const [name, value] of entries) {
    const path = `${prefix}${name}`;
    if (typeof value === 'number') numbers.set(path, value);
    else for (const found of numbersOf(value as object, `${path}.`)) numbers.set(...found);
  }
  return numbers;
}

/** Counts in every field of the counters, whichever there are. */
function countEverywhere(counters: Counters, by: number): void {
  for (const [name, value] of Object.entries(counters)) {
    if (value instanceof Map)
      value.set(`label ${by % 3}`, (value.get(`label ${by % 3}`) ?? 0) + by);
    else if (typeof value === 'number') Object.assign(counters, { [name]: value + by });
    else value.observe(by);
  }
}

test('a report is a copy: what is counted later is not in it', () => {
  const counters = new Counters();
  bump(counters.refused, 'AT_CAPACITY');
  const report = reportOf(counters);
  bump(counters.refused, 'AT_CAPACITY');
  counters.deliverySeconds.observe(1);
  expect(report.counters.refused).toEqual(new Map([['AT_CAPACITY', 1]]));
  expect(report.counters.deliverySeconds.count).toBe(0);
});

test('every field of the counters is summed over the primary and all processes of all shards', () => {
  const own = new Counters();
  const totals = new NodeTotals(own);
  const [first, second, replaced] = [new Counters(), new Counters(), new Counters()];
  for (const [counters, by] of [
    [own, 1],
    [first, 20],
    [second, 300],
    [replaced, 4_000],
  ] as const) {
    countEverywhere(counters, by);
  }
  totals.take(0, 100, reportOf(first));
  totals.take(1, 101, reportOf(replaced));
  totals.retire(1);
  totals.take(1, 102, reportOf(second));
  totals.refresh();
  const numbers = numbersOf(totals.counters);
  expect(numbers.get('messagesDelivered')).toBe(4_321);
  expect(numbers.get('deliverySeconds.count')).toBe(4);
  expect(numbers.get('deliverySeconds.sum')).toBe(4_321);
  expect(numbers.get('refused.label 0')).toBe(300);
  expect(numbers.get('refused.label 1')).toBe(4_001);
  expect(numbers.get('refused.label 2')).toBe(20);
  for (const [name, number] of numbers) {
    const parts = [own, first, second, replaced].map((one) => numbersOf(one).get(name) ?? 0);
    if (name === 'newestRecordMs') expect(number).toBe(Math.max(...parts));
    else if (!name.includes('.bounds.'))
      expect([name, number]).toEqual([name, parts.reduce((sum, part) => sum + part, 0)]);
  }
});

test('gauges are summed over living shards, and the wait between flushes is the longest', () => {
  const totals = new NodeTotals(new Counters());
  const counters = new Counters();
  totals.take(0, 1, reportOf(counters, { connections: 5, behind: 1, throttled: [1, 2, 3] }));
  totals.take(1, 2, reportOf(counters, { connections: 7, flushIntervalMs: 40 }));
  totals.take(1, 2, reportOf(counters, { connections: 8, flushIntervalMs: 30 }));
  expect(totals.connections.size).toBe(13);
  expect(totals.delivery).toMatchObject({ behind: 1, cohorts: 4, flushIntervalMs: 30 });
  expect([1, 2, 3].map((level) => totals.delivery.throttle.clientsAt(level as 1))).toEqual([
    1, 2, 3,
  ]);
  expect(totals.pendingHandshakes).toBe(6);
  totals.retire(0);
  expect(totals.connections.size).toBe(8);
  totals.retire(1);
  expect(totals.delivery).toMatchObject({ behind: 0, cohorts: 0, flushIntervalMs: 0 });
});

test('clients of a process that is gone are lost, and not open any more', () => {
  const totals = new NodeTotals(new Counters());
  const counters = new Counters();
  counters.connectionsAccepted = 8;
  counters.closed.set('client', 3);
  totals.take(0, 1, reportOf(counters, { connections: 5 }));
  totals.refresh();
  expect([totals.connections.size, totals.counters.connectionsLost]).toEqual([5, 0]);
  totals.retire(0);
  totals.retire(0);
  totals.refresh();
  expect([totals.connections.size, totals.counters.connectionsLost]).toEqual([0, 5]);
});

test('words of a process that was retired count for nothing', () => {
  const totals = new NodeTotals(new Counters());
  const counters = new Counters();
  counters.messagesDelivered = 10;
  totals.take(0, 1, reportOf(counters, { connections: 5 }));
  totals.retire(0);
  totals.take(0, 1, reportOf(counters, { connections: 5 }));
  totals.refresh();
  expect([totals.connections.size, totals.counters.messagesDelivered]).toEqual([0, 10]);
});

test('the CPU of a shard is measured over half a second at least, and anew for each process', () => {
  const clock = { nowMs: 0 };
  const totals = new NodeTotals(new Counters(), () => clock.nowMs);
  const say = (nowMs: number, pid: number, cpuMs: number) => {
    clock.nowMs = nowMs;
    totals.take(0, pid, reportOf(new Counters(), { cpuMs }));
    return totals.cpuPercentOf(0);
  };
  expect(say(1_000, 1, 200)).toBe(0);
  expect(say(2_000, 1, 450)).toBe(25);
  expect(say(2_100, 1, 549)).toBe(25);
  expect(say(3_000, 1, 950)).toBe(50);
  totals.retire(0);
  expect(totals.cpuPercentOf(0)).toBe(0);
  expect(say(4_000, 2, 30)).toBe(0);
  expect(say(5_000, 2, 130)).toBe(10);
});

test('nothing ever goes down, and the sums are right, however shards come, speak and go', () => {
  const shards = 3;
  const step = fc.record({
    shard: fc.nat(shards - 1),
    act: fc.constantFrom('count', 'report', 'retire', 'replace', 'replace untold', 'own'),
    by: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const own = new Counters();
      const totals = new NodeTotals(own);
      let nextPid = 1;
      const live = Array.from({ length: shards }, () => ({
        pid: nextPid++,
        counters: new Counters(),
        reported: 0,
      }));
      let kept = 0;
      let before = numbersOf(totals.counters);
      for (const { shard, act, by } of steps) {
        const one = live[shard]!;
        if (act === 'own') countEverywhere(own, by);
        if (act === 'count') countEverywhere(one.counters, by);
        if (act === 'report') {
          totals.take(shard, one.pid, reportOf(one.counters));
          one.reported = one.counters.messagesDelivered;
        }
        if (act.startsWith('re') && act !== 'report') {
          if (act !== 'replace untold') totals.retire(shard);
          kept += one.reported;
          Object.assign(one, { pid: nextPid++, counters: new Counters(), reported: 0 });
        }
        totals.refresh();
        const sum = live.reduce((total, { reported }) => total + reported, kept);
        expect(totals.counters.messagesDelivered).toBe(sum + own.messagesDelivered);
        const now = numbersOf(totals.counters);
        for (const [name, number] of before) expect(now.get(name)).toBeGreaterThanOrEqual(number);
        before = now;
      }
    }),
    { seed: 4, numRuns: 200 },
  );
});
