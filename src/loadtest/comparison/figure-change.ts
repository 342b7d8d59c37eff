/** One figure before and after: how much it changed, and whether that is beyond noise. */
import { type MetricUnit, type ThresholdMetric, thresholdMetrics } from '../../config/threshold.ts';
import type { Run } from '../reports/report-file.ts';
import { centreOf, spreadOf } from './centre.ts';
import { figuresOf, noiseOf } from './figures.ts';

/** One figure before and after. */
export interface FigureChange {
  readonly metric: ThresholdMetric;
  readonly unit: MetricUnit;
  /** Of a side's runs together, see {@link centreOf}; null when one did not measure it. */
  readonly before: number | null;
  readonly after: number | null;
  /** Of the value before; null when there is none to refer to. */
  readonly changePercent: number | null;
  /** Where the true change lies; null where the runs do not tell. */
  readonly intervalPercent: readonly [low: number, high: number] | null;
  /** `same` is said of what cannot be told from noise too. */
  readonly outcome: 'better' | 'worse' | 'same' | 'unknown';
}

/** Nothing below the resolution of the histograms counts as a change, in percent. */
export const resolutionPercent = 0.8;

const higherIsBetter: ReadonlySet<ThresholdMetric> = new Set([
  'connect.success',
  'rate',
  'opened',
  'received',
  'healed',
  'reconnected',
] as const);

const seeds = [1, 2] as const;

/** Deviation of the logarithm of a change; undefined where the runs do not tell. */
export function noiseOfChange(
  before: readonly Run[],
  after: readonly Run[],
  metric: ThresholdMetric,
): number | undefined {
  const [one, two] = [before, after].map((runs, side) =>
    noiseOf(runs, metric, seeds[side] as number),
  );
  return one === undefined || two === undefined ? undefined : Math.hypot(one, two);
}

/** What became of a figure; `width` is half of the interval of its change, as a logarithm. */
export function changeOf(
  before: readonly Run[],
  after: readonly Run[],
  metric: ThresholdMetric,
  width: number | undefined,
): FigureChange {
  const unit = thresholdMetrics.get(metric) as MetricUnit;
  const [olds, news] = [before, after].map((runs) => known(figuresOf(runs, metric)));
  const [one, two] = [olds, news].map((figures) => (figures ? centreOf(figures) : null));
  const base = { metric, unit, before: one ?? null, after: two ?? null };
  if (one == null || two == null) {
    return { ...base, changePercent: null, intervalPercent: null, outcome: 'unknown' };
  }
  const changePercent = one === 0 ? (two === 0 ? 0 : null) : 100 * (two / one - 1);
  const isBetter = two > one === higherIsBetter.has(metric);
  const moved = two === one ? 'same' : isBetter ? 'better' : 'worse';
  // Counts are exact: one event more that was lost is one more.
  if (unit === 'count' || unit === 'percent') {
    return { ...base, changePercent, intervalPercent: null, outcome: moved };
  }
  if (width === undefined || one <= 0 || two <= 0) {
    return { ...base, changePercent, intervalPercent: null, outcome: 'unknown' };
  }
  const change = Math.log(two / one);
  const percentOf = (logarithm: number) => 100 * Math.expm1(logarithm);
  const shift = percentOf(change);
  // What runs of one side differ by themselves says as much as what a run differs within itself.
  const spread = Math.max(spreadOf(olds ?? []), spreadOf(news ?? []));
  const low = Math.min(percentOf(change - width), shift - spread);
  const high = Math.max(percentOf(change + width), shift + spread);
  const isChange = (low > 0 || high < 0) && Math.abs(shift) > resolutionPercent;
  return {
    ...base,
    changePercent,
    intervalPercent: [low, high],
    outcome: isChange ? moved : 'same',
  };
}

/** Null when one of the runs did not measure it. */
function known(figures: readonly (number | null)[]): number[] | null {
  const measured = figures.filter((figure) => figure !== null);
  return measured.length < figures.length ? null : measured;
}
