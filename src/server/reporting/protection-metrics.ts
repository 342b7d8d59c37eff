/** Metrics of guard, pacing and drain. */
import type { Registry } from 'prom-client';
import { counter, gauge, labelled } from './metric-kinds.ts';
import type { NodeState } from './node-state.ts';

/** Adds them to a registry. */
export function addProtectionMetrics(registry: Registry, state: NodeState): void {
  addResourceMetrics(registry, state);
  addGuardMetrics(registry, state);
  addDrainMetrics(registry, state);
}

function addResourceMetrics(registry: Registry, { protection: { guard } }: NodeState): void {
  gauge(
    registry,
    'ws_cpu_percent',
    'CPU in the last second, of the node or its busiest process, whichever uses more of what it may',
    () => guard.sample.cpuPercent,
  );
  gauge(
    registry,
    'odin_cgroup_cpu_percent',
    'CPU of the cgroup in the last second; 100 is its quota, 0 means that there is none',
    () => guard.sample.groupCpuPercent ?? 0,
  );
  gauge(
    registry,
    'ws_memory_bytes',
    'Resident memory of the node, all its processes',
    () => guard.sample.memoryBytes,
  );
  gauge(
    registry,
    'odin_memory_limit_bytes',
    'Memory that is 100 percent for the guard',
    () => guard.limits.memoryBytes,
  );
  gauge(
    registry,
    'odin_event_loop_delay_seconds',
    '99th percentile of how late the event loop ran in the last second; of all processes the latest',
    () => guard.sample.loopDelayMs / 1_000,
  );
}

function addGuardMetrics(registry: Registry, { protection, counters }: NodeState): void {
  const { guard, hold } = protection;
  gauge(
    registry,
    'odin_guard_level',
    '0 normal, 1 flushes apart, 2 refusing clients, 3 broker paused, 4 closing slow clients',
    () => guard.decision.level,
  );
  counter(
    registry,
    'odin_guard_transitions_total',
    'Changes of the guard level',
    () => guard.transitions,
  );
  counter(
    registry,
    'odin_clients_shed_total',
    'Slow clients closed for lack of memory',
    () => counters.closed.get('overloaded') ?? 0,
  );
  gauge(registry, 'odin_broker_paused', 'Whether the broker is paused by the guard or a rate', () =>
    Number(hold.reasons.length > 0),
  );
  labelled(
    registry,
    'odin_broker_pauses_total',
    'Pauses of the broker, by reason',
    'reason',
    () => hold.holds,
  );
  counter(
    registry,
    'odin_broker_paused_seconds_total',
    'Time that the broker was paused',
    () => hold.heldMs / 1_000,
  );
}

function addDrainMetrics(registry: Registry, state: NodeState): void {
  const { drain } = state.protection;
  gauge(registry, 'odin_draining', 'Whether clients are being let go', () =>
    Number(drain.progress !== undefined),
  );
  gauge(registry, 'odin_drain_clients', 'Clients when the drain started', () => {
    return drain.progress?.clients ?? 0;
  });
  gauge(registry, 'odin_drain_remaining', 'Clients that a drain has yet to let go', () =>
    drain.progress === undefined ? 0 : state.connections.size,
  );
  counter(
    registry,
    'odin_drain_cut_off_total',
    'Clients that did not answer the close frame of a drain in time',
    () => drain.cutOff,
  );
}
