/** ShardFigures: what the primary knows of a shard, for health, metrics and status. */
import type { ProcessUsage } from '../../host/child.ts';
import type { ShardState } from '../../protocol/status-report.ts';
import type { CountsCopy } from './counts.ts';

/** What a shard tells the primary of itself: plain data, a copy of its own. */
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

/** One per shard that the node should have, whether it has a process now or not. */
export interface ShardFigures {
  /** From 0. */
  readonly shard: number;
  /** Undefined while it has no process. */
  readonly pid: number | undefined;
  readonly state: ShardState;
  /** Open connections, by the primary's own count. */
  readonly connections: number;
  /** Sockets that were handed to it, and have not become connections yet. */
  readonly pending: number;
  /** Processes that replaced one that was gone. */
  readonly restarts: number;
  /** Events in the primary's history that were not written to its pipe yet. */
  readonly feedLagEvents: number;
  /** Times that its pipe was full. */
  readonly feedStalls: number;
  /** What its process said last; undefined before the first word. */
  readonly report: ShardReport | undefined;
  /** CPU of its process lately; 100 is one core. */
  readonly cpuPercent: number;
}

/** Whether a shard takes clients. */
export function isServing({ state }: ShardFigures): boolean {
  return state === 'serving';
}
