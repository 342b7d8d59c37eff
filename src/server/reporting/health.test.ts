import { expect, test } from 'vitest';
import { idleNode, shardFigures } from '../../../test/support/node-state.ts';
import { healthReport, notReadyReasons } from './health.ts';
import type { ShardFigures } from './shard-figures.ts';

const multi = (shards: readonly ShardFigures[], given = {}) =>
  idleNode({ mode: 'multi', shards: () => shards, ...given });

test('a node in one process says nothing about shards', () => {
  const report = healthReport(idleNode());
  expect(report).toMatchObject({ status: 'healthy', warnings: [] });
  expect(report.checks).not.toHaveProperty('shards');
});

test('a node whose shards all serve is healthy, and shows each', () => {
  const shards = [shardFigures(0, { connections: 7 }), shardFigures(1, { feedLagEvents: 3 })];
  const report = healthReport(multi(shards));
  expect(report).toMatchObject({ status: 'healthy', warnings: [] });
  expect(report.checks.shards).toEqual([
    { shard: 0, state: 'serving', connections: 7, pid: 1_000, restarts: 0, feed_lag_events: 0 },
    { shard: 1, state: 'serving', connections: 0, pid: 1_001, restarts: 0, feed_lag_events: 3 },
  ]);
});

test('a node that misses a shard is degraded and names it, but is ready', () => {
  const gone = shardFigures(1, { state: 'gone', pid: undefined, restarts: 2 });
  const state = multi([shardFigures(0), gone]);
  expect(notReadyReasons(state)).toEqual([]);
  const report = healthReport(state, [0]);
  expect(report.status).toBe('degraded');
  expect(report.warnings).toEqual([
    'shard 1 serves no clients: it is gone',
    'shard 0 does not answer',
  ]);
  expect(report.checks.shards?.[1]).toMatchObject({ state: 'gone', pid: null, restarts: 2 });
});

test.each([
  ['none of its shards serves', [shardFigures(0, { state: 'warming' })]],
  ['it has no shard yet', []],
])('a node is not ready while %s', (_when, shards) => {
  expect(notReadyReasons(multi(shards))).toEqual(['no shard serves clients']);
  expect(healthReport(multi(shards)).warnings).toContain('no shard serves clients');
});

test('a node whose shards wait for its history, or leave with it, says that once', () => {
  const shards = [shardFigures(0, { state: 'warming' }), shardFigures(1, { state: 'stopping' })];
  expect(notReadyReasons(multi(shards, { isWarm: false }))).toEqual(['history is not warm yet']);
  const leaving = multi(shards, { isDraining: true });
  expect(healthReport(leaving)).toMatchObject({
    status: 'degraded',
    warnings: ['server is going away'],
  });
});

test('records that were skipped or lost, and a node that is nearly full, are warned of', () => {
  const state = idleNode({ connections: { size: 95 } });
  state.counters.skipped.set('malformed', 2);
  state.counters.skipped.set('no_key', 1);
  state.counters.positionsLost = 4;
  expect(healthReport(state).warnings).toEqual([
    '95 % of all connections in use',
    '3 records skipped, see the log',
    '4 positions were gone from the broker before they were read',
  ]);
});
