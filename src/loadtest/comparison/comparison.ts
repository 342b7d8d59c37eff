/** Compares runs figure by figure: what changed, by how much, and whether that is beyond noise. */
import { UsageError } from '../../base/errors.ts';
import { type MetricUnit, type ThresholdMetric, thresholdMetrics } from '../../config/threshold.ts';
import { minParts } from './bootstrap.ts';
import { type Budget, checkBudgets } from './budget.ts';
import { type BudgetResult, judgeBudget, resolutionPercent } from './budget-result.ts';
import { centreOf, spreadOf } from './centre.ts';
import { figuresOf, noiseOf, partsOf } from './figures.ts';
import { checkSetups, faultsOf, type Run } from './setup.ts';
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

/** What a comparison found. Written as JSON, so names and meanings are a contract. */
export interface Comparison {
  readonly schemaVersion: 1;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly figures: readonly FigureChange[];
  readonly budgets: readonly BudgetResult[];
  readonly warnings: readonly string[];
  /** Of the budgets. Inconclusive: none was broken, and of some it cannot be told. */
  readonly verdict: 'pass' | 'fail' | 'inconclusive';
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
const seeds = [1, 2] as const;

/** What is asked of a comparison. */
export interface ComparisonOptions {
  readonly budgets: readonly Budget[];
  /** Whether runs of different setups are compared too. */
  readonly isForced?: boolean;
  /** Whether budgets pass of which noise leaves open whether they were kept. */
  readonly allowsNoise?: boolean;
}

/**
 * Compares one or more runs with one or more others. Several runs of a side tell how much runs
 * differ by themselves: a change within that is none. Throws a UsageError for different setups, for a
 * run that is given twice, and for a budget of what a run does not measure.
 */
export function compareRuns(
  before: readonly Run[],
  after: readonly Run[],
  { budgets, isForced = false, allowsNoise = false }: ComparisonOptions,
): Comparison {
  if (before.length === 0 || after.length === 0) throw new UsageError('expected a file per side');
  const warnings = checkSetups([...before, ...after], isForced);
  checkBudgets(budgets, [...before, ...after]);
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
  const faults = faultsOf([...before, ...after]);
  const results = budgets.map((budget) => {
    const figure = figures.find(({ metric }) => metric === budget.metric) as FigureChange;
    const certain =
      budget.metric === 'lost'
        ? changeOf(withoutTails(before), withoutTails(after), 'lost', undefined)
        : figure;
    return judgeBudget(budget, figure, { faults, certain, allowsNoise });
  });
  return {
    schemaVersion: 1,
    before: before.map(({ path }) => path),
    after: after.map(({ path }) => path),
    figures,
    budgets: results,
    warnings,
    verdict: verdictOf(results),
  };
}

function verdictOf(results: readonly BudgetResult[]): Comparison['verdict'] {
  const unmet = results.filter(({ ok }) => !ok);
  if (unmet.length === 0) return 'pass';
  return unmet.some(({ undecided }) => undecided === null) ? 'fail' : 'inconclusive';
}

/** Runs as if events that only lack at their end were not lost. */
function withoutTails(runs: readonly Run[]): Run[] {
  return runs.map((run) => {
    const { messages } = run.report;
    const lost = messages.lost === null ? null : messages.lost - (messages.lostAtEnd ?? 0);
    return { ...run, report: { ...run.report, messages: { ...messages, lost } } };
  });
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
