/** How much a figure may change from one run to the next: `latency.p99 +10%`, `lost +1`. */
import leven from 'leven';
import { UsageError } from '../../base/errors.ts';
import { lackOf } from '../../config/sections/loadtest-checks.ts';
import { type MetricUnit, type ThresholdMetric, thresholdMetrics } from '../../config/threshold.ts';
import type { Run } from '../reports/report-file.ts';
import { pathsOf } from './setup.ts';

/** A change that is not accepted. */
export interface Budget {
  /** As written. */
  readonly expression: string;
  readonly metric: ThresholdMetric;
  /** Whether a rise or a fall is bad. */
  readonly sign: 1 | -1;
  /** From here on it is too much; 0 means any change that way. */
  readonly limit: number;
  /** Whether the limit is in percent of the value before, else in the unit of the metric. */
  readonly isRelative: boolean;
}

const factors: Readonly<Record<MetricUnit, Readonly<Record<string, number>>>> = {
  ms: { ms: 1, s: 1_000 },
  // Percent of a percentage would be read in two ways: it is points.
  percent: { '%': 1 },
  perSecond: { '/s': 1, '': 1 },
  count: { '': 1 },
};

/** Reads all texts. Throws a UsageError that names everything that is wrong with them. */
export function parseBudgets(texts: readonly string[]): Budget[] {
  const read = texts.map(parseBudget);
  const faults = read.filter((budget) => typeof budget === 'string');
  if (faults.length === 0) return read.filter((budget) => typeof budget !== 'string');
  throw new UsageError(faults.map((fault) => `--fail-on: ${fault}`).join('\n'), {
    hint: "write a metric, + or -, and how much: 'latency.p99 +10%', 'latency.p50 +2ms', 'lost +1'",
  });
}

/** Throws a UsageError for each budget of a figure that some of the runs, as they were set, do not measure. */
export function checkBudgets(budgets: readonly Budget[], runs: readonly Run[]): void {
  const faults = budgets.flatMap(({ metric }) => {
    const lacking = Map.groupBy(runs, ({ report }) => lackOf(metric, report.config));
    return Array.from(lacking, ([lack, without]) =>
      lack === undefined ? [] : `--fail-on: ${metric} ${lack}: not so in ${pathsOf(without)}`,
    ).flat();
  });
  if (faults.length === 0) return;
  throw new UsageError([...new Set(faults)].join('\n'), {
    hint: 'leave it out, or run both sides again with what it takes',
  });
}

function parseBudget(text: string): Budget | string {
  const match = /^\s*([A-Za-z][\w.]*)\s*([+-])\s*(\d+(?:\.\d+)?)\s*(\S*)\s*$/.exec(text);
  if (match === null) return `expected a change such as 'latency.p99 +10%', got "${text}"`;
  const [, name = '', sign, amount, suffix = ''] = match;
  const metric = name as ThresholdMetric;
  const unit = thresholdMetrics.get(metric);
  if (unit === undefined) return unknownMetric(name);
  const isRelative = suffix === '%' && unit !== 'percent';
  const factor = isRelative ? 1 : factors[unit][suffix];
  if (factor === undefined) {
    const units = Object.keys(factors[unit]).map((one) => one || 'a plain number');
    const expected = [...new Set(['%', ...units])].join(' or ');
    return `${name} changes by ${expected}, got "${text}"`;
  }
  return {
    expression: text.trim(),
    metric,
    sign: sign === '+' ? 1 : -1,
    limit: Number(amount) * factor,
    isRelative,
  };
}

function unknownMetric(name: string): string {
  const names = [...thresholdMetrics.keys()];
  const nearest = names.toSorted((a, b) => leven(a, name) - leven(b, name))[0] as string;
  const isNear = leven(nearest, name) <= Math.max(2, name.length / 3);
  return `no such metric: ${name}${isNear ? `, did you mean ${nearest}?` : ''}`;
}
