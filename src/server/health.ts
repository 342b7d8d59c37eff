/** Health: what the node knows about itself, for people, load balancers and probes. */
import type { Broker, ConsumerState } from '../broker/broker.ts';
import type { Connections } from './connections.ts';
import type { Counters } from './counters.ts';
import type { Delivery } from './delivery.ts';
import type { Drain } from './drain.ts';
import type { Guard } from './guard/guard.ts';
import type { History } from './history.ts';
import type { Protection } from './protection.ts';
import type { Admission } from './security/admission.ts';

/** Above this share of its connections a node warns, in percent. */
const capacityWarningPercent = 90;

/** Everything the reports below read. */
export interface NodeState {
  readonly nodeId: string;
  readonly startedMs: number;
  readonly broker: Broker;
  /** How reading from the broker goes. */
  consumer: () => ConsumerState;
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly history: History;
  readonly counters: Counters;
  readonly protection: Protection;
  readonly admission: Admission;
  readonly maxConnections: number;
  /** Whether the history holds what the broker held at the start. */
  isWarm: boolean;
  isDraining: boolean;
}

/** Body of `/health`. */
export interface HealthReport {
  readonly status: 'healthy' | 'degraded';
  readonly node: string;
  readonly uptime_s: number;
  readonly checks: {
    readonly broker: Readonly<Record<string, unknown>>;
    readonly capacity: {
      readonly current: number;
      readonly max: number;
      readonly percentage: number;
    };
    readonly clients: { readonly behind: number; readonly cohorts: number };
    readonly history: { readonly events: number; readonly bytes: number; readonly warm: boolean };
    readonly guard: Readonly<Record<string, unknown>>;
    /** Null while there is none. */
    readonly drain: Readonly<Record<string, unknown>> | null;
  };
  readonly warnings: readonly string[];
}

/** Why this node should get no new clients; empty when it is ready. */
export function notReadyReasons(state: NodeState): string[] {
  const { connected, lastError } = state.consumer();
  const reasons: string[] = [];
  if (state.isDraining) reasons.push('server is going away');
  if (!state.isWarm) reasons.push('history is not warm yet');
  const { decision } = state.protection.guard;
  if (decision.refusesFor !== undefined) {
    const resource = decision.refusesFor === 'cpuPercent' ? 'CPU' : 'memory';
    reasons.push(`short of ${resource}: new clients are refused`);
  }
  if (decision.isPaused) reasons.push('short of CPU or memory: the broker is paused');
  if (!connected) reasons.push(`broker is not connected${lastError ? `: ${lastError}` : ''}`);
  return reasons;
}

/** The whole picture. */
export function healthReport(state: NodeState): HealthReport {
  const { connected, paused, lagRecords, lastError } = state.consumer();
  const { connections, delivery, history, counters, maxConnections, broker, protection } = state;
  const percentage = Math.round((connections.size / maxConnections) * 1_000) / 10;
  const skipped = [...counters.skipped.values()].reduce((sum, count) => sum + count, 0);
  const warnings = [...notReadyReasons(state)];
  if (percentage > capacityWarningPercent)
    warnings.push(`${percentage} % of all connections in use`);
  if (skipped > 0) warnings.push(`${skipped} records skipped, see the log`);
  if (counters.positionsLost > 0) {
    warnings.push(
      `${counters.positionsLost} positions were gone from the broker before they were read`,
    );
  }
  return {
    status: connected && state.isWarm && !state.isDraining ? 'healthy' : 'degraded',
    node: state.nodeId,
    uptime_s: Math.round((Date.now() - state.startedMs) / 1_000),
    checks: {
      broker: {
        kind: broker.kind,
        epoch: broker.epoch,
        connected,
        paused,
        paused_for: protection.hold.reasons,
        lag_records: lagRecords,
        last_error: lastError ?? null,
      },
      capacity: { current: connections.size, max: maxConnections, percentage },
      clients: { behind: delivery.behind, cohorts: delivery.cohorts },
      history: { events: history.next - history.first, bytes: history.bytes, warm: state.isWarm },
      guard: guardReport(protection.guard),
      drain: drainReport(protection.drain, connections.size),
    },
    warnings,
  };
}

function guardReport({ decision, sample, limits, refusal }: Guard): Record<string, unknown> {
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
  { progress, budgetMs }: Drain,
  remaining: number,
): Record<string, unknown> | null {
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
