import { expect, test } from 'vitest';
import { idleNode, shardFigures } from '../../../test/support/node-state.ts';
import { takeReport } from '../multi/shard/shard-report.ts';
import { Counters } from './counters.ts';
import { statusReport } from './status-report.ts';

test('an idle node has no latency, and nothing in it is undefined or infinite', () => {
  const report = statusReport(idleNode(), []);
  expect(report.latency).toMatchObject({ count: 0, p50_ms: null, max_ms: null });
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  expect(report).toMatchObject({ schemaVersion: 1, mode: 'single', ready: true, shards: [] });
});

test('counts by label and latency come from the counters, as numbers that only grow', () => {
  const state = idleNode();
  const { counters } = state;
  counters.refused.set('AT_CAPACITY', 2);
  counters.closed.set('overloaded', 3);
  counters.spared.set('TRADE_EXECUTED', 4);
  for (const seconds of [0.0005, 0.0015, 0.0015, 60]) counters.deliverySeconds.observe(seconds);
  const report = statusReport(state, [1]);
  expect(report).toMatchObject({
    connections: { refused: { AT_CAPACITY: 2 }, closed: { overloaded: 3 } },
    messages: { spared: { CRITICAL: 4 } },
    guard: { shed: 3 },
    latency: { count: 4, p50_ms: 1.5, p99_ms: 30_000, max_ms: 30_000 },
  });
  const { buckets } = report.latency;
  expect(buckets.slice(0, 3)).toEqual([
    { le_ms: 1, count: 1 },
    { le_ms: 2, count: 3 },
    { le_ms: 5, count: 3 },
  ]);
  expect(buckets.slice(-2)).toEqual([
    { le_ms: 30_000, count: 3 },
    { le_ms: null, count: 4 },
  ]);
});

test('each shard is shown, one without a process too', () => {
  const counters = new Counters();
  counters.messagesDelivered = 42;
  const { connections, delivery, admission } = idleNode();
  const usage = { cpuMs: 1_500.4, rssBytes: 2_000 };
  const report = takeReport({
    ...{ connections, delivery, admission, counters, usage, loopDelayMs: 5.04 },
  });
  const shards = [
    shardFigures(0, { report, cpuPercent: 33.33, connections: 9, pending: 1 }),
    shardFigures(1, { state: 'gone', pid: undefined }),
  ];
  const status = statusReport(idleNode({ mode: 'multi', shards: () => shards }), [1, 0]);
  expect(status.shards[0]).toMatchObject({
    ...{ shard: 0, pid: 1_000, state: 'serving', connections: 9, pending_slots: 1 },
    ...{ cpu_percent: 33.3, cpu_ms: 1_500, memory_bytes: 2_000, loop_delay_ms: 5, delivered: 42 },
  });
  expect(status.silent_shards).toEqual([0, 1]);
  expect(status.shards[1]).toMatchObject({ shard: 1, pid: null, state: 'gone', delivered: 0 });
});
