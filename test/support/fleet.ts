/** Reports and snapshots of nodes that do what a test says, at times that it sets. */
import type { FleetSnapshot, PublisherReport, Sight } from '../../src/protocol/fleet-snapshot.ts';
import type { ShardStatus, StatusReport } from '../../src/protocol/status-report.ts';
import { statusReport } from '../../src/server/reporting/status-report.ts';
import { idleNode } from './node-state.ts';

/** When the fleet of tests begins to be watched: 12:00:00 UTC. */
const startMs = Date.UTC(2026, 10, 28, 12);

/** What a node has done since it began, in so many seconds; all even. */
export interface Doing {
  readonly node?: string;
  readonly instance?: string;
  readonly seconds: number;
  readonly clients?: number;
  readonly inPerSecond?: number;
  readonly outPerSecond?: number;
  readonly cpuPercent?: number;
  readonly more?: (report: StatusReport) => Partial<StatusReport>;
}

/** The report of a node. */
export function reportOf(doing: Doing): StatusReport {
  const { node = 'node-a', seconds, clients = 0, inPerSecond = 0, outPerSecond = 0 } = doing;
  const { cpuPercent = 0, more = () => ({}) } = doing;
  const { instance = node } = doing;
  const base = statusReport(idleNode({ nodeId: node, instance }), []);
  const ingested = inPerSecond * seconds;
  const delivered = outPerSecond * seconds;
  const report: StatusReport = {
    ...base,
    uptime_s: 3_600 + seconds,
    time_ms: startMs + seconds * 1_000,
    monotonic_ms: 5_000 + seconds * 1_000,
    connections: { ...base.connections, current: clients, max: 10_000, accepted: clients },
    messages: {
      ...base.messages,
      ...{ ingested, delivered },
      ingested_bytes: ingested * 200,
      sent_bytes: delivered * 220,
      socket_writes: delivered / 2,
    },
    latency: latencyOf(ingested),
    flush: { ...base.flush, count: ingested, events: ingested, cohorts: 3 },
    guard: {
      ...base.guard,
      cpu_percent: cpuPercent,
      memory_percent: 10,
      memory_bytes: 100 * 1024 ** 2,
      memory_limit_bytes: 1024 ** 3,
    },
    process: { pid: 4_711, cpu_ms: cpuPercent * 10 * seconds, memory_bytes: 100 * 1024 ** 2 },
  };
  return { ...report, ...more(report) };
}

/** All took between 2 and 5 ms. */
function latencyOf(count: number): StatusReport['latency'] {
  const bounds = [1, 2, 5, 10, null];
  const buckets = bounds.map((le_ms) => ({
    le_ms,
    count: le_ms === null || le_ms >= 5 ? count : 0,
  }));
  return { count, sum_ms: count * 3, p50_ms: 3.5, p90_ms: 4.7, p99_ms: 5, max_ms: 5, buckets };
}

/** A shard that serves. */
export function shardOf(shard: number, given: Partial<ShardStatus> = {}): ShardStatus {
  return {
    ...{
      shard,
      pid: 5_000 + shard,
      state: 'serving',
      connections: 500,
      pending_slots: 0,
      behind: 0,
    },
    ...{ cpu_percent: 12.5, cpu_ms: 1_000, memory_bytes: 80 * 1024 ** 2, loop_delay_ms: 1 },
    ...{ delivered: 100_000, feed_lag_events: 0, feed_stalls: 0, restarts: 0 },
    ...given,
  };
}

/** A node that answers. */
export function up(report: StatusReport, url = `http://${report.node}:3004`): Sight<StatusReport> {
  return { url, state: 'up', problem: null, took_ms: 2, report };
}

/** A node that does not. */
export function down(
  url: string,
  state: Sight<never>['state'] = 'away',
  problem = 'nobody listens there',
): Sight<StatusReport> {
  return { url, state, problem, took_ms: null, report: null };
}

/** A publisher that runs. */
export const publishing: PublisherReport = {
  ...{ source: 'market', running: true, targetRate: 200, achievedRate: 199.8, published: 12_000 },
  ...{ failed: 0, behind: 0, inFlight: 3, tokens: 20, healthy: true, error: null },
};

/** A snapshot after so many seconds. */
export function snapshotAt(
  seconds: number,
  nodes: readonly Sight<StatusReport>[],
  given: Partial<FleetSnapshot> = {},
): FleetSnapshot {
  const time_ms = startMs + seconds * 1_000;
  return { schemaVersion: 1, time_ms, nodes, publisher: null, loadtest: null, ...given };
}
