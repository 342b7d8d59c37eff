/** Compares runs figure by figure: what changed, by how much, and whether that is beyond noise. */
import { UsageError } from '../../base/errors.ts';
import { type MetricUnit, type ThresholdMetric, thresholdMetrics } from '../../config/threshold.ts';
import { minParts } from './bootstrap.ts';
import type { Budget } from './budget.ts';
import { centreOf, spreadOf } from './centre.ts';
import { figuresOf, noiseOf, partsOf } from './figures.ts';
import { checkSetups, type Run } from './setup.ts';
import { studentQuantile } from './student.ts';

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

/** A change that was not to be, and what came of it. */
export interface BudgetResult {
  readonly expression: string;
  readonly metric: ThresholdMetric;
  readonly ok: boolean;
}

/** What a comparison found. Written as JSON, so names and meanings are a contract. */
export interface Comparison {
  readonly schemaVersion: 1;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly figures: readonly FigureChange[];
  readonly budgets: readonly BudgetResult[];
  readonly warnings: readonly string[];
  readonly verdict: 'pass' | 'fail';
}

/** Shown whether or not they changed. */
const mainMetrics: readonly ThresholdMetric[] = [
  'connect.success',
  'connect.p50',
  'connect.p99',
  'rate',
  'latency.p50',
  'latency.p95',
  'latency.p99',
  'latency.mean',
  'latency.max',
  'lost',
  'duplicated',
  'reordered',
  'unrecovered',
  'dropped',
  'errors',
];

const higherIsBetter: ReadonlySet<ThresholdMetric> = new Set([
  'connect.success',
  'rate',
  'opened',
  'received',
  'healed',
  'reconnected',
] as const);

/** All intervals of a comparison together hold with this probability. */
const confidence = 0.99;
/** Nothing below the resolution of the histograms counts as a change, in percent. */
const resolutionPercent = 0.8;
const seeds = [1, 2] as const;

/**
 * Compares one or more runs with one or more others. Several runs of a side tell how much runs
 * differ by themselves: a change within that is none. Throws a UsageError for different setups.
 */
export function compareRuns(
  before: readonly Run[],
  after: readonly Run[],
  { budgets, isForced }: { budgets: readonly Budget[]; isForced: boolean },
): Comparison {
  if (before.length === 0 || after.length === 0) throw new UsageError('expected a file per side');
  const warnings = checkSetups([...before, ...after], isForced);
  const asked = budgets.map(({ metric }) => metric);
  const metrics = [...new Set([...mainMetrics, ...asked])];
  const noises = metrics.map((metric) => pooledNoise(before, after, metric));
  const judged = noises.filter((noise) => noise !== undefined).length;
  const parts = Math.max(minParts, partsOf(reportsOf([...before, ...after])));
  const width = judged > 0 ? studentQuantile(1 - (1 - confidence) / judged, parts - 1) : 0;
  const figures = metrics.map((metric, at) => {
    const noise = noises[at];
    return changeOf(before, after, metric, noise === undefined ? undefined : noise * width);
  });
  const results = budgets.map((budget) => {
    const figure = figures.find(({ metric }) => metric === budget.metric) as FigureChange;
    return { expression: budget.expression, metric: budget.metric, ok: isKept(budget, figure) };
  });
  return {
    schemaVersion: 1,
    before: before.map(({ path }) => path),
    after: after.map(({ path }) => path),
    figures,
    budgets: results,
    warnings: [...warnings, ...budgets.flatMap((budget) => undecidedOf(budget, figures))],
    verdict: results.every(({ ok }) => ok) ? 'pass' : 'fail',
  };
}

function reportsOf(runs: readonly Run[]) {
  return runs.map(({ report }) => report);
}

/** Deviation of the logarithm of the change. */
function pooledNoise(
  before: readonly Run[],
  after: readonly Run[],
  metric: ThresholdMetric,
): number | undefined {
  const [one, two] = [before, after].map((runs, side) =>
    noiseOf(reportsOf(runs), metric, seeds[side] as number),
  );
  return one === undefined || two === undefined ? undefined : Math.hypot(one, two);
}

/** `width` is half of the interval of the change, as a logarithm. */
function changeOf(
  before: readonly Run[],
  after: readonly Run[],
  metric: ThresholdMetric,
  width: number | undefined,
): FigureChange {
  const unit = thresholdMetrics.get(metric) as MetricUnit;
  const [olds, news] = [before, after].map((runs) => known(figuresOf(reportsOf(runs), metric)));
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
  const low = percentOf(change - width);
  const high = percentOf(change + width);
  const noisePercent = Math.max(resolutionPercent, spreadOf(olds ?? []), spreadOf(news ?? []));
  const isChange = (low > 0 || high < 0) && Math.abs(changePercent ?? 0) > noisePercent;
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

/** A budget that is kept only because the runs are too noisy, or too short, to tell. */
function undecidedOf(budget: Budget, figures: readonly FigureChange[]): string[] {
  const { expression, metric, sign, limit, isRelative } = budget;
  const { intervalPercent, outcome, before } = figures.find(
    (figure) => figure.metric === metric,
  ) as FigureChange;
  if (intervalPercent === null || outcome !== 'same' || before === null) return [];
  const [low, high] = intervalPercent;
  const worst = sign > 0 ? high : -low;
  const limitPercent = isRelative ? limit : (100 * limit) / before;
  if (worst < Math.max(limitPercent, resolutionPercent)) return [];
  const span = `${low.toFixed(1)}% and ${high >= 0 ? '+' : ''}${high.toFixed(1)}%`;
  return [
    `${expression}: cannot be told, the change is between ${span}; ` +
      'hold clients for longer, or give several runs of each side',
  ];
}

/** A change that cannot be told from noise breaks no budget; one that nothing is known of does. */
function isKept({ sign, limit, isRelative }: Budget, figure: FigureChange): boolean {
  const { before, after, changePercent, intervalPercent, outcome } = figure;
  if (before === null || after === null) return false;
  if (intervalPercent !== null && outcome === 'same') return true;
  const moved = sign * (after - before);
  if (moved <= 0) return true;
  // From nothing to something is more than any percentage.
  const size = isRelative ? sign * (changePercent ?? sign * Number.POSITIVE_INFINITY) : moved;
  return size < limit;
}
