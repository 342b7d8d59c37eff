/** What a run has to meet: the conditions asked for, the usual ones, and what was observed of each. */
import {
  type MetricUnit,
  parseThresholds,
  type Threshold,
  type ThresholdMetric,
  thresholdMetrics,
} from '../../config/threshold.ts';
import { lackFor, type Told } from '../../config/told.ts';
import type { Totals } from '../workers/totals.ts';
import { hasGround, isOfReading } from './grounds.ts';
import type { PartOf, RunPart, RunScale } from './run-part.ts';

/** A condition and what came of it. */
export interface ThresholdResult {
  /** `latency.p99 < 50ms` */
  readonly expression: string;
  /** The stage or kind of clients that it is about; null for the run as a whole. */
  readonly scope: string | null;
  readonly metric: ThresholdMetric;
  /** What `observed` is: milliseconds, percent, events per second or a count. */
  readonly unit: MetricUnit;
  /** Null when nothing was measured, which meets no condition. */
  readonly observed: number | null;
  readonly ok: boolean;
  /** Whether it holds for every run, unless a threshold on the same metric replaces it. */
  readonly isBuiltIn: boolean;
  /** Events that clients left unread and that may decide it; it is not `ok` then, and has not failed. */
  readonly unread?: number | undefined;
}

/** A condition of a run. */
export interface RunThreshold extends Threshold {
  readonly unit: MetricUnit;
  readonly isBuiltIn: boolean;
}

/** Most telling first: reasons are listed in this order. */
const builtIn =
  'failed == 0 & away == 0 & lost == 0 & unrecovered == 0 & missed == 0 & duplicated == 0 & ' +
  'reordered == 0 & unexpected == 0 & unreadable == 0 & seqBreaks == 0 & received > 0';

/** Built-in conditions that a threshold on another metric replaces too. */
const replacedBy: Partial<Record<ThresholdMetric, ThresholdMetric>> = {
  'connect.success': 'failed',
  rate: 'received',
};

/** All conditions of a run, of those that can be told the usual ones; `texts` are what the configuration holds, already checked there. */
export function thresholdsOf(texts: readonly string[], told: Told): RunThreshold[] {
  const asked = texts.flatMap(readChecked);
  const ofRun = asked.filter(({ scope }) => scope === undefined);
  const replaced = new Set(ofRun.flatMap(({ metric }) => [metric, replacedBy[metric]]));
  return [
    ...readChecked(builtIn)
      .filter(({ metric }) => !replaced.has(metric) && lackFor(metric, told) === undefined)
      .map((threshold) => ({ ...threshold, isBuiltIn: true })),
    ...asked.map((threshold) => ({ ...threshold, isBuiltIn: false })),
  ];
}

function readChecked(text: string): Omit<RunThreshold, 'isBuiltIn'>[] {
  const read = parseThresholds(text);
  if (typeof read === 'string') throw new Error(read);
  return read.map((threshold) => ({
    ...threshold,
    unit: thresholdMetrics.get(threshold.metric) as MetricUnit,
  }));
}

/** Compares what was observed with every condition. */
export function resultsOf(thresholds: readonly RunThreshold[], partOf: PartOf): ThresholdResult[] {
  return thresholds.map((threshold) => {
    const { expression, scope, metric, unit, operator, limit, isBuiltIn } = threshold;
    const part = partOf(scope);
    const observed = observedIn(part, threshold);
    const isMet = observed !== null && compare[operator](observed, limit);
    const unread = part === undefined ? 0 : unreadThatDecides(part, threshold, observed);
    const result = { expression, scope: scope ?? null, metric, unit, observed, isBuiltIn };
    return unread > 0 ? { ...result, ok: false, unread } : { ...result, ok: isMet };
  });
}

/**
 * How many events were left unread, if what became of them may decide a condition. By reading them,
 * every figure stays as it is or grows; events lost by as many as they are at most.
 */
function unreadThatDecides(
  { totals: { messages } }: RunPart,
  { metric, operator, limit }: RunThreshold,
  observed: number | null,
): number {
  const { unread } = messages;
  if (unread === 0 || !isOfReading(metric)) return 0;
  const most = metric === 'lost' ? (observed ?? 0) + unread : Number.POSITIVE_INFINITY;
  const isOpen =
    observed === null ||
    compare[operator](observed, limit) !== compare[operator](most, limit) ||
    (/[!=]=/.test(operator) && limit >= observed && limit <= most);
  return isOpen ? unread : 0;
}

/**
 * A count of 0 is none where there was nothing to count. What every run has to meet takes it as it
 * is: that there is something to count is a condition of its own.
 */
function observedIn(part: RunPart | undefined, threshold: RunThreshold): number | null {
  if (part === undefined) return null;
  const { totals, scale } = part;
  const { metric, isBuiltIn } = threshold;
  const observed = observe(metric, totals, scale);
  return observed === 0 && !isBuiltIn && !hasGround(metric, totals, scale) ? null : observed;
}

/** The first condition that ends a run now, as its part has gone on for its grace. */
export function breachOf(
  thresholds: readonly RunThreshold[],
  partOf: PartOf,
): RunThreshold | undefined {
  return thresholds.find(({ scope, metric, operator, limit, abortAfterMs }) => {
    if (abortAfterMs === undefined) return false;
    const part = partOf(scope);
    if (part === undefined || part.scale.holdMs < abortAfterMs) return false;
    // Clients that have not come yet, or are on their way in or back, have not failed to.
    const { opened, failed, away, returning } = part.totals.connections;
    const connections = { ...part.totals.connections, away: away - returning };
    const scale = { ...part.scale, target: opened + failed };
    const observed = observe(metric, { ...part.totals, connections }, scale);
    return observed !== null && !compare[operator](observed, limit);
  });
}

const compare: Readonly<Record<Threshold['operator'], (a: number, b: number) => boolean>> = {
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
};

/** Percentiles that a metric may be of. */
export const percents: Readonly<Record<string, number>> = {
  p50: 50,
  p90: 90,
  p95: 95,
  p99: 99,
  p999: 99.9,
  max: 100,
};

/** What was observed of a metric, in its unit; null when nothing was measured. */
export function observe(metric: ThresholdMetric, totals: Totals, scale: RunScale): number | null {
  if (lackFor(metric, scale.told) !== undefined) return null;
  if (metric === 'connect.success') {
    return scale.target > 0 ? (100 * totals.connections.opened) / scale.target : null;
  }
  if (metric === 'rate') {
    return scale.holdMs > 0 ? (1_000 * totals.latency.count) / scale.holdMs : null;
  }
  const [source, quantile] = metric.split('.') as [string, string | undefined];
  if (quantile === undefined) return counts[metric as CountMetric](totals);
  const histogram = times[source as keyof typeof times](totals);
  if (histogram.count === 0) return null;
  return quantile === 'mean' ? histogram.meanMs : histogram.percentile(percents[quantile] ?? 100);
}

const times = {
  latency: ({ latency }: Totals) => latency,
  connect: ({ connect }: Totals) => connect,
  return: ({ returns }: Totals) => returns,
  ack: ({ acks }: Totals) => acks,
};

type CountMetric = Exclude<ThresholdMetric, `${string}.${string}` | 'rate'>;

const counts: Readonly<Record<CountMetric, (totals: Totals) => number>> = {
  opened: ({ connections }) => connections.opened,
  failed: ({ connections }) => connections.failed,
  refused: ({ refused }) => [...refused.values()].reduce((sum, count) => sum + count, 0),
  dropped: ({ connections }) => connections.dropped,
  reconnected: ({ connections }) => connections.reconnected,
  away: ({ connections }) => connections.away,
  received: ({ messages }) => messages.received,
  lost: ({ messages }) => messages.lost,
  duplicated: ({ messages }) => messages.duplicated,
  reordered: ({ messages }) => messages.reordered,
  missed: ({ messages }) => messages.missedWhileDisconnected,
  healed: ({ messages }) => messages.healed,
  unrecovered: ({ messages }) => messages.unrecovered,
  skipped: ({ messages }) => messages.skipped,
  unexpected: ({ messages }) => messages.unexpected,
  unreadable: ({ messages }) => messages.badMessages,
  seqBreaks: ({ messages }) => messages.seqBreaks,
  throttled: ({ messages }) => messages.throttleUpdates,
  gaps: ({ messages }) => messages.gapNotices,
  errors: ({ errors }) => errors.count,
};
