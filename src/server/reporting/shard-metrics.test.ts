import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { idleNode, shardFigures } from '../../../test/support/node-state.ts';
import { takeReport } from '../multi/shard/shard-report.ts';
import { Counters } from './counters.ts';
import { addShardMetrics } from './shard-metrics.ts';

test('each shard has values of its own, which go when it does', async () => {
  const counters = new Counters();
  counters.messagesDelivered = 42;
  const { connections, delivery, admission } = idleNode();
  const report = takeReport({
    ...{ connections, delivery, admission, counters, loopDelayMs: 5 },
    usage: { cpuMs: 1_500, rssBytes: 2_000 },
  });
  let shards = [
    shardFigures(0, { connections: 3, pending: 2, feedLagEvents: 9, feedStalls: 4, report }),
    shardFigures(1, { connections: 1, state: 'warming', restarts: 1 }),
  ];
  const registry = new Registry();
  addShardMetrics(registry, idleNode({ mode: 'multi', shards: () => shards }));
  const samples = async () =>
    new Map(
      (await registry.metrics())
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => line.split(' ') as [string, string]),
    );
  expect(Object.fromEntries(await samples())).toMatchObject({
    'ws_shard_connections{shard_id="0"}': '3',
    'ws_shard_connections{shard_id="1"}': '1',
    'odin_shard_up{shard_id="0"}': '1',
    'odin_shard_up{shard_id="1"}': '0',
    'odin_shard_slots_in_use{shard_id="0"}': '5',
    'odin_shard_slots_pending{shard_id="0"}': '2',
    'odin_shard_messages_total{shard_id="0"}': '42',
    'odin_shard_messages_total{shard_id="1"}': '0',
    'odin_shard_cpu_seconds_total{shard_id="0"}': '1.5',
    'odin_shard_memory_bytes{shard_id="0"}': '2000',
    'odin_shard_event_loop_delay_seconds{shard_id="0"}': '0.005',
    'odin_shard_feed_lag_events{shard_id="0"}': '9',
    'odin_shard_feed_stalls_total{shard_id="0"}': '4',
    'odin_shard_restarts_total{shard_id="1"}': '1',
  });
  shards = shards.slice(0, 1);
  expect([...(await samples()).keys()].filter((name) => name.includes('"1"'))).toEqual([]);
});
