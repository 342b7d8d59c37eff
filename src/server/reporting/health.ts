/** Health: what the node knows about itself, for people, load balancers and probes. */
import type {
  BrokerReport,
  DrainReport,
  GuardReport,
  ShardState,
} from '../../protocol/status-report.ts';
import type { NodeState, ProtectionFigures } from './node-state.ts';
import { isServing } from './shard-figures.ts';

/** Above this share of its connections a node warns, in percent. */
const capacityWarningPercent = 90;

/** Body of `/health`. */
export interface HealthReport {
  readonly status: 'healthy' | 'degraded';
  readonly node: string;
  readonly uptime_s: number;
  readonly checks: {
    readonly broker: BrokerReport;
    readonly capacity: {
      readonly current: number;
      readonly max: number;
      readonly percentage: number;
    };
    readonly clients: { readonly behind: number; readonly cohorts: number };
    readonly history: { readonly events: number; readonly bytes: number; readonly warm: boolean };
    readonly guard: GuardReport;
    /** Null while there is none. */
    readonly drain: DrainReport | null;
    /** In mode multi only. */
    readonly shards?: readonly ShardHealth[];
  };
  readonly warnings: readonly string[];
}

/** One shard, as `/health` shows it. */
export interface ShardHealth {
  readonly shard: number;
  readonly state: ShardState;
  readonly connections: number;
  readonly pid: number | null;
  readonly restarts: number;
  readonly feed_lag_events: number;
}

/** Why this node should get no new clients; empty when it is ready. */
export function notReadyReasons(state: NodeState): string[] {
  const { connected, lastError } = state.consumer();
  const reasons: string[] = [];
  if (state.isDraining) reasons.push('server is going away');
  if (!state.isWarm) reasons.push('history is not warm yet');
  else if (!state.isDraining && state.mode === 'multi' && !state.shards().some(isServing))
    reasons.push('no shard serves clients');
  const { decision } = state.protection.guard;
  if (decision.refusesFor !== undefined) {
    const resource = decision.refusesFor === 'cpuPercent' ? 'CPU' : 'memory';
    reasons.push(`short of ${resource}: new clients are refused`);
  }
  if (decision.isPaused) reasons.push('short of CPU or memory: the broker is paused');
  if (!connected) reasons.push(`broker is not connected${lastError ? `: ${lastError}` : ''}`);
  return reasons;
}

/** The whole picture; `silentShards` did not answer when they were asked. */
export function healthReport(state: NodeState, silentShards: readonly number[] = []): HealthReport {
  const { connections, delivery, history, maxConnections, protection } = state;
  const isServed = state.shards().every(isServing);
  const isWell = state.consumer().connected && state.isWarm && !state.isDraining && isServed;
  return {
    status: isWell ? 'healthy' : 'degraded',
    node: state.nodeId,
    uptime_s: Math.round((Date.now() - state.startedMs) / 1_000),
    checks: {
      broker: brokerReport(state),
      capacity: { current: connections.size, max: maxConnections, percentage: usedPercent(state) },
      clients: { behind: delivery.behind, cohorts: delivery.cohorts },
      history: { events: history.next - history.first, bytes: history.bytes, warm: state.isWarm },
      guard: guardReport(protection.guard),
      drain: drainReport(protection.drain, connections.size),
      ...(state.mode === 'multi' && { shards: shardsHealth(state) }),
    },
    warnings: [
      ...warningsOf(state),
      ...silentShards.map((shard) => `shard ${shard} does not answer`),
    ],
  };
}

function warningsOf(state: NodeState): string[] {
  const { counters } = state;
  const percentage = usedPercent(state);
  const skipped = [...counters.skipped.values()].reduce((sum, count) => sum + count, 0);
  const warnings = notReadyReasons(state);
  if (percentage > capacityWarningPercent)
    warnings.push(`${percentage} % of all connections in use`);
  if (skipped > 0) warnings.push(`${skipped} records skipped, see the log`);
  if (counters.positionsLost > 0) {
    warnings.push(
      `${counters.positionsLost} positions were gone from the broker before they were read`,
    );
  }
  warnings.push(...state.broker.differences);
  if (state.isDraining) return warnings;
  for (const figures of state.shards()) {
    if (!isServing(figures))
      warnings.push(`shard ${figures.shard} serves no clients: it is ${figures.state}`);
  }
  return warnings;
}

function usedPercent({ connections, maxConnections }: NodeState): number {
  return Math.round((connections.size / maxConnections) * 1_000) / 10;
}

/** How reading from the broker goes. */
export function brokerReport(state: NodeState): BrokerReport {
  const { connected, paused, lagRecords, lastError } = state.consumer();
  return {
    kind: state.broker.kind,
    epoch: state.broker.epoch,
    connected,
    paused,
    paused_for: state.protection.hold.reasons,
    lag_records: lagRecords,
    lag_s: lagSeconds(state),
    last_error: lastError ?? null,
  };
}

/** How old the newest record is that this node has taken, while the broker holds newer ones. */
export function lagSeconds(state: NodeState): number {
  const { newestRecordMs } = state.counters;
  if (state.consumer().lagRecords === 0 || newestRecordMs === 0) return 0;
  return Math.max(0, Date.now() - newestRecordMs) / 1_000;
}

/** What the guard saw in the last second, and what it does about it. */
export function guardReport(guard: ProtectionFigures['guard']): GuardReport {
  const { decision, sample, limits, refusal } = guard;
  const { cpuPercent, groupCpuPercent, memoryBytes, loopDelayMs } = sample;
  return {
    level: decision.level,
    refusing: refusal ?? null,
    broker_paused: decision.isPaused,
    cpu_percent: Math.round(cpuPercent),
    cgroup_cpu_percent: groupCpuPercent === undefined ? null : Math.round(groupCpuPercent),
    memory_percent: Math.round((100 * memoryBytes) / limits.memoryBytes),
    memory_bytes: memoryBytes,
    memory_limit_bytes: limits.memoryBytes,
    loop_delay_ms: Math.round(loopDelayMs),
  };
}

/** How far a drain is; null while there is none. Also the answer to the request for one. */
export function drainReport(
  { progress, budgetMs }: ProtectionFigures['drain'],
  remaining: number,
): DrainReport | null {
  if (progress === undefined) return null;
  const { reason, clients, elapsedMs } = progress;
  return {
    reason,
    clients,
    remaining,
    elapsed_ms: Math.round(elapsedMs),
    budget_ms: budgetMs,
  };
}

function shardsHealth(state: NodeState): ShardHealth[] {
  return state
    .shards()
    .map(({ shard, state: shardState, connections, pid = null, restarts, feedLagEvents }) => {
      const fed = { feed_lag_events: feedLagEvents };
      return { shard, state: shardState, connections, pid, restarts, ...fed };
    });
}
