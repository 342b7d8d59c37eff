/** A load test's report as text of at most 80 columns, for people. */
import { terminalLine } from '../../base/terminal-text.ts';
import { formatBytes, formatCount, formatLength, formatMs } from '../../base/units.ts';
import type { GapReport } from '../delivery/gap-list.ts';
import type { LoadTestReport } from '../results/report.ts';
import { findingsOf } from '../results/search-report.ts';
import type { ErrorCount } from '../socket/error-log.ts';
import { formatLoss } from './agent-table.ts';
import { foldedLines } from './folded-lines.ts';
import { groupParts, partLines, stageParts } from './part-lines.ts';
import { trialLine } from './search-tables.ts';
import { formatClock, formatObserved, measuredPart, unansweredOf } from './tables.ts';
import { reconciledCounts, signed } from './truth-tables.ts';

const maxColumns = 80;
const minColumns = 40;
const maxErrorLines = 8;
const maxStageLines = 12;
const maxGapLines = 5;

/** The report as text of at most 80 columns; on fewer `columns` it takes more lines. */
export function formatReport(report: LoadTestReport, columns = maxColumns): string {
  const width = Math.min(Math.max(columns, minColumns), maxColumns);
  const { connections, messages, generator, config, url } = report;
  const rows: (readonly [string, string])[] = [
    ['server', `${url}, ${config.protocol}`],
    [
      'run',
      `${formatLength(report.durationMs)} in all, ${measuredPart(report) === 'the hold phase' ? 'held' : 'measured'} for ${formatLength(report.holdMs)}`,
    ],
    ['clients', counts({ opened: connections.opened, 'asked for': connections.target })],
    ['', counts({ failed: connections.failed, 'open at the end': connections.active })],
    ...optional(connections.left, 'went as planned'),
    ...optional(connections.vanished ?? 0, 'were open when their agent or worker was lost'),
    ['', counts({ dropped: connections.dropped, reconnected: connections.reconnected })],
    ...Object.entries(connections.refused).flatMap(([code, count]) =>
      optional(count, `refused with ${code}`),
    ),
    ['connect', connectLine(report)],
    ['events', `${formatCount(messages.received)} received${rateOf(report)}`],
    ['', `${formatCount(messages.frames)} messages, ${formatBytes(messages.bytes)}`],
    ['delivery', deliveryLine(report)],
    ...optional(messages.late, 'of these late: they filled a gap'),
    ...optional(messages.healed, 'missed while disconnected, received after resuming'),
    ...optional(messages.unrecovered, 'missed while disconnected and not recovered, at least'),
    ...optional(messages.missedWhileDisconnected, 'missed while disconnected, at least'),
    ...optional(messages.skipped, 'left out for lagging clients, as announced'),
    ...optional(messages.throttleUpdates, 'changes of throttle level'),
    ...optional(messages.gapNotices, 'gaps told by the server'),
    ...optional(connections.stormed, 'connections ended in storms'),
    ...optional(messages.missedOnPurpose, 'missed in storms without resuming, at least'),
    ...churnRows(report),
    ...optional(connections.moved, 'connections left because the server asked for it'),
    ...optional(messages.unexpected, 'of channels not subscribed to'),
    ...optional(messages.badMessages, 'messages not readable'),
    ...optional(messages.seqBreaks, 'breaks in seq'),
    ...optional(messages.epochChanges, 'changes of epoch: positions started anew'),
    ...reconciliationRows(report),
    ['latency', latencyLine(report)],
    ...latencyNote(report),
    ...optional(report.latencyMs.negative, 'over 1ms below zero: clock of the publisher differs'),
    ...(report.clock === null
      ? []
      : [['', `the server’s clock is ahead by ${formatClock(report.clock)}`] as const]),
    ...thresholdRows(report),
    ...closeCodeRows(report),
    ['generator', generatorLine(generator)],
    ...agentRows(report),
    ...searchRows(report),
  ];
  const lines = [
    `VERDICT ${report.verdict}`,
    ...findingsOf(report).flatMap((finding) => foldedLines('  - ', finding, width)),
    '',
    ...rows.flatMap(([name, value]) => foldedLines(name.padEnd(11), value, width)),
    ...section(stagesTitle(report), stageParts(report), maxStageLines, (parts) =>
      partLines(parts, width),
    ),
    ...section('kinds of clients', groupParts(report), maxStageLines, (parts) =>
      partLines(parts, width),
    ),
    ...section('errors', report.errors, maxErrorLines, (errors) =>
      errors.flatMap((error) => errorLines(error, width)),
    ),
    ...section('gaps', report.gaps, maxGapLines, (gaps) =>
      gaps.flatMap((gap) => foldedLines('  ', gapText(gap, report), width)),
    ),
  ];
  return lines.map((line) => clip(terminalLine(line).trimEnd())).join('\n');
}

function churnRows({ connections, ackMs }: LoadTestReport): (readonly [string, string])[] {
  if (connections.churned === 0) return [];
  const { p50, p95, p99, max } = ackMs;
  const { unsubscribed: dropped, resubscribed } = connections;
  return [
    [
      'churn',
      counts({ dropped, 'taken back': resubscribed, unanswered: unansweredOf(connections) }),
    ],
    ...(ackMs.count > 0 ? [['', `answered ${percentiles({ p50, p95, p99, max })}`] as const] : []),
  ];
}

function connectLine({ connectMs: { p50, p95, p99, max } }: LoadTestReport): string {
  return percentiles({ p50, p95, p99, max });
}

function latencyLine(report: LoadTestReport): string {
  const { p50, p95, p99, max, count } = report.latencyMs;
  if (count === 0) return `no event was received in ${measuredPart(report)}`;
  return p50 === null
    ? 'not known: --message-path names no time'
    : percentiles({ p50, p95, p99, max });
}

function latencyNote(report: LoadTestReport): [string, string][] {
  if (report.latencyMs.p50 === null) return [];
  return [['', `from the event’s own time to its arrival, over ${measuredPart(report)}`]];
}

/** Delivery of events that are numbered; of others nobody knows how many there were. */
function deliveryLine({ messages }: LoadTestReport): string {
  const { lost, duplicated, reordered, received } = messages;
  if (lost === null) return 'not known: --message-path names no number';
  if (received === 0 && lost === 0) return 'no event was received';
  return counts({ lost, duplicated: duplicated ?? 0, reordered: reordered ?? 0 });
}

function percentiles(values: Readonly<Record<string, number | null>>): string {
  return Object.entries(values)
    .map(([name, ms]) => `${name} ${formatMs(ms)}`)
    .join('  ');
}

function rateOf(report: LoadTestReport): string {
  const { holdMs, latencyMs } = report;
  if (holdMs === 0) return '';
  return `, ${formatCount(latencyMs.count / (holdMs / 1_000))}/s in ${measuredPart(report)}`;
}

function generatorLine(generator: LoadTestReport['generator']): string {
  const { workers, cpuPercent, loopDelayP99Ms, rssBytes } = generator;
  return (
    `${workers} ${workers === 1 ? 'worker' : 'workers'}, CPU ${cpuPercent.toFixed(0)}% of a core, ` +
    `loop delay p99 ${formatMs(loopDelayP99Ms)}, ${formatBytes(rssBytes)}`
  );
}

function searchRows({ search }: LoadTestReport): [string, string][] {
  if (search === undefined) return [];
  return [
    [
      'search',
      `${search.of === 'rate' ? 'highest rate' : 'most clients'} with ${search.slo.join(', ')}`,
    ],
    ...search.trials.map((trial) => ['', trialLine(search.of, trial)] as [string, string]),
  ];
}

function agentRows({ agents = [] }: LoadTestReport): [string, string][] {
  return agents.map((agent, index) => {
    const { name, opened, clients, received, latencyMs, clock } = agent;
    const done = `${formatCount(opened)}/${formatCount(clients)} in, ${formatCount(received)} events`;
    const times = latencyMs.count === 0 ? '' : `, p99 ${formatMs(latencyMs.p99)}`;
    const ahead = clock === null ? '' : `, clock ${formatClock(clock)}`;
    const how = formatLoss(agent) ?? `${done}${times}${ahead}`;
    return [index === 0 ? 'agents' : '', `${name}: ${how}`];
  });
}

/** What was asked for; what is built in is known by the reasons when it was not met. */
function thresholdRows({ thresholds }: LoadTestReport): [string, string][] {
  return thresholds
    .filter(({ isBuiltIn }) => !isBuiltIn)
    .map((result, index) => {
      const isMet = result.unread !== undefined ? ' NOT KNOWN' : result.ok ? '' : ' NOT MET';
      const observed = `${formatObserved(result)}${isMet}`;
      return [index === 0 ? 'thresholds' : '', `${result.expression}: ${observed}`];
    });
}

function closeCodeRows({ server }: LoadTestReport): [string, string][] {
  const codes = Object.entries(server.closeCodes);
  if (codes.length === 0) return [];
  return [['close codes', ` ${codes.map(([code, n]) => `${code} ×${formatCount(n)}`).join(', ')}`]];
}

function errorLines({ class: errorClass, count, example }: ErrorCount, width: number): string[] {
  const name = `${formatCount(count).padStart(9)}  `;
  return foldedLines(name, `${errorClass}: ${example.replaceAll(/\s+/g, ' ')}`, width);
}

/** Stages plan for all clients; those that misbehave are among no others. */
function stagesTitle({ misbehaving }: LoadTestReport): string {
  const names = misbehaving.map(({ name }) => name).join(' and ');
  return names === '' ? 'stages' : `stages (without what became of ${names} clients)`;
}

function gapText(gap: GapReport, { startedAt }: LoadTestReport): string {
  const { connection, channel, after, got, lost, atLeast, atMs } = gap;
  const count = `${atLeast ? 'at least ' : ''}${formatCount(lost)}`;
  const where = `between ${after ?? 'the subscription'} and ${got ?? 'the end'}`;
  const when = formatMs(Math.max(0, atMs - Date.parse(startedAt)));
  return `client ${connection}, ${channel}: ${count} ${where}, +${when}`;
}

/** Only what others counted: what was received here stands above. */
function reconciliationRows({ reconciliation, connections }: LoadTestReport): [string, string][] {
  const { published, delivered, complaints, steps } = reconciliation;
  if (connections.opened === 0) return [];
  if (published === null && delivered === null) {
    return complaints.map((text) => ['', `not reconciled: ${text}`]);
  }
  return [
    ...reconciledCounts(reconciliation).map(([name, n], at): [string, string] => [
      at === 0 ? 'counted' : '',
      `${n} ${name}`,
    ]),
    ...steps
      .filter(({ between, ok }) => !ok && between !== 'expected-received')
      .map(({ between, difference, meaning }): [string, string] => [
        '',
        `${between.replace('-', ' → ')} ${signed(difference)}: ${meaning}`,
      ]),
    ...complaints.map((text): [string, string] => ['', `not asked: ${text}`]),
  ];
}

function section<Item>(
  title: string,
  items: readonly Item[],
  limit: number,
  linesOf: (shown: readonly Item[]) => string[],
): string[] {
  if (items.length === 0) return [];
  const more = items.length > limit ? [`  … and ${items.length - limit} more`] : [];
  return ['', title, ...linesOf(items.slice(0, limit)), ...more];
}

function counts(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, count]) => `${formatCount(count)} ${name}`)
    .join(', ');
}

function optional(count: number | null, text: string): [string, string][] {
  return count === 0 || count === null ? [] : [['', `${formatCount(count)} ${text}`]];
}

function clip(line: string): string {
  return line.length <= maxColumns ? line : `${line.slice(0, maxColumns - 1)}…`;
}
