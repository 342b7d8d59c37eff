/**
 * Pass, fail or inconclusive, and why: the rules by which a load test is judged.
 *
 * When the load tester itself was the bottleneck, nothing it measured counts for the server: not
 * that it passed, and not what a slow client brings about by itself (latency, timeouts, throttling,
 * connections closed for being slow). What no slowness explains remains a failure: an event that
 * never came although later ones did, came twice, out of order or broken.
 *
 * A load tester that kept up but was late itself adds to the times it measures. Limits on times that
 * hold all the same do hold; those that do not are inconclusive. So is a run that would pass, had its
 * clients done what they were to do, and read what decides a condition.
 */

import { formatCount, formatMs } from '../../base/units.ts';
import type { MetricUnit, ThresholdMetric } from '../../config/threshold.ts';
import type { Told } from '../../config/told.ts';
import { arrivalMs } from '../plan/plan.ts';
import type { Totals } from '../workers/totals.ts';
import type { OwnDelay, Shortfall } from './bottlenecks.ts';
import { lackOfGround } from './grounds.ts';
import type { ThresholdResult } from './thresholds.ts';

/** A condition that ended a run early, and after how much of what. */
export interface Breach {
  readonly expression: string;
  readonly metric: ThresholdMetric;
  readonly unit: MetricUnit;
  readonly afterMs: number;
  /** The hold phase, or the name of a stage. */
  readonly of: string;
}

/** What came of a run, and why: the reasons most telling first. */
export interface Judgement {
  readonly verdict: 'pass' | 'fail' | 'inconclusive' | 'interrupted';
  readonly reasons: readonly string[];
}

/** What there is to judge. */
export interface Evidence {
  readonly totals: Totals;
  readonly thresholds: readonly ThresholdResult[];
  readonly shortfall: Shortfall;
  readonly breach: Breach | undefined;
  readonly interrupted: boolean;
  /** How long was measured; whole runs have had their time, however short. */
  readonly holdMs: number;
  readonly told: Told;
  /** What clients were to do and could not, one line each: a run without it passes nothing. */
  readonly undone: readonly string[];
}

/** A run that was interrupted before this much was measured had no time for an event. */
const minTimeForEventsMs = 1_000;

/** Conditions that a load tester which is too slow does not break. */
export const facts: ReadonlySet<ThresholdMetric> = new Set<ThresholdMetric>([
  'lost',
  'duplicated',
  'reordered',
  'unexpected',
  'unreadable',
  'seqBreaks',
]);

/** The verdict, and its reasons, most telling first. An interrupted run is neither good nor bad. */
export function judge(evidence: Evidence): Judgement {
  const { thresholds, totals, shortfall, breach, interrupted, holdMs, told, undone } = evidence;
  const { bottlenecks, delays } = shortfall;
  const hadTime = !interrupted || holdMs >= minTimeForEventsMs;
  const undecided = thresholds.filter(({ unread }) => unread !== undefined);
  const failed = thresholds.filter(
    ({ ok, metric, isBuiltIn, unread }) =>
      !ok && unread === undefined && (hadTime || !isBuiltIn || metric !== 'received'),
  );
  const early =
    breach === undefined
      ? []
      : [`ended early, after ${seconds(breach.afterMs)} of ${breach.of}: ${breach.expression}`];
  const open = [...undone, ...undecided.map(unreadReason)];
  const silence = silenceOf(totals);
  const reasons = [
    ...silence,
    ...failed.flatMap((result) => reasonOf(result, totals, told)),
    ...open,
  ];
  if (interrupted) return { verdict: 'interrupted', reasons: [...bottlenecks, ...reasons] };
  if (bottlenecks.length > 0) {
    const isProven = failed.some((result) => isFact(result, totals));
    const verdict = isProven ? 'fail' : 'inconclusive';
    return { verdict, reasons: [...bottlenecks, ...early, ...reasons] };
  }
  const isFailed = failed.length > 0 || breach !== undefined || silence.length > 0;
  const broken = [...failed, ...(breach === undefined ? [] : [breach])];
  if (
    isFailed &&
    silence.length === 0 &&
    broken.every((condition) => isOwnDelay(condition, delays))
  ) {
    const own = delays.filter((delay) =>
      broken.some((condition) => isOwnDelay(condition, [delay])),
    );
    return {
      verdict: 'inconclusive',
      reasons: [...own.map(({ text }) => text), ...early, ...reasons],
    };
  }
  const otherwise = open.length > 0 ? 'inconclusive' : 'pass';
  return { verdict: isFailed ? 'fail' : otherwise, reasons: [...early, ...reasons] };
}

/** That nothing came at the end, not even what always does: events that nobody knows of may be due. */
function silenceOf({ silentMs }: Totals): string[] {
  if (silentMs < arrivalMs) return [];
  return [
    `the server sent nothing at all in the last ${formatMs(silentMs)}, and did not answer when asked for its time`,
  ];
}

/** Whether a condition may be broken by delays of the load tester. */
function isOwnDelay(
  { metric, unit }: Pick<ThresholdResult, 'metric' | 'unit'>,
  delays: readonly OwnDelay[],
): boolean {
  if (unit !== 'ms') return false;
  return delays.some(({ of }) => of.some((time) => metric.startsWith(`${time}.`)));
}

/** Events missing at the very end may still have been on their way to a slow client. */
function isFact({ metric }: ThresholdResult, { messages }: Totals): boolean {
  return facts.has(metric) && (metric !== 'lost' || messages.lost > messages.lostAtEnd);
}

/** One and many, and what follows. */
const words: Partial<Record<ThresholdMetric, readonly [one: string, many: string]>> = {
  failed: ['client could not connect', 'clients could not connect'],
  away: [
    'client did not come back after a lost connection',
    'clients did not come back after a lost connection',
  ],
  lost: ['event was lost', 'events were lost'],
  unrecovered: [
    'event or more was missed while disconnected and not recovered',
    'events or more were missed while disconnected and not recovered',
  ],
  missed: [
    'event or more was missed while disconnected',
    'events or more were missed while disconnected',
  ],
  duplicated: ['event was received twice', 'events were received twice'],
  reordered: ['event was received out of order', 'events were received out of order'],
  unexpected: [
    'event was of channels not subscribed to',
    'events were of channels not subscribed to',
  ],
  unreadable: ['message could not be read', 'messages could not be read'],
  seqBreaks: [
    'seq number did not follow the one before',
    'seq numbers did not follow the one before',
  ],
};

function reasonOf(result: ThresholdResult, totals: Totals, told: Told): string[] {
  const { metric, expression, observed, isBuiltIn } = result;
  if (!isBuiltIn) return [`${expression}: ${formatObserved(result)}`];
  if (metric === 'received') {
    if (totals.connections.opened === 0) return [];
    const { control } = totals.messages;
    return told.odin || control === 0
      ? ['no event was received: is a publisher running on these channels?']
      : [`no event was received, but ${formatCount(control)} other messages: see --message-path`];
  }
  const [one, many] = words[metric] ?? [expression, expression];
  const errors = metric === 'failed' || metric === 'away' ? mainErrors(totals) : '';
  const why = errors === '' ? '' : ` (${errors})`;
  return [`${formatCount(observed ?? 0)} ${observed === 1 ? one : many}${why}`];
}

function unreadReason(result: ThresholdResult): string {
  const { expression, unread = 0 } = result;
  const count = `${formatCount(unread)} ${unread === 1 ? 'event' : 'events'}`;
  return `${expression}: ${formatObserved(result)}, but ${count} that may decide it were left unread: see --slow-read-out`;
}

function formatObserved({ observed, unit, metric }: ThresholdResult): string {
  if (observed === null) return `nothing was measured: ${lackOfGround(metric)}`;
  const value = unit === 'count' ? formatCount(observed) : String(Number(observed.toPrecision(4)));
  return `was ${value}${{ ms: 'ms', percent: '%', perSecond: '/s', count: '' }[unit]}`;
}

function mainErrors({ errors }: Totals): string {
  const classes = errors.list().slice(0, 3);
  return classes.map((error) => `${error.class} ×${formatCount(error.count)}`).join(', ');
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)}s`;
}
