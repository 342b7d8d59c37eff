/** FleetFigures: what is shown of nodes, publisher and load test; the fleet's model makes it. */
import type { MetricsReport, PublisherReport, Sight } from '../protocol/fleet-snapshot.ts';
import type { StatusReport } from '../protocol/status-report.ts';
import type { Course } from './course.ts';
import type { NodeRates } from './node-rates.ts';

/** Figures with a course. */
export const courseNames = [
  'connections',
  'ingested',
  'delivered',
  'p99Ms',
  'lag',
  'cpuPercent',
  'memoryBytes',
  'errors',
] as const;

/** One of {@link courseNames}. */
export type CourseName = (typeof courseNames)[number];

/** A node as it is shown. */
export interface NodeFigures {
  /** The first that it is watched under. */
  readonly url: string;
  /** Its id, or where it is before it has answered; with both where several have the same id. */
  readonly name: string;
  /** The machine that it was last known to be on. */
  readonly machine: string | undefined;
  readonly sight: Sight<StatusReport>;
  /** Looks at the other addresses that it is watched under. */
  readonly elsewhere: readonly Sight<StatusReport>[];
  /** When it came into this state, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** When it was last found up, on the same clock; undefined before. */
  readonly answeredMs: number | undefined;
  /** The newest report, also while it does not answer. */
  readonly report: StatusReport | undefined;
  /** Undefined until two reports follow each other, and while it does not answer. */
  readonly rates: NodeRates | undefined;
  readonly courses: Readonly<Record<CourseName, Course>>;
}

/** Rates of a metric that only grows, and its value. */
export interface MetricFigures {
  readonly name: string;
  readonly value: number;
  readonly perSecond: number | undefined;
}

/** Everything that screens read. */
export interface FleetFigures {
  readonly timeMs: number;
  readonly nodes: readonly NodeFigures[];
  readonly publisher:
    | {
        readonly sight: Sight<PublisherReport>;
        readonly report: PublisherReport | undefined;
        readonly course: Course;
      }
    | undefined;
  readonly loadtest:
    | {
        readonly sight: Sight<MetricsReport>;
        readonly metrics: readonly MetricFigures[];
        /** Events that it received per second. */
        readonly course: Course;
      }
    | undefined;
}
