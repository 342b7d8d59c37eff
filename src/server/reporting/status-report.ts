/** The status report as this node makes it. */
import { performance } from 'node:perf_hooks';
import { processUsage } from '../../host/usage.ts';
import type { LatencyReport, ShardStatus, StatusReport } from '../../protocol/status-report.ts';
import { sparedByPriority } from '../throttling/throttle-metrics.ts';
import { type CountedBuckets, quantileOf } from './bucket-counts.ts';
import { brokerReport, drainReport, guardReport, notReadyReasons } from './health.ts';
import type { NodeState } from './node-state.ts';
import type { ShardFigures } from './shard-figures.ts';

/** The node as it is now; `silentShards` did not answer when they were asked. */
export function statusReport(state: NodeState, silentShards: readonly number[]): StatusReport {
  const { counters, delivery, history, protection } = state;
  const { hold, guard, drain } = protection;
  const { cpuMs, pid, rssBytes } = processUsage();
  return {
    schemaVersion: 1,
    node: state.nodeId,
    instance: state.instance,
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
    silent_shards: silentShards.toSorted((a, b) => a - b),
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
