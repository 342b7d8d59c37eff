/** Tables of what was delivered: by channel, gap by gap, and as all sides counted it. */
import { formatCount, formatMs } from '../../base/units.ts';
import type { LoadTestReport } from '../results/report.ts';
import type { Reconciliation } from '../truth/reconciliation.ts';
import type { Table } from './tables.ts';

/** What each side counted, and the differences with their meaning; nothing when nobody got in. */
export function reconciliationTable({ reconciliation, connections }: LoadTestReport): Table {
  const { complaints, steps } = reconciliation;
  const [counts, differences] =
    connections.opened === 0 ? [[], []] : [reconciledCounts(reconciliation), steps];
  return {
    title: 'Counted by all sides',
    header: ['what', 'count', 'meaning'],
    rows: [
      ...counts.map(([name, count]) => [name, count, '']),
      ...differences.map((step) => [
        step.between.replace('-', ' → '),
        signed(step.difference),
        `${step.meaning}${step.tolerance > 0 ? ` (±${formatCount(step.tolerance)})` : ''}`,
      ]),
    ],
    note:
      complaints.length > 0
        ? `Not asked: ${complaints.join('; ')}.`
        : 'From the begin to the end of the run. What nobody was asked for is not shown.',
  };
}

/** Counts by who counted; sides that could not be asked are not there. */
export function reconciledCounts(counts: Reconciliation): (readonly [string, string])[] {
  const { delivered } = counts;
  const rows: (readonly [string, number | null])[] = [
    ['published, by the publisher', counts.published],
    ['ingested by the server', counts.ingested],
    ['records that the server skipped', counts.notIngested || null],
    ['left out by the server for lagging clients', counts.spared || null],
    ['expected here', counts.expected],
    ['received here', counts.received],
  ];
  const known = rows.flatMap(([name, n]) => (n === null ? [] : [[name, formatCount(n)] as const]));
  if (delivered !== null) known.splice(-2, 0, ['delivered by the server', span(delivered)]);
  return known;
}

/** What became of each channel. */
export function channelTable({ channels }: LoadTestReport): Table {
  const { listed, omitted } = channels;
  const rows = listed.map((counts) => [
    counts.channel,
    ...[counts.received, counts.lost, counts.duplicated, counts.reordered, counts.late].map(
      formatCount,
    ),
    ...[counts.skipped, counts.missed, counts.healed].map(formatCount),
  ]);
  return {
    title: 'Channels',
    header: [
      ...['channel', 'received', 'lost', 'twice', 'out of order', 'of these late'],
      ...['conflated', 'missed', 'healed'],
    ],
    rows,
    ...(omitted > 0 ? { note: `… and ${formatCount(omitted)} more.` } : {}),
  };
}

/** The first holes in what clients received. */
export function gapTable({ gaps, startedAt }: LoadTestReport): Table {
  const startedMs = Date.parse(startedAt);
  return {
    title: 'Gaps',
    header: [
      ...['client', 'channel', 'lost', 'after offset', 'before offset', 'seen at'],
      ...['came late', 'conflated'],
    ],
    rows: gaps.map((gap) => [
      formatCount(gap.connection),
      gap.channel,
      `${gap.atLeast ? 'at least ' : ''}${formatCount(gap.lost)}`,
      gap.after === null ? 'the subscription' : String(gap.after),
      gap.got === null ? 'the end' : String(gap.got),
      `+${formatMs(Math.max(0, gap.atMs - startedMs))}`,
      formatCount(gap.late),
      formatCount(gap.skipped),
    ]),
  };
}

/** `+3`, `−1 200`, `0` */
export function signed(count: number): string {
  if (count === 0) return '0';
  return `${count < 0 ? '−' : '+'}${formatCount(Math.abs(count))}`;
}

function span({ atLeast, atMost }: { atLeast: number; atMost: number }): string {
  if (atLeast === atMost) return formatCount(atMost);
  return `${formatCount(atLeast)} to ${formatCount(atMost)}`;
}
