/** ShardFigures: what the primary knows of a shard, for health, metrics and status. */
import type { ShardState } from '../../protocol/status-report.ts';
import type { ShardReport } from '../multi/shard/shard-report.ts';

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
