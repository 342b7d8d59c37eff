/** Counts of a run as a report may state them: null for what could not be told, never a guess of 0. */
import type { Told } from '../../config/told.ts';
import type { Totals } from '../workers/totals.ts';

type Counts = Totals['messages'];

/** What has to be known of the events to count something; all else is counted of any server. */
const needs = {
  lost: 'sequence',
  lostAtEnd: 'sequence',
  duplicated: 'sequence',
  reordered: 'sequence',
  late: 'sequence',
  missedWhileDisconnected: 'sequence',
  missedOnPurpose: 'sequence',
  gapsUntracked: 'sequence',
  firstEventsUnchecked: 'sequence',
  unread: 'sequence',
  healed: 'odin',
  unrecovered: 'odin',
  skipped: 'odin',
  unexpected: 'odin',
  seqBreaks: 'odin',
  epochChanges: 'odin',
  serverErrors: 'odin',
  gapNotices: 'odin',
  throttleUpdates: 'odin',
  reconnectNotices: 'odin',
} as const satisfies Partial<Record<keyof Counts, keyof Told>>;

/** Counts of messages and events; null for those that need more than is known of the server. */
export type ToldCounts = {
  readonly [Name in keyof Omit<Counts, 'unread'>]: Name extends keyof typeof needs
    ? number | null
    : number;
} & {
  /** Older reports lack it. */
  readonly unread?: number | null | undefined;
};

/** Leaves out what could not be told. */
export function toldCounts(counts: Counts, told: Told): ToldCounts {
  const entries = Object.entries(counts).map(([name, count]) => {
    const need = (needs as Partial<Record<string, keyof Told>>)[name];
    return [name, need === undefined || told[need] ? count : null];
  });
  return Object.fromEntries(entries) as ToldCounts;
}

/** The counts of a report as numbers, to be looked at with the same {@link Told}. */
export function countsOf(counts: ToldCounts): Counts {
  const known = Object.entries({ unread: 0, ...counts });
  return Object.fromEntries(known.map(([name, count]) => [name, count ?? 0])) as Counts;
}
