/** ShardReport: what a shard tells the primary of itself, each second and when it is asked. */
import type { ProcessUsage } from '../../../host/child.ts';
import type { Counters } from '../../reporting/counters.ts';
import type { DeliveryFigures } from '../../reporting/node-state.ts';
import type { CountsCopy } from '../primary/counts.ts';

/** Plain data, a copy of its own. */
export interface ShardReport {
  readonly usage: ProcessUsage;
  /** Counts since its process started. */
  readonly counters: CountsCopy;
  /** Open connections. */
  readonly connections: number;
  /** Connections whose socket is full. */
  readonly behind: number;
  readonly cohorts: number;
  readonly flushIntervalMs: number;
  /** Clients at throttle levels 1, 2 and 3. */
  readonly throttled: readonly [light: number, medium: number, heavy: number];
  /** Requests whose token is being checked. */
  readonly pendingHandshakes: number;
  /** 99th percentile of how late the event loop ran in the last second, in milliseconds. */
  readonly loopDelayMs: number;
}

/** What a report is taken from. */
export interface ShardReportParts {
  readonly usage: ProcessUsage;
  readonly counters: Counters;
  readonly connections: { readonly size: number };
  readonly delivery: DeliveryFigures;
  readonly admission: { readonly pending: number };
  readonly loopDelayMs: number;
}

/** The shard as it is now. */
export function takeReport(parts: ShardReportParts): ShardReport {
  const { usage, counters, connections, delivery, admission, loopDelayMs } = parts;
  const { behind, cohorts, flushIntervalMs, throttle } = delivery;
  return {
    ...{ usage, behind, cohorts, flushIntervalMs, loopDelayMs },
    counters: structuredClone<CountsCopy>(counters),
    connections: connections.size,
    throttled: [throttle.clientsAt(1), throttle.clientsAt(2), throttle.clientsAt(3)],
    pendingHandshakes: admission.pending,
  };
}
