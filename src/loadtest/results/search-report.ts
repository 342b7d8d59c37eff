/** What a report says of a limit search: each trial, and what came of them. */
import { formatCount } from '../../base/units.ts';
import type { Judgement } from './verdict.ts';

/** What a search looks for. */
export type SearchedFor = 'connections' | 'rate';

/** Why a level is tried. */
export type TrialPurpose = 'step' | 'bisect' | 'confirm' | 'repeat';

/** What came of a level. Inconclusive: the load tester, its clients or the publisher could not do it. */
export type TrialVerdict = 'pass' | 'fail' | 'inconclusive';

/** One level, as it went. */
export interface TrialReport {
  /** Clients, or events per second that the publisher was told. */
  readonly level: number;
  readonly purpose: TrialPurpose;
  readonly verdict: TrialVerdict;
  /** Why it did not pass. */
  readonly reasons: readonly string[];
  /**
   * Whether it may have been chance that it did not hold, such as a restart of the server: nobody was
   * served, and a few clients were right after it. Older reports lack it.
   */
  readonly isDoubtful?: boolean | undefined;
  /** Since the begin of the run. */
  readonly startMs: number;
  /** Measured, without the time in which clients came and went. */
  readonly durationMs: number;
  /** Clients that were open at its end. */
  readonly active: number;
  /** Clients that came in it and could not connect. */
  readonly failed: number;
  /** Events per second, of all clients. */
  readonly receivedPerSecond: number;
  /** Null where events are not numbered. */
  readonly lost: number | null;
  readonly latencyMs: {
    readonly p50: number | null;
    readonly p99: number | null;
    readonly max: number | null;
    readonly count: number;
  };
  /** Of the load tester's busiest worker; 100 is one core. */
  readonly cpuPercent: number;
}

/** Why a search ended. */
export type SearchEnding =
  /** The limit lies between two levels that are close enough, and the lower one held twice. */
  | 'found'
  /** The highest level that was allowed holds. */
  | 'max'
  /** Not even the lowest level holds. */
  | 'nothing'
  /** Twice a level was too much for the load tester, or a part of it is gone. */
  | 'generator'
  /** Twice clients could not change their subscriptions as they were told. */
  | 'churn'
  /** The server lets nobody in, whatever the level. */
  | 'server'
  /** No event comes, however few clients there are. */
  | 'events'
  /** Twice a level was too much for the publisher. */
  | 'publisher'
  /** The next level is more than this machine allows. */
  | 'machine'
  /** Its time was over. */
  | 'time'
  | 'interrupted';

/** A search and its answer. */
export interface SearchReport {
  readonly of: SearchedFor;
  /** What had to hold at each level. */
  readonly slo: readonly string[];
  readonly resolutionPercent: number;
  readonly trials: readonly TrialReport[];
  /** The highest level that held; null when none did. */
  readonly holds: number | null;
  /** The lowest level that did not hold; null when all did. */
  readonly breaks: number | null;
  /** Whether `holds` was tried a second time, for longer, and held. */
  readonly isConfirmed: boolean;
  readonly ending: SearchEnding;
  /** The answer in words. */
  readonly answer: string;
}

const nouns: Readonly<Record<SearchedFor, string>> = {
  connections: 'clients',
  rate: 'events/s',
};

/** A level in words: `1 000 clients`. */
export function formatLevel(of: SearchedFor, level: number): string {
  const shown = Number.isInteger(level) ? formatCount(level) : String(level);
  return `${shown} ${of === 'connections' && level === 1 ? 'client' : nouns[of]}`;
}

/** The answer in words; `detail` is why a machine or a load tester could not go on. */
export function answerOf(
  { of, holds, breaks, ending, trials }: Omit<SearchReport, 'answer'>,
  detail = '',
): string {
  const why = detail === '' ? '' : `: ${detail}`;
  if (holds === null) {
    if (ending === 'nothing' && breaks !== null)
      return `nothing holds, not even ${formatLevel(of, breaks)}`;
    const where = trials.length === 0 ? 'no level was tried' : 'no level is known to hold';
    return `${where}, ${endings[ending]}${why}`;
  }
  const most = formatLevel(of, holds);
  if (ending === 'found' && breaks !== null) {
    return `${most} hold, ${formatLevel(of, breaks)} do not`;
  }
  return `at least ${most} (${endings[ending]})${why}`;
}

/**
 * A search that found what it looked for has passed, whatever did not hold on the way. `missing` are
 * figures that workers did not tell at the end: whatever was found, the load tester was not well.
 */
export function searchVerdict(
  { ending, answer }: SearchReport,
  missing: readonly string[] = [],
): Judgement {
  const reasons = [...missing, answer];
  if (ending === 'interrupted') return { verdict: 'interrupted', reasons };
  if (missing.length > 0) return { verdict: 'inconclusive', reasons };
  if (ending === 'found' || ending === 'max') return { verdict: 'pass', reasons: [] };
  return { verdict: ending === 'nothing' ? 'fail' : 'inconclusive', reasons };
}

/** What to tell first of a run: why it did not pass, or what was found. */
export function findingsOf({
  reasons,
  search,
}: Pick<Judgement, 'reasons'> & { readonly search?: SearchReport | undefined }): readonly string[] {
  return search === undefined || reasons.length > 0 ? reasons : [search.answer];
}

const endings: Readonly<Record<SearchEnding, string>> = {
  found: 'found',
  max: 'the highest level that was allowed',
  nothing: 'nothing holds',
  generator: 'the load tester was the limit',
  churn: 'the churn asked for could not be done',
  server: 'the server lets nobody in',
  events: 'no event comes',
  publisher: 'the publisher was the limit',
  machine: 'the machine was the limit',
  time: 'the time was over',
  interrupted: 'interrupted',
};
