/** Metrics of each shard, by its number; the rest of the metrics are totals of the node. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { NodeState } from './node-state.ts';
import { isServing, type ShardFigures } from './shard-figures.ts';

type Read = (shard: ShardFigures) => number;

/** Name, what it is, and where to read it. Those that end in `_total` only grow. */
const families: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['ws_shard_connections', 'Open connections', ({ connections }) => connections],
  ['odin_shard_up', 'Whether it serves clients', (shard) => Number(isServing(shard))],
  [
    'odin_shard_slots_in_use',
    'Connections and sockets that may become one',
    ({ connections, pending }) => connections + pending,
  ],
  ['odin_shard_slots_pending', 'Sockets that may become a connection', ({ pending }) => pending],
  [
    'odin_shard_connections_behind',
    'Connections whose socket is full, served from the history',
    ({ report }) => report?.behind ?? 0,
  ],
  [
    'odin_shard_messages_total',
    'Events delivered to clients since its process started',
    ({ report }) => report?.counters.messagesDelivered ?? 0,
  ],
  [
    'odin_shard_cpu_seconds_total',
    'CPU time of its process since that started',
    ({ report }) => (report?.usage.cpuMs ?? 0) / 1_000,
  ],
  [
    'odin_shard_memory_bytes',
    'Resident memory of its process',
    ({ report }) => report?.usage.rssBytes ?? 0,
  ],
  [
    'odin_shard_event_loop_delay_seconds',
    '99th percentile of how late its event loop ran in the last second',
    ({ report }) => (report?.loopDelayMs ?? 0) / 1_000,
  ],
  [
    'odin_shard_feed_lag_events',
    'Events that were not written to its pipe yet',
    ({ feedLagEvents }) => feedLagEvents,
  ],
  ['odin_shard_feed_stalls_total', 'Times that its pipe was full', ({ feedStalls }) => feedStalls],
  [
    'odin_shard_restarts_total',
    'Processes that replaced one that was gone',
    ({ restarts }) => restarts,
  ],
];

/** Adds them to a registry. In mode single none of them has a value. */
export function addShardMetrics(registry: Registry, state: NodeState): void {
  for (const [name, help, read] of families) {
    const options = { name, help, labelNames: ['shard_id'], registers: [registry] };
    if (name.endsWith('_total')) {
      new Counter({
        ...options,
        collect() {
          this.reset();
          for (const figures of state.shards()) {
            this.inc({ shard_id: figures.shard }, read(figures));
          }
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          for (const figures of state.shards()) {
            this.set({ shard_id: figures.shard }, read(figures));
          }
        },
      });
    }
  }
}
