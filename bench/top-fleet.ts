/** A fleet of three nodes with everything that `odin top` can show, busy and in trouble, or idle. */
import type { FleetSnapshot, Sight } from '../src/protocol/fleet-snapshot.ts';
import type { ShardState, StatusReport } from '../src/protocol/status-report.ts';
import { down, publishing, reportOf, shardOf, snapshotAt, up } from '../test/support/fleet.ts';

/** Rows of long tables, as many as a node tells. */
const listed = 100;

/** After so many seconds; of a busy fleet every figure differs from one second to the next. */
export function busyFleet(second: number): FleetSnapshot {
  const nodes = ['a', 'b', 'c'].map((name, index) => busyNode(`node-${name}`, second + index));
  const report = { ...publishing, achievedRate: 199 + (second % 10) / 10, published: 200 * second };
  return snapshotAt(second, nodes, {
    publisher: { ...answers('http://node-p:3003'), report },
    loadtest: { ...answers('http://node-l:9464'), report: metricsAt(second) },
  });
}

/** Three nodes whose clients wait for events that do not come. */
export function idleFleet(second: number): FleetSnapshot {
  const nodes = ['a', 'b', 'c'].map((name) =>
    up(reportOf({ node: `node-${name}`, seconds: second, clients: 9_000, cpuPercent: 1 })),
  );
  return snapshotAt(second, nodes);
}

/** Now and then it does not answer, each time for a few seconds. */
function busyNode(node: string, second: number): Sight<StatusReport> {
  const url = `http://${node}:3004`;
  if (second % 40 === 7) return down(url, 'slow', `no answer within ${1_000 + second} ms`);
  if (second % 40 > 7 && second % 40 < 11) return down(url);
  const noise = (range: number) => Math.round(Math.sin(second * 1.7) * range);
  const doing = { node, seconds: second, clients: 9_000 + noise(900) };
  const rates = { inPerSecond: 200 + (second % 7), outPerSecond: 90_000 + (second % 977) };
  return up(
    reportOf({ ...doing, ...rates, cpuPercent: 40 + noise(30), more: (of) => details(of, second) }),
  );
}

function details({ guard, connections }: StatusReport, second: number): Partial<StatusReport> {
  const rows = Array.from({ length: listed }, (_, at) => at);
  const state: ShardState = second % 20 === 3 ? 'warming' : 'serving';
  return {
    mode: 'multi',
    shards: [
      shardOf(0, { connections: second % 500 }),
      shardOf(1, { state, restarts: second % 30 }),
    ],
    // Of each second other channels, other clients.
    channels: {
      rows: rows.map((at) => ({
        ...{ channel: `T${at + second}.trade`, events_per_s: (at * 7 + second) % 50 },
        subscribers: at + (second % 9),
      })),
      ...{ left_out: second % 300, window_s: 10 },
    },
    clients: {
      rows: rows.map((at) => ({
        ...{ client: `client-${second}-${at}`, user: `user-${at}`, address: '10.0.0.9' },
        ...{ subscriptions: 4, behind: at % 2 === 0, throttle: at % 4 },
        ...{ lag_events: at * second, lag_ms: at, buffered_bytes: at * 1_000 },
      })),
      left_out: second % 5,
    },
    partitions: {
      rows: rows.slice(0, 24).map((partition) => ({
        ...{ topic: 'odin.trades', partition, next: second * 10, high: second * 10 + partition },
        lag_records: partition,
      })),
      left_out: 0,
    },
    machine: {
      ...{ name: 'host-1', system: 'linux 6.1.0 x64, node 24.1.0', cpus: 8, load: 2.5 },
      ...{ cpu_busy_ms: 3_000 * second, cpu_idle_ms: 5_000 * second },
      ...{ memory_bytes: 32 * 1024 ** 3, memory_free_bytes: 8 * 1024 ** 3 },
    },
    guard: { ...guard, level: second % 4, transitions: second % 100 },
    connections: { ...connections, behind: second % 13, closed: { client: second % 90 } },
  };
}

function metricsAt(second: number): Record<string, number> {
  const metrics = { odin_loadtest_events_received_total: second * 50_000 };
  const more = Array.from({ length: listed }, (_, at) => [
    `odin_loadtest_m${at}_total`,
    at * second,
  ]);
  return { ...metrics, ...Object.fromEntries(more) };
}

function answers(url: string): Omit<Sight<never>, 'report'> {
  return { url, state: 'up', problem: null, took_ms: 1 };
}
