/** StatusReport: the node in numbers, for whoever watches it each second. */
import { performance } from 'node:perf_hooks';
import { processUsage } from '../host/usage.ts';
import { type CountedBuckets, quantileOf } from './bucket-counts.ts';
import {
  type BrokerReport,
  brokerReport,
  type DrainReport,
  drainReport,
  type GuardReport,
  guardReport,
  notReadyReasons,
} from './health.ts';
import type { ShardFigures, ShardState } from './multi/shard-figures.ts';
import type { NodeState } from './node-state.ts';
import { sparedByPriority } from './throttling/throttle-metrics.ts';

type Labelled = Readonly<Record<string, number>>;

/**
 * Body of `/api/status`. Counts are since the start of the node and never go down; whoever wants
 * rates takes two reports, and the difference of their `monotonic_ms`.
 */
export interface StatusReport {
  readonly schemaVersion: 1;
  readonly node: string;
  readonly mode: 'single' | 'multi';
  readonly uptime_s: number;
  /** When it was made, in milliseconds since 1970. */
  readonly time_ms: number;
  /** The same on a clock that is never set. */
  readonly monotonic_ms: number;
  readonly ready: boolean;
  readonly connections: {
    readonly current: number;
    readonly max: number;
    readonly behind: number;
    readonly pending_handshakes: number;
    readonly users: number;
    readonly throttled: { readonly light: number; readonly medium: number; readonly heavy: number };
    readonly accepted: number;
    readonly refused: Labelled;
    readonly closed: Labelled;
    /** That ended with the process that served them. */
    readonly lost: number;
    readonly fell_behind: number;
  };
  readonly messages: {
    readonly ingested: number;
    readonly ingested_bytes: number;
    readonly delivered: number;
    readonly sent_bytes: number;
    readonly saved_bytes: number;
    readonly socket_writes: number;
    readonly skipped: Labelled;
    readonly spared: Labelled;
    readonly lost_positions: number;
  };
  /** From an event itself to the flush that wrote it. */
  readonly latency: LatencyReport;
  readonly flush: {
    readonly count: number;
    /** Events in all flushes; one that goes to several shards counts for each. */
    readonly events: number;
    readonly interval_ms: number;
    readonly cohorts: number;
    readonly buffers_built: number;
  };
  readonly history: {
    readonly first: number;
    readonly next: number;
    readonly events: number;
    readonly bytes: number;
    readonly warm: boolean;
  };
  readonly broker: BrokerReport & { readonly pauses: Labelled; readonly paused_ms: number };
  readonly guard: GuardReport & { readonly transitions: number; readonly shed: number };
  readonly drain: DrainReport | null;
  readonly recovery: {
    readonly complete: number;
    readonly incomplete: number;
    readonly messages: number;
    readonly read_backs: number;
    readonly read_back_records: number;
  };
  /** The process that answers; in mode multi the primary. */
  readonly process: {
    readonly pid: number;
    readonly cpu_ms: number;
    readonly memory_bytes: number;
  };
  /** Empty in mode single. */
  readonly shards: readonly ShardStatus[];
}

/** A distribution since the start; the quantiles are estimates, and null while it is empty. */
export interface LatencyReport {
  readonly count: number;
  readonly sum_ms: number;
  readonly p50_ms: number | null;
  readonly p90_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
  /** How many were at most so long; the last bound is null, for all. */
  readonly buckets: readonly { readonly le_ms: number | null; readonly count: number }[];
}

/** One shard. Counts are since its present process started. */
export interface ShardStatus {
  readonly shard: number;
  readonly pid: number | null;
  readonly state: ShardState;
  readonly connections: number;
  readonly pending_slots: number;
  readonly behind: number;
  /** Of the last second; 100 is one core. */
  readonly cpu_percent: number;
  readonly cpu_ms: number;
  readonly memory_bytes: number;
  readonly loop_delay_ms: number;
  readonly delivered: number;
  readonly feed_lag_events: number;
  readonly feed_stalls: number;
  readonly restarts: number;
}

/** The node as it is now. */
export function statusReport(state: NodeState): StatusReport {
  const { counters, delivery, history, protection } = state;
  const { hold, guard, drain } = protection;
  const { cpuMs, pid, rssBytes } = processUsage();
  return {
    schemaVersion: 1,
    node: state.nodeId,
    mode: state.mode,
    uptime_s: Math.round((Date.now() - state.startedMs) / 1_000),
    time_ms: Date.now(),
    monotonic_ms: tenths(performance.now()),
    ready: notReadyReasons(state).length === 0,
    connections: connectionsStatus(state),
    messages: messagesStatus(state),
    latency: latencyReport(counters.deliverySeconds),
    flush: {
      count: counters.flushes,
      events: counters.flushEvents.sum,
      interval_ms: tenths(delivery.flushIntervalMs),
      cohorts: delivery.cohorts,
      buffers_built: counters.buffersBuilt,
    },
    history: {
      first: history.first,
      next: history.next,
      events: history.next - history.first,
      bytes: history.bytes,
      warm: state.isWarm,
    },
    broker: {
      ...brokerReport(state),
      pauses: Object.fromEntries(hold.holds),
      paused_ms: Math.round(hold.heldMs),
    },
    guard: {
      ...guardReport(guard),
      transitions: guard.transitions,
      shed: counters.closed.get('overloaded') ?? 0,
    },
    drain: drainReport(drain, state.connections.size),
    recovery: {
      complete: counters.recoveries.get('complete') ?? 0,
      incomplete: counters.recoveries.get('incomplete') ?? 0,
      messages: counters.recoveredMessages,
      read_backs: counters.readBacks,
      read_back_records: counters.readBackRecords,
    },
    process: { pid, cpu_ms: Math.round(cpuMs), memory_bytes: rssBytes },
    shards: state.shards().map(shardStatus),
  };
}

function connectionsStatus(state: NodeState): StatusReport['connections'] {
  const { connections, delivery, admission, counters } = state;
  const { throttle } = delivery;
  return {
    current: connections.size,
    max: state.maxConnections,
    behind: delivery.behind,
    pending_handshakes: admission.pending,
    users: admission.devices.users,
    throttled: {
      light: throttle.clientsAt(1),
      medium: throttle.clientsAt(2),
      heavy: throttle.clientsAt(3),
    },
    accepted: counters.connectionsAccepted,
    refused: Object.fromEntries(counters.refused),
    closed: Object.fromEntries(counters.closed),
    lost: counters.connectionsLost,
    fell_behind: counters.fellBehind,
  };
}

function messagesStatus({ counters }: NodeState): StatusReport['messages'] {
  return {
    ingested: counters.eventsIngested,
    ingested_bytes: counters.bytesIngested,
    delivered: counters.messagesDelivered,
    sent_bytes: counters.bytesWritten,
    saved_bytes: counters.bytesSaved,
    socket_writes: counters.socketWrites,
    skipped: Object.fromEntries(counters.skipped),
    spared: Object.fromEntries(sparedByPriority(counters.spared)),
    lost_positions: counters.positionsLost,
  };
}

function latencyReport(seconds: CountedBuckets): LatencyReport {
  const quantileMs = (share: number) => {
    const found = quantileOf(seconds, share);
    return found === undefined ? null : tenths(found * 1_000);
  };
  let below = 0;
  const buckets = seconds.bounds.map((bound, at) => {
    below += seconds.counts[at] as number;
    return { le_ms: bound * 1_000, count: below };
  });
  return {
    count: seconds.count,
    sum_ms: Math.round(seconds.sum * 1_000),
    p50_ms: quantileMs(0.5),
    p90_ms: quantileMs(0.9),
    p99_ms: quantileMs(0.99),
    max_ms: quantileMs(1),
    buckets: [...buckets, { le_ms: null, count: seconds.count }],
  };
}

function shardStatus(figures: ShardFigures): ShardStatus {
  const { shard, pid = null, state, connections, pending, restarts, report } = figures;
  return {
    ...{ shard, pid, state, connections, restarts },
    pending_slots: pending,
    behind: report?.behind ?? 0,
    cpu_percent: tenths(figures.cpuPercent),
    cpu_ms: Math.round(report?.usage.cpuMs ?? 0),
    memory_bytes: report?.usage.rssBytes ?? 0,
    loop_delay_ms: tenths(report?.loopDelayMs ?? 0),
    delivered: report?.counters.messagesDelivered ?? 0,
    feed_lag_events: figures.feedLagEvents,
    feed_stalls: figures.feedStalls,
  };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
