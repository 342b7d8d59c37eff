/** What came of a budget: kept, broken, or not to be told, which is no pass. */
import type { ThresholdMetric } from '../../config/threshold.ts';
import { lackOfGround } from '../results/grounds.ts';
import { facts } from '../results/verdict.ts';
import type { Budget } from './budget.ts';
import { type FigureChange, resolutionPercent } from './figure-change.ts';
import { hasBounds } from './figures.ts';

/** A change that was not to be, and what came of it. Written as JSON. */
export interface BudgetResult {
  readonly expression: string;
  readonly metric: ThresholdMetric;
  /** Whether the change is known to be smaller, or may pass for that. */
  readonly ok: boolean;
  /** Why nobody can tell whether it is; null when that is known. */
  readonly undecided: string | null;
  /** Why there is no figure of a side to hold it against; null when there is one of each. */
  readonly lack: string | null;
}

/** How a comparison found its figures. */
export interface Circumstances {
  /** What makes all figures of a run count for nothing, such as a load tester that was too slow. */
  readonly faults: readonly string[];
  /** The figure without what may have been on its way yet when such a run ended. */
  readonly certain: FigureChange;
  /** Whether what noise hides passes. */
  readonly allowsNoise: boolean;
}

/** Holds a budget against what became of its figure. */
export function judgeBudget(
  budget: Budget,
  figure: FigureChange,
  { faults, certain, allowsNoise }: Circumstances,
): BudgetResult {
  const { expression, metric } = budget;
  const lack = lackIn(figure);
  const result = (ok: boolean, undecided: string | null) => {
    return { expression, metric, ok, undecided, lack };
  };
  const broken = isBroken(budget, figure);
  // What no slowness of a load tester explains is true all the same.
  const isProven = facts.has(metric) && certain.after !== null && isBroken(budget, certain);
  const doubts = broken && isProven ? [] : [...faults];
  // A figure that is gone has become worse; of one that was never there, nobody knows.
  if (figure.before === null && lack !== null) doubts.push(lack);
  if (doubts.length > 0) return result(false, doubts.join('; '));
  const undecided = broken ? null : doubtOf(budget, figure);
  return result(!broken && (undecided === null || allowsNoise), undecided);
}

function lackIn({ metric, before, after }: FigureChange): string | null {
  if (before !== null && after !== null) return null;
  const whose = before !== null ? 'after' : after !== null ? 'before' : 'in any of the runs';
  return `nothing was measured ${whose}: ${lackOfGround(metric)}`;
}

/** A change that cannot be told from noise breaks nothing; a figure that is gone does. */
function isBroken({ metric, sign, limit, isRelative }: Budget, figure: FigureChange): boolean {
  const { before, after, changePercent, intervalPercent, outcome } = figure;
  if (before === null || after === null) return true;
  if (intervalPercent !== null && outcome === 'same') return false;
  // Of runs that are too short for bounds, only that there was something, and then nothing, is told.
  if (intervalPercent === null && hasBounds(metric) && before > 0 && after > 0) return false;
  const moved = sign * (after - before);
  if (moved <= 0) return false;
  // From nothing to something is more than any percentage.
  const size = isRelative ? sign * (changePercent ?? sign * Number.POSITIVE_INFINITY) : moved;
  return size >= limit;
}

/** Why a change may be larger than it seems, and too large; null when it cannot. */
function doubtOf(
  { metric, sign, limit, isRelative }: Budget,
  { intervalPercent, before }: FigureChange,
): string | null {
  if (intervalPercent === null) {
    return hasBounds(metric) ? 'the runs are too short to tell change from noise' : null;
  }
  const [low, high] = intervalPercent;
  const worst = sign > 0 ? high : -low;
  const limitPercent = isRelative ? limit : (100 * limit) / (before ?? 0);
  if (worst < Math.max(limitPercent, resolutionPercent)) return null;
  return `the change lies between ${signedPercent(low)} and ${signedPercent(high)}`;
}

/** `+4.2%` */
export function signedPercent(percent: number): string {
  return `${percent >= 0 ? '+' : ''}${percent.toFixed(1)}%`;
}
