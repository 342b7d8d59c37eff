/** Which level a limit search tries next: up in doubles, then halving the gap, then for sure. Pure. */

import type { SearchEnding, TrialPurpose, TrialReport } from '../results/search-report.ts';

/** What is to know of a level that was tried. */
export type Tried = Pick<TrialReport, 'level' | 'purpose' | 'verdict' | 'isDoubtful'>;

/** The range of a search and how fine it is. */
export interface SearchPlan {
  /** The first level. */
  readonly start: number;
  readonly min: number;
  readonly max: number;
  /** Levels are multiples of this. */
  readonly unit: number;
  /** How far the first level that does not hold may be above the last that does, in percent. */
  readonly resolutionPercent: number;
}

/** How a search ends by itself; `generator` stands for whoever did not do its part twice. */
export type SearchEnd = Extract<SearchEnding, 'found' | 'max' | 'nothing' | 'generator'>;

/** What to do now. */
export type NextStep =
  | { readonly kind: 'try'; readonly level: number; readonly purpose: TrialPurpose }
  | { readonly kind: 'end'; readonly why: SearchEnd };

const growth = 2;

/** What is known after some trials. */
export interface Bounds {
  /** The highest level that held, below all that did not; undefined when none did. */
  readonly good: number | undefined;
  /** The lowest level that did not hold. */
  readonly bad: number | undefined;
}

/** A level that held once and failed once does not hold, unless it may have been chance that it failed first. */
export function boundsOf(trials: readonly Tried[]): Bounds {
  const failed = failuresIn(trials).map(({ level }) => level);
  const bad = failed.length === 0 ? undefined : Math.min(...failed);
  const held = trials
    .filter(({ level, verdict }) => verdict === 'pass' && (bad === undefined || level < bad))
    .map(({ level }) => level);
  return { good: held.length === 0 ? undefined : Math.max(...held), bad };
}

/** Those that say something of their level: not the doubtful ones of a level that held afterwards. */
function failuresIn(trials: readonly Tried[]): Tried[] {
  return trials.filter(({ level, verdict, isDoubtful }, at) => {
    const heldLater = () =>
      trials.slice(at).some((later) => later.level === level && later.verdict === 'pass');
    return verdict === 'fail' && !(isDoubtful && heldLater());
  });
}

/** Whether all that speaks against a level is one trial that may have been chance, the only such one. */
function mayBeChance(bad: number, trials: readonly Tried[]): boolean {
  const failures = failuresIn(trials);
  const against = failures.filter(({ level }) => level === bad);
  return (
    against.length === 1 &&
    failures.filter(({ isDoubtful }) => isDoubtful).length === 1 &&
    against[0]?.isDoubtful === true
  );
}

/** The next step after some trials, oldest first. */
export function nextStep(trials: readonly Tried[], plan: SearchPlan): NextStep {
  const last = trials.at(-1);
  if (last === undefined) return attempt(plan.start, 'step');
  if (last.verdict === 'inconclusive') {
    // Something else may have taken the machine for a moment.
    const times = trials.filter(({ level, verdict }) => {
      return level === last.level && verdict === 'inconclusive';
    }).length;
    return times > 1 ? { kind: 'end', why: 'generator' } : attempt(last.level, 'repeat');
  }
  const { good, bad } = boundsOf(trials);
  if (bad === undefined) return stepUp(good ?? plan.start, trials, plan);
  const isLowest = good === undefined && bad <= plan.min;
  if (good === undefined && !isLowest) {
    return attempt(Math.max(plan.min, round(bad / growth, plan)), 'step');
  }
  if (good !== undefined && !isClose(good, bad, plan)) {
    return attempt(between(good, bad, plan), 'bisect');
  }
  // The answer hangs on it now; tried again any earlier, it would break a server without need.
  if (mayBeChance(bad, trials)) return attempt(bad, 'repeat');
  if (good === undefined) return { kind: 'end', why: 'nothing' };
  return isConfirmed(good, trials) ? { kind: 'end', why: 'found' } : confirm(good);
}

function isClose(good: number, bad: number, plan: SearchPlan): boolean {
  // Multiples of a tenth are not exact.
  return bad - good < 1.5 * plan.unit || bad <= good * (1 + plan.resolutionPercent / 100);
}

function stepUp(good: number, trials: readonly Tried[], plan: SearchPlan): NextStep {
  if (good < plan.max) return attempt(Math.min(plan.max, round(good * growth, plan)), 'step');
  return isConfirmed(good, trials) ? { kind: 'end', why: 'max' } : confirm(good);
}

/** Whether a level held when it was tried for longer. */
export function isConfirmed(level: number, trials: readonly Tried[]): boolean {
  return trials.some((trial) => {
    return trial.purpose === 'confirm' && trial.level === level && trial.verdict === 'pass';
  });
}

function attempt(level: number, purpose: TrialPurpose): NextStep {
  return { kind: 'try', level, purpose };
}

function confirm(level: number): NextStep {
  return attempt(level, 'confirm');
}

/** Halfway in ratio: limits are looked for over orders of magnitude. */
function between(good: number, bad: number, plan: SearchPlan): number {
  const middle = Math.min(Math.max(Math.sqrt(good * bad), good + plan.unit), bad - plan.unit);
  return round(middle, plan);
}

function round(level: number, { unit }: SearchPlan): number {
  // Units of a tenth leave traces of binary fractions.
  return Number((Math.round(level / unit) * unit).toFixed(3));
}
