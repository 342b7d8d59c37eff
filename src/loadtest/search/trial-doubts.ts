/** Why a trial may say nothing about its level: what kept it from being what it was to be. */
import { formatCount } from '../../base/units.ts';
import type { TrialReport } from '../results/search-report.ts';
import type { ThresholdResult } from '../results/thresholds.ts';
import type { Published } from './search-level.ts';
import type { Tried } from './search-steps.ts';

/** A publisher that does less than this of what it is told is the bottleneck itself. */
const minPublishedShare = 0.95;
/** What is always asked of events, and what takes its place. */
const ofEvents: ReadonlySet<string> = new Set(['received', 'rate']);

/** That the publisher did less than it was told. */
export function publisherShortfall(output: Published | undefined): string[] {
  if (output === undefined || output.events >= minPublishedShare * output.due) return [];
  const [events, due] = [output.events, output.due].map((count) => formatCount(Math.round(count)));
  return [`the publisher published ${events} of ${due} events: it was the limit itself`];
}

/** Whether conditions do not hold that cannot hold where no event comes. */
export function isForWantOfEvents(
  thresholds: readonly Pick<ThresholdResult, 'metric' | 'ok'>[],
): boolean {
  return thresholds.some(({ metric, ok }) => !ok && ofEvents.has(metric));
}

/**
 * A trial in which nobody was served, while a few clients were right after it. The level may have been
 * too much for the server, or the server have been started again just then: it counts as it is, and is
 * tried again only if the answer comes to hang on it.
 */
export function doubtful(trial: TrialReport): TrialReport {
  return { ...withNote(trial, 'clients were served right after it'), isDoubtful: true };
}

/**
 * A trial in which no event came, while some did right after it: the publisher may have paused. It is
 * inconclusive, which has its level tried again at once, unless one of that level was before.
 */
export function giveSecondTry(trial: TrialReport, earlier: readonly Tried[]): TrialReport {
  const isSecond = earlier.some(({ level, verdict }) => {
    return level === trial.level && verdict === 'inconclusive';
  });
  if (isSecond) return trial;
  return { ...withNote(trial, 'events came right after it'), verdict: 'inconclusive' };
}

function withNote(trial: TrialReport, note: string): TrialReport {
  return { ...trial, reasons: [...trial.reasons, `${note}, with few clients`] };
}
