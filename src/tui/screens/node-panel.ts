/** One node in full: its figures with their courses, and the facts behind them. */
import {
  formatAge,
  formatCounts,
  formatFigure,
  formatMillis,
  formatPercent,
  formatSize,
  formatPerSecond as perSecond,
} from '../figures-text.ts';
import type { CourseName, NodeFigures } from '../fleet-figures.ts';
import type { Glyphs } from '../glyphs.ts';
import { type Line, printable } from '../line.ts';
import { errorsOf } from '../node-rates.ts';
import { sparkline } from '../sparkline.ts';
import { guardWord, nameOf } from './node-words.ts';

const labelColumns = 14;
const figureColumns = 24;
/** What belongs to a figure takes more than that only where numbers are odd: courses do not jump. */
const moreColumns = 18;

/** For a terminal of so many columns; nothing before the first report. */
export function nodeLines(node: NodeFigures, columns: number, glyphs: Glyphs): Line[] {
  if (node.report === undefined) return [];
  const charts = chartsOf(node, node.report);
  const moreWidth = Math.max(moreColumns, ...charts.map(([, , , more]) => more.length)) + 2;
  const width = Math.max(0, columns - labelColumns - figureColumns - moreWidth - 1);
  return [
    ...charts.map(
      ([name, text, course, more]): Line => [
        { text: label(name), tone: 'dim' },
        { text: text.padEnd(figureColumns), tone: 'strong' },
        { text: more.padEnd(moreWidth) },
        { text: courseText(node.courses[course].last(width), glyphs), tone: 'accent' },
      ],
    ),
    [],
    ...factsOf(node, node.report).map(
      ([name, text]): Line => [{ text: label(name), tone: 'dim' }, { text: printable(text) }],
    ),
  ];
}

/** At the end of its row, where it grows to the right: a look then adds a cell, and moves nothing. */
function courseText(values: readonly (number | undefined)[], glyphs: Glyphs): string {
  return sparkline(values, values.length, glyphs);
}

function label(name: string): string {
  return ` ${name.padEnd(labelColumns - 1)}`;
}

type Report = NonNullable<NodeFigures['report']>;

/** Name, figure, its course, and what belongs to it. */
function chartsOf(
  { rates }: NodeFigures,
  report: Report,
): [name: string, text: string, course: CourseName, more: string][] {
  const { connections, latency, broker, guard } = report;
  const { current, max } = connections;
  const come = `+${perSecond(rates?.accepted)} -${perSecond(rates?.closed)}`;
  const late = `p99 ${formatMillis(rates?.p99Ms)}  p50 ${formatMillis(rates?.p50Ms)}`;
  const memory = `${guard.memory_percent} % of ${formatSize(guard.memory_limit_bytes)}`;
  const since = `${formatFigure(errorsOf(report))} since start`;
  return [
    ['clients', `${formatFigure(current)} of ${formatFigure(max)}`, 'connections', come],
    ['events in', perSecond(rates?.ingested), 'ingested', `${formatSize(rates?.ingestedBytes)}/s`],
    ['delivered', perSecond(rates?.delivered), 'delivered', `${formatSize(rates?.sentBytes)}/s`],
    ['latency', late, 'p99Ms', `all: p99 ${formatMillis(latency.p99_ms)}`],
    [
      'broker lag',
      `${formatFigure(broker.lag_records)} records`,
      'lag',
      `${broker.lag_s.toFixed(1)} s behind`,
    ],
    ['cpu', formatPercent(rates?.cpuPercent), 'cpuPercent', `loop ${guard.loop_delay_ms} ms late`],
    ['memory', formatSize(guard.memory_bytes), 'memoryBytes', memory],
    ['errors', perSecond(rates?.errors), 'errors', since],
  ];
}

function factsOf(node: NodeFigures, report: Report): [name: string, text: string][] {
  const { connections, messages, flush, broker, guard, history, recovery } = report;
  const { rates } = node;
  const { pid } = report.process;
  const { light, medium, heavy } = connections.throttled;
  return [
    [
      'flush',
      `${perSecond(rates?.flushes)} of ${formatFigure(rates?.eventsPerFlush)} events, ${formatMillis(flush.interval_ms)} apart, ${formatFigure(flush.cohorts)} cohorts, ${perSecond(rates?.writes)} writes`,
    ],
    [
      'slow clients',
      `${connections.behind} behind, throttled ${light} light ${medium} medium ${heavy} heavy, spared ${formatCounts(messages.spared)}`,
    ],
    [
      'guard',
      `${guardWord(guard.level)} (level ${guard.level}), cpu ${guard.cpu_percent} %, memory ${guard.memory_percent} %, ${guard.transitions} changes, ${guard.shed} shed`,
    ],
    [
      'broker',
      `${broker.kind}, ${broker.connected ? 'connected' : 'not connected'}${broker.paused ? ', paused' : ''}, pauses ${formatCounts(broker.pauses)}, epoch ${broker.epoch}`,
    ],
    [
      'history',
      `${formatFigure(history.events)} events, ${formatSize(history.bytes)}${history.warm ? '' : ', not warm yet'}`,
    ],
    [
      'returns',
      `${formatFigure(recovery.complete)} complete, ${formatFigure(recovery.incomplete)} incomplete, ${formatFigure(recovery.messages)} events again`,
    ],
    ['refused', formatCounts(connections.refused)],
    ['closed', formatCounts(connections.closed)],
    [
      'errors',
      `skipped ${formatCounts(messages.skipped)}, lost positions ${messages.lost_positions}, lost clients ${connections.lost}, fell behind ${formatFigure(connections.fell_behind)}`,
    ],
    [
      'node',
      `${nameOf(node)}, ${report.mode}, up ${formatAge(report.uptime_s * 1_000)}, pid ${pid}, ${formatFigure(connections.users)} users`,
    ],
  ];
}
