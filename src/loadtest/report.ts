/** The result of a load test, for programs and as text for people. */
import { formatBytes, formatCount, formatDuration } from '../base/units.ts';
import type { ErrorCount } from './error-log.ts';
import type { GapReport } from './gap-list.ts';
import type { LoadTestConfig } from './plan.ts';
import { formatMs } from './progress.ts';
import type { Totals } from './totals.ts';

/** What a run found. Written as JSON, so names and meanings are a contract. */
export interface LoadTestReport {
  readonly schemaVersion: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Measured, from the first planned client until all were told to close. */
  readonly durationMs: number;
  /** Measured length of the hold phase; 0 when it was not reached. */
  readonly holdMs: number;
  readonly url: string;
  readonly config: LoadTestConfig;
  readonly connections: {
    readonly target: number;
    /** Clients that were open at least once. */
    readonly opened: number;
    /** Clients that never were. */
    readonly failed: number;
    /** Connections lost after they were open. */
    readonly dropped: number;
    /** Connections left because the server asked for it. */
    readonly moved: number;
    readonly reconnected: number;
    /** Clients that were open at the end. */
    readonly active: number;
  };
  /** Over the whole run. */
  readonly messages: Totals['messages'];
  /**
   * From an event's own time to its arrival, over the hold phase; without those that a client
   * missed while it was away and got after it resumed.
   */
  readonly latencyMs: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
    readonly mean: number;
    readonly count: number;
    /** Events that seem to have arrived before they happened: the clocks differ. */
    readonly negative: number;
  };
  /** From a client's planned start to the upgrade. */
  readonly connectMs: {
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
  };
  readonly errors: readonly ErrorCount[];
  /** The first 100. */
  readonly gaps: readonly GapReport[];
  /** The load tester itself, over the hold phase. */
  readonly generator: {
    readonly workers: number;
    /** Of the busiest worker; 100 is one core. */
    readonly cpuPercent: number;
    /** Of the worst worker. */
    readonly loopDelayP99Ms: number;
    /** Of all workers. */
    readonly rssBytes: number;
  };
  readonly server: {
    /** How often it closed with which code. */
    readonly closeCodes: Readonly<Record<string, number>>;
  };
  readonly verdict: 'pass' | 'fail' | 'interrupted';
  /** Why it failed; also filled for an interrupted run. */
  readonly reasons: readonly string[];
}

const maxColumns = 80;
const maxErrorLines = 8;
const maxGapLines = 5;

/** The report as text of at most 80 columns. */
export function formatReport(report: LoadTestReport): string {
  const { connections, messages, generator, config, url } = report;
  const rows: (readonly [string, string])[] = [
    ['server', `${url}, ${config.protocol}`],
    ['run', `${seconds(report.durationMs)} in all, held for ${seconds(report.holdMs)}`],
    ['clients', counts({ opened: connections.opened, 'asked for': connections.target })],
    ['', counts({ failed: connections.failed, 'open at the end': connections.active })],
    ['', counts({ dropped: connections.dropped, reconnected: connections.reconnected })],
    ['connect', connectLine(report)],
    ['events', `${formatCount(messages.received)} received${rateOf(report)}`],
    ['', `${formatCount(messages.frames)} messages, ${formatBytes(messages.bytes)}`],
    ['delivery', counts(pick(messages, 'lost', 'duplicated', 'reordered'))],
    ...optional(messages.healed, 'missed while disconnected, received after resuming'),
    ...optional(messages.unrecovered, 'missed while disconnected and not recovered, at least'),
    ...optional(messages.missedWhileDisconnected, 'missed while disconnected, at least'),
    ...optional(messages.skipped, 'left out for lagging clients, as announced'),
    ...optional(messages.throttleUpdates, 'changes of throttle level'),
    ...optional(messages.gapNotices, 'gaps told by the server'),
    ...optional(connections.moved, 'connections left because the server asked for it'),
    ...optional(messages.unexpected, 'of channels not subscribed to'),
    ...optional(messages.badMessages, 'messages not readable'),
    ...optional(messages.seqBreaks, 'breaks in seq'),
    ...optional(messages.epochChanges, 'changes of epoch: positions started anew'),
    ['latency', latencyLine(report)],
    ['', 'from the event’s own time to its arrival, over the hold phase'],
    ...optional(report.latencyMs.negative, 'below zero: the clocks of the machines differ'),
    ...closeCodeRows(report),
    ['generator', generatorLine(generator)],
  ];
  const lines = [
    `VERDICT ${report.verdict}`,
    ...report.reasons.map((reason) => `  - ${reason}`),
    '',
    ...rows.map(([name, value]) => `${name.padEnd(11)}${value}`),
    ...section('errors', report.errors.map(errorLine), maxErrorLines),
    ...section('gaps', report.gaps.map(gapLine), maxGapLines),
  ];
  return lines.map((line) => clip(line.trimEnd())).join('\n');
}

function connectLine({ connectMs: { p50, p95, p99, max } }: LoadTestReport): string {
  return percentiles({ p50, p95, p99, max });
}

function latencyLine({ latencyMs: { p50, p95, p99, max, count } }: LoadTestReport): string {
  return count === 0
    ? 'no event was received in the hold phase'
    : percentiles({ p50, p95, p99, max });
}

function percentiles(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, ms]) => `${name} ${formatMs(ms)}`)
    .join('  ');
}

function rateOf({ holdMs, latencyMs }: LoadTestReport): string {
  if (holdMs === 0) return '';
  return `, ${formatCount(latencyMs.count / (holdMs / 1_000))}/s in the hold phase`;
}

function generatorLine(generator: LoadTestReport['generator']): string {
  const { workers, cpuPercent, loopDelayP99Ms, rssBytes } = generator;
  return (
    `${workers} ${workers === 1 ? 'worker' : 'workers'}, CPU ${cpuPercent.toFixed(0)}% of a core, ` +
    `loop delay p99 ${formatMs(loopDelayP99Ms)}, ${formatBytes(rssBytes)}`
  );
}

function closeCodeRows({ server }: LoadTestReport): [string, string][] {
  const codes = Object.entries(server.closeCodes);
  if (codes.length === 0) return [];
  return [['close codes', ` ${codes.map(([code, n]) => `${code} ×${formatCount(n)}`).join(', ')}`]];
}

function errorLine({ class: errorClass, count, example }: ErrorCount): string {
  return `${formatCount(count).padStart(9)}  ${errorClass}: ${example.replaceAll(/\s+/g, ' ')}`;
}

function gapLine({ connection, channel, after, got, lost, atLeast }: GapReport): string {
  const count = `${atLeast ? 'at least ' : ''}${formatCount(lost)}`;
  const where = `between ${after ?? 'the subscription'} and ${got ?? 'the end'}`;
  return `  client ${connection}, ${channel}: ${count} ${where}`;
}

function section(title: string, lines: readonly string[], limit: number): string[] {
  if (lines.length === 0) return [];
  const more = lines.length > limit ? [`  … and ${lines.length - limit} more`] : [];
  return ['', title, ...lines.slice(0, limit), ...more];
}

function counts(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, count]) => `${formatCount(count)} ${name}`)
    .join(', ');
}

function optional(count: number, text: string): [string, string][] {
  return count === 0 ? [] : [['', `${formatCount(count)} ${text}`]];
}

function pick<Key extends string>(from: Readonly<Record<Key, number>>, ...names: Key[]) {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)}s`;
  return formatDuration(Math.round(ms / 1_000) * 1_000);
}

function clip(line: string): string {
  return line.length <= maxColumns ? line : `${line.slice(0, maxColumns - 1)}…`;
}
