/** Which level a limit search tries next: up in doubles, then halving the gap, then for sure. Pure. */

/** Why a level is tried. */
export type TrialPurpose = 'step' | 'bisect' | 'confirm' | 'repeat';

/** What came of a level. Inconclusive: the load tester or the publisher could not do it. */
export type TrialVerdict = 'pass' | 'fail' | 'inconclusive';

/** A level that was tried. */
export interface Tried {
  readonly level: number;
  readonly purpose: TrialPurpose;
  readonly verdict: TrialVerdict;
}

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

/** How a search ends by itself. */
export type SearchEnd =
  /** The limit lies between two levels that are close enough, and the lower one held twice. */
  | 'found'
  /** The highest level that was allowed holds. */
  | 'max'
  /** Not even the lowest level holds. */
  | 'nothing'
  /** Twice a level was too much for whoever makes the load. */
  | 'generator';

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

/** A level that held once and failed once does not hold. */
export function boundsOf(trials: readonly Tried[]): Bounds {
  const levels = (verdict: TrialVerdict) =>
    trials.filter((trial) => trial.verdict === verdict).map(({ level }) => level);
  const failed = levels('fail');
  const bad = failed.length === 0 ? undefined : Math.min(...failed);
  const held = levels('pass').filter((level) => bad === undefined || level < bad);
  return { good: held.length === 0 ? undefined : Math.max(...held), bad };
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
  if (good === undefined) {
    if (bad <= plan.min) return { kind: 'end', why: 'nothing' };
    return attempt(Math.max(plan.min, round(bad / growth, plan)), 'step');
  }
  // Multiples of a tenth are not exact.
  const isClose = bad - good < 1.5 * plan.unit || bad <= good * (1 + plan.resolutionPercent / 100);
  if (isClose) return isConfirmed(good, trials) ? { kind: 'end', why: 'found' } : confirm(good);
  return attempt(between(good, bad, plan), 'bisect');
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
