/** StatusReport: a node in numbers, for whoever watches it each second. */
import type { StatusSections } from './status-sections.ts';

type Labelled = Readonly<Record<string, number>>;

/**
 * Body of `/api/status`. Counts are since the start of the node and never go down; whoever wants
 * rates takes two reports, and the difference of their `monotonic_ms`.
 */
export interface StatusReport extends StatusSections {
  readonly schemaVersion: 1;
  readonly node: string;
  /** Of this start of this node: two nodes that were given one id differ in it. */
  readonly instance: string;
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
  /**
   * Shards that serve and did not answer for this report: what they count is as they told it last, and
   * their clients are missing from the sections. Empty as long as all is well.
   */
  readonly silent_shards: readonly number[];
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

/** How reading from the broker goes. */
export interface BrokerReport {
  readonly kind: string;
  readonly epoch: string;
  readonly connected: boolean;
  readonly paused: boolean;
  readonly paused_for: readonly string[];
  readonly lag_records: number;
  readonly lag_s: number;
  readonly last_error: string | null;
}

/** What the guard saw in the last second, and what it does about it. */
export interface GuardReport {
  /** From 0, which is calm, to 4. */
  readonly level: number;
  readonly refusing: string | null;
  readonly broker_paused: boolean;
  readonly cpu_percent: number;
  /** Null without a quota. */
  readonly cgroup_cpu_percent: number | null;
  readonly memory_percent: number;
  readonly memory_bytes: number;
  readonly memory_limit_bytes: number;
  readonly loop_delay_ms: number;
}

/** How far a drain is. */
export interface DrainReport {
  readonly reason: string;
  /** Clients when it started. */
  readonly clients: number;
  readonly remaining: number;
  readonly elapsed_ms: number;
  readonly budget_ms: number;
}

/** Where a shard is in its life: only one that serves gets clients. */
export type ShardState = 'starting' | 'warming' | 'serving' | 'stopping' | 'gone';
