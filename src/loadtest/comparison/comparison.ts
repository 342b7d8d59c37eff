/** Compares runs figure by figure: what changed, by how much, and whether that is beyond noise. */
import { UsageError } from '../../base/errors.ts';
import type { ThresholdMetric } from '../../config/threshold.ts';
import type { Run } from '../reports/report-file.ts';
import { minParts } from './bootstrap.ts';
import { type Budget, checkBudgets } from './budget.ts';
import { type BudgetResult, judgeBudget } from './budget-result.ts';
import { changeOf, type FigureChange, noiseOfChange } from './figure-change.ts';
import { partsOf } from './figures.ts';
import { checkSetups, faultsOf } from './setup.ts';
import { studentQuantile } from './student.ts';

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

/** All intervals of a comparison together hold with this probability. */
const confidence = 0.99;

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
  const runs = [...before, ...after];
  const warnings = checkSetups(runs, isForced);
  checkBudgets(budgets, runs);
  const asked = budgets.map(({ metric }) => metric);
  const metrics = [...new Set([...mainMetrics, ...asked])];
  const noises = metrics.map((metric) => noiseOfChange(before, after, metric));
  const judged = noises.filter((noise) => noise !== undefined).length;
  const parts = Math.max(minParts, partsOf(runs));
  const width = judged > 0 ? studentQuantile(1 - (1 - confidence) / judged, parts - 1) : 0;
  const figures = metrics.map((metric, at) => {
    const noise = noises[at];
    return changeOf(before, after, metric, noise === undefined ? undefined : noise * width);
  });
  const faults = faultsOf(runs);
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
