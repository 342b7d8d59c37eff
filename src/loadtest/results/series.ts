/** The course of a run: one point per report interval, and latency in successive parts. Bounded. */
import type { Histogram, HistogramRecord } from '../../base/histogram.ts';
import type { LoadTestPhase } from '../plan/timeline.ts';
import type { Totals } from '../workers/totals.ts';

/** One interval of a run, which ended at `elapsedMs`. */
export interface SeriesPoint {
  readonly elapsedMs: number;
  readonly phase: LoadTestPhase;
  /** Clients that are open now. */
  readonly active: number;
  /** Clients that were open at least once, until now. */
  readonly opened: number;
  /** Clients that could not connect, until now. */
  readonly failed: number;
  /** Events in this interval. */
  readonly receivedPerSecond: number;
  /** Events lost until now; null where events are not numbered. */
  readonly lost: number | null;
  /** Errors on connections in this interval. */
  readonly errorsPerSecond: number;
  /** Of this interval; null when nothing was measured in it. */
  readonly latencyP50Ms: number | null;
  readonly latencyP99Ms: number | null;
  /** Of the busiest worker, since the begin of the hold phase; 100 is one core. */
  readonly cpuPercent: number;
  /** Of the worst worker, since the begin of the hold phase. */
  readonly loopDelayP99Ms: number;
}

/** What {@link SeriesRecorder} keeps of a run, for the report. */
export interface Series {
  /** Length of one point; a multiple of the report interval when the run was long. */
  readonly intervalMs: number;
  readonly points: readonly SeriesPoint[];
  /** Latency in successive parts of the run; together they are all of it. */
  readonly latencyParts: readonly HistogramRecord[];
}

/** Points of one run; with more, two become one. An hour at one per second. */
const maxPoints = 3_600;
/** Parts of the latency: enough to tell noise from change, small enough for a file. */
const maxParts = 64;

interface Before {
  readonly elapsedMs: number;
  readonly received: number;
  readonly errors: number;
  readonly latency: Histogram | undefined;
}

/** Records a run as it goes on, from totals that only grow. */
export class SeriesRecorder {
  readonly #maxPoints: number;
  #intervalMs: number;
  #points: SeriesPoint[] = [];
  #parts: Histogram[] = [];
  /** Intervals of the source that make one point, and of which one part of the latency is made. */
  #perPoint = 1;
  #perPart = 1;
  #inPoint = 0;
  #inPart = 0;
  #before: Before = { elapsedMs: 0, received: 0, errors: 0, latency: undefined };
  #partsUntil: Histogram | undefined;

  constructor(intervalMs: number, limit = maxPoints) {
    this.#intervalMs = intervalMs;
    this.#maxPoints = limit;
  }

  get points(): readonly SeriesPoint[] {
    return this.#points;
  }

  /** Adds an interval that ends at `elapsedMs`. */
  record(totals: Totals, phase: LoadTestPhase, elapsedMs: number): void {
    if (elapsedMs <= this.#before.elapsedMs) return;
    this.#inPoint++;
    if (this.#inPoint >= this.#perPoint) this.#addPoint(totals, phase, elapsedMs);
    this.#inPart++;
    if (this.#inPart >= this.#perPart) this.#addPart(totals.latency);
  }

  /** Adds what is left, however short, so that the parts are all of the latency. */
  end(totals: Totals, phase: LoadTestPhase, elapsedMs: number): Series {
    const last = this.#points.at(-1);
    const restMs = elapsedMs - this.#before.elapsedMs;
    if (last === undefined || restMs >= this.#intervalMs / 2) {
      if (restMs > 0) this.#addPoint(totals, phase, elapsedMs);
    } else {
      // A rate over so short a time says nothing; where things stand does.
      const { active, opened, failed } = totals.connections;
      const { lost } = totals.messages;
      this.#points[this.#points.length - 1] = { ...last, active, opened, failed, lost };
    }
    this.#addPart(totals.latency);
    const latencyParts = this.#parts.map((part) => part.toRecord());
    return { intervalMs: this.#intervalMs, points: this.#points, latencyParts };
  }

  #addPoint(totals: Totals, phase: LoadTestPhase, elapsedMs: number): void {
    const { connections, messages, latency, generator } = totals;
    const errors = totals.errors.count;
    const seconds = (elapsedMs - this.#before.elapsedMs) / 1_000;
    const recent = latency.since(this.#before.latency);
    const { cpuPercent, loopDelayP99Ms } = generator;
    this.#points.push({
      elapsedMs: Math.round(elapsedMs),
      phase,
      active: connections.active,
      opened: connections.opened,
      failed: connections.failed,
      receivedPerSecond: round(Math.max(0, messages.received - this.#before.received) / seconds),
      lost: messages.lost,
      errorsPerSecond: round(Math.max(0, errors - this.#before.errors) / seconds),
      latencyP50Ms: recent.count === 0 ? null : recent.percentile(50),
      latencyP99Ms: recent.count === 0 ? null : recent.percentile(99),
      cpuPercent: round(cpuPercent),
      loopDelayP99Ms: round(loopDelayP99Ms),
    });
    this.#before = { elapsedMs, received: messages.received, errors, latency };
    this.#inPoint = 0;
    if (this.#points.length < this.#maxPoints) return;
    this.#points = inPairs(this.#points, joinPoints);
    this.#perPoint *= 2;
    this.#intervalMs *= 2;
  }

  #addPart(latency: Histogram): void {
    const part = latency.since(this.#partsUntil);
    if (part.count === 0) return;
    this.#parts.push(part);
    this.#partsUntil = latency;
    this.#inPart = 0;
    if (this.#parts.length <= maxParts) return;
    this.#parts = inPairs(this.#parts, (first, second) => {
      first.merge(second.snapshot());
      return first;
    });
    this.#perPart *= 2;
  }
}

function inPairs<T>(items: readonly T[], join: (first: T, second: T) => T): T[] {
  const joined: T[] = [];
  for (let at = 0; at < items.length; at += 2) {
    const [first, second] = [items[at] as T, items[at + 1]];
    joined.push(second === undefined ? first : join(first, second));
  }
  return joined;
}

/** Two neighbours as one: states are the later ones, rates the mean, peaks stay. */
function joinPoints(first: SeriesPoint, second: SeriesPoint): SeriesPoint {
  return {
    ...second,
    receivedPerSecond: round((first.receivedPerSecond + second.receivedPerSecond) / 2),
    errorsPerSecond: round((first.errorsPerSecond + second.errorsPerSecond) / 2),
    latencyP50Ms: greater(first.latencyP50Ms, second.latencyP50Ms),
    latencyP99Ms: greater(first.latencyP99Ms, second.latencyP99Ms),
    cpuPercent: Math.max(first.cpuPercent, second.cpuPercent),
    loopDelayP99Ms: Math.max(first.loopDelayP99Ms, second.loopDelayP99Ms),
  };
}

function greater(first: number | null, second: number | null): number | null {
  if (first === null || second === null) return first ?? second;
  return Math.max(first, second);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
