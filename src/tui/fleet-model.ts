/** FleetModel: what snapshots add up to: newest reports, rates, courses, and since when. */
import type {
  FleetSnapshot,
  MetricsReport,
  PublisherReport,
  Sight,
} from '../protocol/fleet-snapshot.ts';
import type { StatusReport } from '../protocol/status-report.ts';
import { Course } from './course.ts';
import {
  type CourseName,
  courseNames,
  type FleetFigures,
  type NodeFigures,
} from './fleet-figures.ts';
import { oncePerNode, placeOf, toldApart } from './node-addresses.ts';
import { type NodeRates, ratesBetween } from './node-rates.ts';

/** Nodes that are remembered; a recording may name others in each line. */
const maxNodes = 256;

/** Takes snapshots in the order of their time. */
export class FleetModel {
  readonly #nodes = new Map<string, NodeTrack>();
  readonly #publisherCourse = new Course();
  readonly #loadtestCourse = new Course();
  #publisherReport: PublisherReport | undefined;
  #metrics: { readonly timeMs: number; readonly report: MetricsReport } | undefined;
  #figures: FleetFigures | undefined;

  /** Undefined before the first snapshot. */
  get figures(): FleetFigures | undefined {
    return this.#figures;
  }

  take({ time_ms, nodes, publisher, loadtest }: FleetSnapshot): FleetFigures {
    const tracked = nodes
      .slice(0, maxNodes)
      .map((sight) => this.#trackOf(sight.url).take(sight, time_ms));
    this.#figures = {
      timeMs: time_ms,
      nodes: toldApart(oncePerNode(tracked)),
      publisher: publisher === null ? undefined : this.#publisherOf(publisher),
      loadtest: loadtest === null ? undefined : this.#loadtestOf(loadtest, time_ms),
    };
    return this.#figures;
  }

  #trackOf(url: string): NodeTrack {
    const known = this.#nodes.get(url);
    if (known !== undefined) return known;
    const [oldest] = this.#nodes.keys();
    if (this.#nodes.size >= maxNodes && oldest !== undefined) this.#nodes.delete(oldest);
    const track = new NodeTrack(url);
    this.#nodes.set(url, track);
    return track;
  }

  #publisherOf(sight: Sight<PublisherReport>): FleetFigures['publisher'] {
    this.#publisherReport = sight.report ?? this.#publisherReport;
    this.#publisherCourse.push(sight.report?.achievedRate);
    return { sight, report: this.#publisherReport, course: this.#publisherCourse };
  }

  #loadtestOf(sight: Sight<MetricsReport>, timeMs: number): FleetFigures['loadtest'] {
    const before = this.#metrics;
    const report = sight.report ?? before?.report ?? {};
    if (sight.report !== null) this.#metrics = { timeMs, report: sight.report };
    const seconds = before === undefined ? 0 : (timeMs - before.timeMs) / 1_000;
    const metrics = Object.entries(report).map(([name, value]) => {
      const old = before?.report[name];
      const grows = /_(total|count|sum)(\{|$)/.test(name);
      const isKnown = grows && seconds > 0 && old !== undefined && sight.report !== null;
      return { name, value, perSecond: isKnown ? Math.max(0, value - old) / seconds : undefined };
    });
    const received = metrics.find(({ name }) => name === 'odin_loadtest_events_received_total');
    this.#loadtestCourse.push(received?.perSecond);
    return { sight, metrics, course: this.#loadtestCourse };
  }
}

/** One node over time. */
class NodeTrack {
  readonly #url: string;
  readonly #courses = Object.fromEntries(courseNames.map((name) => [name, new Course()])) as Record<
    CourseName,
    Course
  >;
  #sinceMs: number | undefined;
  #answeredMs: number | undefined;
  #state: Sight<StatusReport>['state'] | undefined;
  #report: StatusReport | undefined;
  #machine: string | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  take(sight: Sight<StatusReport>, timeMs: number): NodeFigures {
    if (sight.state !== this.#state) this.#sinceMs = timeMs;
    this.#state = sight.state;
    if (sight.state === 'up') this.#answeredMs = timeMs;
    const before = this.#report;
    const { report } = sight;
    const rates = before && report ? ratesBetween(before, report) : undefined;
    if (report !== null) this.#report = report;
    // Only some tabs ask for it.
    this.#machine = report?.machine?.name ?? this.#machine;
    this.#note(report, rates);
    return {
      ...{ url: this.#url, sight, rates, courses: this.#courses },
      name: this.#report?.node ?? placeOf(this.#url),
      elsewhere: [],
      sinceMs: this.#sinceMs ?? timeMs,
      answeredMs: this.#answeredMs,
      machine: this.#machine,
      report: this.#report,
    };
  }

  #note(report: StatusReport | null, rates: NodeRates | undefined): void {
    const values: Record<CourseName, number | undefined> = {
      connections: report?.connections.current,
      ingested: rates?.ingested,
      delivered: rates?.delivered,
      p99Ms: rates?.p99Ms,
      lag: report?.broker.lag_records,
      cpuPercent: rates?.cpuPercent,
      memoryBytes: report?.guard.memory_bytes,
      errors: rates?.errors,
    };
    for (const name of courseNames) this.#courses[name].push(values[name]);
  }
}
