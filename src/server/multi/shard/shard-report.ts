/** ShardReport: what a shard tells the primary of itself, each second and when it is asked. */
import type { ProcessUsage } from '../../../host/child.ts';
import type { Counters } from '../../reporting/counters.ts';
import type { CountsCopy } from '../../reporting/counts.ts';
import type { DeliveryFigures } from '../../reporting/node-state.ts';
import type { ShardReport } from '../../reporting/shard-figures.ts';

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
