/** NodeApi: everything that HTTP asks of a node. In a shard it is answered by the primary. */
import type { DrainReport, StatusReport } from '../../protocol/status-report.ts';
import type { StatusSection } from '../../protocol/status-sections.ts';
import type { HealthReport } from './health.ts';

/** An HTTP answer in JSON. */
export interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The body of a request to publish, read and found fit to be looked at. */
export interface Submission {
  readonly contentType: 'application/x-ndjson' | 'application/json';
  readonly text: string;
  /** Together they tell a batch that is sent again from a new one. */
  readonly producer?: string | undefined;
  readonly batch?: string | undefined;
}

/** The metrics in the text format of Prometheus. */
export interface MetricsText {
  readonly contentType: string;
  readonly text: string;
}

/** Arguments and results are plain data, which can be sent to another process. */
export interface NodeApi {
  /** Why this node should get no new clients; empty when it is ready. */
  readiness(): Promise<readonly string[]>;
  health(): Promise<HealthReport>;
  metrics(): Promise<MetricsText>;
  /** With the sections that are asked for. */
  status(sections: readonly StatusSection[]): Promise<StatusReport>;
  /** Access must have been checked. Rejects with a RemoteError when the broker fails. */
  publish(submission: Submission): Promise<Answer>;
  /** Lets all clients go, and says how far that is; again has no further effect. */
  drain(): Promise<DrainReport | null>;
}
