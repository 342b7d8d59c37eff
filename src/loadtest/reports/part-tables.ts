/** The figures of the parts of a run, as tables. */
import { formatCount, formatLength, formatMs } from '../../base/units.ts';
import type { GroupFigures, LoadTestReport, PartFigures } from '../results/report.ts';
import type { Table } from './tables.ts';

/** The most clients that were planned at a time. */
export function peakOf({ stages }: LoadTestReport): number {
  return Math.max(0, ...stages.map(({ to }) => to));
}

/** What clients asked for; empty where `--send` says that, and for a server of another kind. */
export function wantsOf({ config }: LoadTestReport): string {
  if (config.mix.length > 0) return config.mix.join(', ');
  return config.protocol === 'raw' ? '' : config.channels.join(', ');
}

/** Whether a run had more to it than a ramp and a hold phase. */
export function hasOwnStages({ config }: LoadTestReport): boolean {
  return config.stages.length > 0 || config.rampDownMs > 0;
}

/** What happened in each stage; of a search its trials say that. */
export function stageTable({ stages, misbehaving, search }: LoadTestReport): Table {
  return {
    title: 'Stages',
    header: ['stage', 'clients', 'length', ...partHeader],
    rows: (search === undefined ? stages : []).map((stage) => [
      stage.name,
      stage.from === stage.to
        ? formatCount(stage.to)
        : `${formatCount(stage.from)} → ${formatCount(stage.to)}`,
      formatLength(stage.durationMs),
      ...partCells(stage, stage.durationMs),
    ]),
    note:
      'Open: at its end. Connect: of the clients that came in it. ' +
      'Lost: where it showed that an event was.' +
      (misbehaving.length > 0 ? ' All without the clients that misbehave on purpose.' : ''),
  };
}

/** What happened to each kind of clients. */
export function groupTable({ profiles, misbehaving, holdMs }: LoadTestReport): Table {
  const groups = [...profiles, ...misbehaving];
  const isAnyClosed = groups.some(({ closeCodes }) => Object.keys(closeCodes).length > 0);
  const isAnyUnread = groups.some(({ messages }) => messages.unread);
  return {
    title: 'Kinds of clients',
    header: [
      ...['kind', 'clients', ...partHeader],
      ...(isAnyUnread ? ['unread'] : []),
      ...(isAnyClosed ? ['closed by the server'] : []),
    ],
    rows: groups.map((group) => [
      group.name,
      formatCount(group.connections.target),
      ...partCells(group, group.measuredMs ?? holdMs),
      ...(isAnyUnread ? [formatCount(group.messages.unread ?? 0)] : []),
      ...(isAnyClosed ? [closeCodesOf(group)] : []),
    ]),
    ...(misbehaving.length > 0 && {
      note:
        'Slow and half-open clients misbehave on purpose: what becomes of them is in no other ' +
        'figure, and no reason to fail. They are measured until the end of the run, when slow ones ' +
        'read what they left.' +
        (isAnyUnread
          ? ' Unread: what they had no time to read; nobody knows whether it was sent.'
          : ''),
    }),
  };
}

/** `4001 ×3, 4003 ×1` */
export function closeCodesOf({ closeCodes }: Pick<GroupFigures, 'closeCodes'>): string {
  return Object.entries(closeCodes)
    .map(([code, count]) => `${code} ×${formatCount(count)}`)
    .join(', ');
}

const partHeader = [
  'open',
  'failed',
  'dropped',
  'connect p99',
  'events/s',
  'latency p50',
  'p95',
  'p99',
  'max',
  'lost',
  'errors',
];

function partCells(part: PartFigures, lengthMs: number): string[] {
  const { connections, messages, latencyMs, connectMs, errors } = part;
  const { p50, p95, p99, max, count } = latencyMs;
  return [
    formatCount(connections.active),
    formatCount(connections.failed),
    formatCount(connections.dropped),
    connections.opened > 0 ? formatMs(connectMs.p99) : '',
    // As latencies are: of what was measured, and not of what came before and after it.
    lengthMs > 0 ? formatCount((1_000 * count) / lengthMs) : '',
    ...[p50, p95, p99, max].map((value) => (count > 0 ? formatMs(value) : '')),
    messages.lost === null ? '–' : formatCount(messages.lost),
    formatCount(errors),
  ];
}
