/** The figures of a report as tables, for every form that shows tables. */
import { formatBytes, formatCount, formatMs } from '../../base/units.ts';
import type { ClockOffset } from '../client/clock-offset.ts';
import type { LoadTestReport } from '../results/report.ts';
import type { ThresholdResult } from '../results/thresholds.ts';
import { type ConnectPhase, connectPhases } from '../socket/connect-phases.ts';

/** One table. Cells are plain text of whatever origin: who shows them has to escape them. */
export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** What one has to know to read it. */
  readonly note?: string;
}

const phaseNames: Readonly<Record<ConnectPhase, string>> = {
  dialed: 'dialed',
  connected: 'TCP connected',
  secured: 'TLS set up',
  upgraded: 'upgraded',
  subscribed: 'subscribed',
  firstEvent: 'first event',
};

/** What was observed, in its unit: `12.3ms`, `99.9%`, `48 210/s`, `3`; and what was not read. */
export function formatObserved(
  result: Pick<ThresholdResult, 'observed' | 'unit' | 'unread'>,
): string {
  const { unread } = result;
  const text = formatFigure(result);
  return unread === undefined ? text : `${text}, and ${formatCount(unread)} unread`;
}

function formatFigure({ observed, unit }: Pick<ThresholdResult, 'observed' | 'unit'>): string {
  if (observed === null) return 'nothing was measured';
  if (unit === 'ms') return formatMs(observed);
  if (unit === 'percent') return `${Number(observed.toFixed(3))}%`;
  return unit === 'perSecond' ? `${formatCount(observed)}/s` : formatCount(observed);
}

/** What the run had to meet: what it did not comes first, then what was asked for. */
export function thresholdTable({ thresholds }: LoadTestReport): Table {
  const sorted = thresholds.toSorted(
    (a, b) => Number(a.ok) - Number(b.ok) || Number(a.isBuiltIn) - Number(b.isBuiltIn),
  );
  return {
    title: 'Thresholds',
    header: ['condition', 'observed', 'met', 'origin'],
    rows: sorted.map((result) => [
      result.expression,
      formatObserved(result),
      result.unread !== undefined ? 'not known' : result.ok ? 'yes' : 'NO',
      result.isBuiltIn ? 'built in' : 'asked for',
    ]),
  };
}

/** Clients and events in numbers; what is of some runs only is there when it happened. */
export function countTable(report: LoadTestReport): Table {
  const { connections, messages, latencyMs, holdMs } = report;
  const ever = (rows: readonly Figure[]) => rows.filter(([, count]) => count !== 0);
  const rate: Figure[] =
    holdMs > 0
      ? [[`events per second, in ${measuredPart(report)}`, latencyMs.count / (holdMs / 1_000)]]
      : [];
  const rows: readonly Figure[] = [
    ['clients asked for', connections.target],
    ['clients opened', connections.opened],
    ['clients that could not connect', connections.failed],
    ...Object.entries(connections.refused).map(
      ([code, count]) => [`clients refused with ${code}`, count] as const,
    ),
    ['clients open at the end', connections.active],
    ...ever([
      ['clients that went as planned', connections.left],
      ['clients that did not come back', connections.away],
      ['clients open when their worker was lost', connections.vanished ?? 0],
      ['connections ended in storms', connections.stormed],
      ['subscriptions dropped', connections.unsubscribed],
      ['subscriptions taken back', connections.resubscribed],
      ['changes of subscriptions without an answer', unansweredOf(connections)],
    ]),
    ['connections dropped', connections.dropped],
    ...ever([['connections moved at the server’s wish', connections.moved]]),
    ['reconnected', connections.reconnected],
    ['events received', messages.received],
    ...rate,
    ['events lost', messages.lost],
    ['events received twice', messages.duplicated],
    ['events out of order', messages.reordered],
    ...ever([
      ['of these late: they filled a gap', messages.late],
      ['missed while away, received after resuming', messages.healed],
      ['missed while away, not recovered, at least', messages.unrecovered],
      ['missed while away, at least', messages.missedWhileDisconnected],
      ['missed in storms, at least', messages.missedOnPurpose],
      ['left out for lagging clients, as announced', messages.skipped],
      ['of channels not subscribed to', messages.unexpected],
      ['messages not readable', messages.badMessages],
    ]),
    ['messages', messages.frames],
  ];
  return {
    title: 'Clients and events',
    header: ['figure', 'count'],
    rows: [
      ...rows.flatMap(([name, count]) => (count === null ? [] : [[name, formatCount(count)]])),
      ['bytes', formatBytes(messages.bytes)],
    ],
  };
}

/** Null where nobody can tell. */
type Figure = readonly [name: string, count: number | null];

/** What the figures of a run as a whole are of. */
export function measuredPart({ config, search }: LoadTestReport): string {
  if (search !== undefined) return 'all trials';
  return config.stages.length > 0 ? 'all stages' : 'the hold phase';
}

/** Changes of subscriptions that the server did not acknowledge, or not before the end. */
export function unansweredOf(connections: LoadTestReport['connections']): number {
  return connections.churned - connections.unsubscribed - connections.resubscribed;
}

/** Percentiles of everything that was timed. */
export function percentileTable(report: LoadTestReport): Table {
  const { latencyMs, connectMs, returnMs, ackMs } = report;
  const row = (
    name: string,
    from: Pick<LoadTestReport['latencyMs'], 'p50' | 'p95' | 'p99' | 'max'>,
    more: readonly string[],
  ) => [name, ...[from.p50, from.p95, from.p99, from.max].map(formatMs), ...more];
  return {
    title: 'Percentiles',
    header: ['', 'p50', 'p95', 'p99', 'max', 'mean', 'count', 'below 0'],
    rows: [
      row('latency', latencyMs, [
        formatMs(latencyMs.mean),
        formatCount(latencyMs.count),
        latencyMs.negative === null ? '' : formatCount(latencyMs.negative),
      ]),
      row('connect', connectMs, ['', '', '']),
      ...(returnMs.count > 0
        ? [row('return from storms', returnMs, ['', formatCount(returnMs.count), ''])]
        : []),
      ...(ackMs.count > 0
        ? [row('change of subscriptions', ackMs, ['', formatCount(ackMs.count), ''])]
        : []),
    ],
    note:
      `Latency: from an event’s own time to its arrival, over ${measuredPart(report)}. ` +
      'Connect: from the planned start to the upgrade.',
  };
}

/** How long after their planned start clients came how far. */
export function phaseTable({ phases }: LoadTestReport): Table {
  return {
    title: 'Phases of connecting',
    header: ['until', 'p50', 'p90', 'p95', 'p99', 'max', 'mean', 'clients'],
    rows: connectPhases
      .flatMap((phase) => {
        const times = phases[phase];
        return times === undefined || times.count === 0 ? [] : [[phase, times] as const];
      })
      .map(([phase, { p50, p90, p95, p99, max, mean, count }]) => [
        phaseNames[phase],
        ...[p50, p90, p95, p99, max, mean].map(formatMs),
        formatCount(count),
      ]),
    note:
      'Each from the planned start of a client, so that waiting counts. ' +
      '“Dialed” is the load generator’s own delay.',
  };
}

/** How far the server's clock is ahead, in words: `1.2ms ± 0.4ms`. */
export function formatClock({ offsetMs, uncertaintyMs }: ClockOffset): string {
  return `${offsetMs < 0 ? '−' : ''}${formatMs(Math.abs(offsetMs))} ± ${formatMs(uncertaintyMs)}`;
}

/** What went wrong, by class. */
export function errorTable({ errors, server }: LoadTestReport): Table {
  return {
    title: 'Errors',
    header: ['count', 'class', 'who has to look', 'first case'],
    rows: [
      ...errors.map(({ count, class: name, blame, example }) => [
        formatCount(count),
        name,
        blame,
        example,
      ]),
      ...Object.entries(server.closeCodes).map(([code, count]) => [
        formatCount(count),
        `close code ${code}`,
        '',
        'sent by the server',
      ]),
    ],
  };
}
