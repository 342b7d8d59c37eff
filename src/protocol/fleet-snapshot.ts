/** FleetSnapshot: one look at everything that is watched; also one line of a recording. */
import type { StatusReport } from './status-report.ts';

/**
 * How a look went: an answer; none, or one that took too long; one that says no; or one that is not
 * what it should be.
 */
export type SightState = 'up' | 'away' | 'slow' | 'refused' | 'odd';

/** One thing that is watched. */
export interface Sight<Report> {
  readonly url: string;
  readonly state: SightState;
  /** What is wrong, and what can be done about it; null when it is up. */
  readonly problem: string | null;
  /** How long the answer took, in milliseconds; null without one. */
  readonly took_ms: number | null;
  /** Null unless it is up. */
  readonly report: Report | null;
}

/** A moment of a fleet. */
export interface FleetSnapshot {
  readonly schemaVersion: 1;
  /** When it was taken, in milliseconds since 1970. */
  readonly time_ms: number;
  readonly nodes: readonly Sight<StatusReport>[];
  /** Null when none is watched. */
  readonly publisher: Sight<PublisherReport> | null;
  readonly loadtest: Sight<MetricsReport> | null;
}

/** What `GET /status` of a publisher's control API says, as far as it is shown. */
export interface PublisherReport {
  readonly source: string;
  readonly running: boolean;
  /** Events per second that are due; null for a recording, which has its own pace. */
  readonly targetRate: number | null;
  readonly achievedRate: number;
  readonly published: number;
  readonly failed: number;
  readonly behind: number;
  readonly inFlight: number;
  readonly tokens: number;
  readonly healthy: boolean;
  readonly error: string | null;
}

/** Samples of a Prometheus page, by name with labels; those of histograms are left out. */
export type MetricsReport = Readonly<Record<string, number>>;
