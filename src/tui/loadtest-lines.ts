/** The lines of a running load test, for whatever size the terminal has. */
import { shortened } from '../base/terminal-text.ts';
import { formatBytes, formatCount } from '../base/units.ts';
import type { Glyphs } from './glyphs.ts';
import { cutTo, type Line, line, printable, type Span, spread, widthOf } from './line.ts';
import type { Count, LoadTestFigures, Percentiles, ServerHealth } from './loadtest-figures.ts';
import { sparkline } from './sparkline.ts';

/** Cells of the names on the left. */
const nameColumns = 11;
const unnamed = ' '.repeat(nameColumns);
/** Rows that the kinds of clients may take, and cells of a name in them. */
const maxKindRows = 3;
const maxKindColumns = 16;
/** With less room the address would say nothing. */
const minUrlColumns = 12;
/** Cells of a sparkline, where there is room for them; a shorter one shows nothing. */
const maxSparkColumns = 60;
const minSparkColumns = 8;
/** A worker above this share of a core is close to being the bottleneck. */
const busyPercent = 80;
const lateMs = 20;

const footText = 'Ctrl-C ends the run and writes its reports';

/** What goes where there is too little room: that with the highest one first, of equal ones the last. */
interface Yielding {
  readonly giveWay: number;
}

/** A line of the view. */
interface Row extends Yielding {
  readonly line: Line;
}

/** A figure in a line; in as few words as it takes where there is little room. */
interface Part extends Yielding, Span {
  readonly short?: string;
}

/** As many lines as fit, the least important ones left out first. */
export function loadTestLines(
  figures: LoadTestFigures,
  size: { readonly columns: number; readonly rows: number },
  glyphs: Glyphs,
): Line[] {
  const { columns, rows } = size;
  const perSecond = (value: number) => `${formatCount(value)}/s`;
  const room = columns - nameColumns;
  const body: Row[] = [
    named('clients', clientsLine(figures, room)),
    ...kindRows(figures, room),
    named('connect', percentiles(figures.connect, room), 2),
    named('events', eventsLine(figures, room)),
    ...course(figures.rates, perSecond, columns, glyphs),
    named('latency', percentiles(figures.latency, room)),
    ...course(figures.latencyP99s, ms, columns, glyphs),
    named('delivery', counts(figures.delivery, room)),
    named('server', serverLine(figures.server, glyphs, room)),
    named('generator', generatorLine(figures, glyphs, room)),
    ...(figures.metricsUrl === undefined ? [] : [named('metrics', line(figures.metricsUrl), 3)]),
  ];
  const all: Row[] = [
    { line: titleLine(figures, columns, glyphs), giveWay: 0 },
    { line: line(glyphs.rule.repeat(columns), 'dim'), giveWay: 4 },
    ...body,
    ...errorLines(figures.errors, Math.max(0, rows - body.length - 4)),
  ];
  const fitting = withoutLeast(all, (kept) => kept.length < rows).map((row) => row.line);
  const foot = joined(
    [{ text: footText, short: 'Ctrl-C ends and reports', tone: 'dim', giveWay: 0 }],
    columns,
  );
  const blanks = Math.max(0, rows - 1 - fitting.length);
  const filled = [
    ...fitting.slice(0, Math.max(0, rows - 1)),
    ...new Array<Line>(blanks).fill([]),
    foot,
  ];
  return filled.slice(0, rows).map((one) => cutTo(one, columns, glyphs.ellipsis));
}

/** Without the least important ones, until the rest fits. */
function withoutLeast<One extends Yielding>(
  all: readonly One[],
  isFitting: (kept: readonly One[]) => boolean,
): readonly One[] {
  let kept = all;
  for (;;) {
    const most = Math.max(...kept.map(({ giveWay }) => giveWay));
    if (isFitting(kept) || most <= 0) return kept;
    kept = kept.toSpliced(
      kept.findLastIndex(({ giveWay }) => giveWay === most),
      1,
    );
  }
}

/** Figures in a line: all of them, or else in short and as many as there is room for. */
function joined(parts: readonly Part[], room: number, separator = ', '): Line {
  const lineOf = (some: readonly Part[]): Line =>
    some.map(({ text, tone = 'plain' }, at) => ({
      text: at === 0 ? text : `${separator}${text}`,
      tone,
    }));
  const isFitting = (some: readonly Part[]) => widthOf(lineOf(some)) <= room;
  if (isFitting(parts)) return lineOf(parts);
  const short = parts.map((part) => ({ ...part, text: part.short ?? part.text }));
  return lineOf(withoutLeast(short, isFitting));
}

function titleLine(figures: LoadTestFigures, columns: number, glyphs: Glyphs): Line {
  const { url, phase, stage, elapsedMs } = figures;
  const name = shortened(printable(stage), Math.floor(columns / 3), glyphs.ellipsis);
  const where = stage === phase ? phase : `${phase} ${glyphs.separator} ${name}`;
  const seconds = Math.floor(elapsedMs / 1_000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  const right: Line = [{ text: where, tone: 'accent' }, { text: `  ${clock}` }];
  const command: Span = { text: 'odin loadtest', tone: 'strong' };
  const hasRoom = columns - widthOf(right) - command.text.length > minUrlColumns;
  const left = hasRoom ? [command, { text: `  ${printable(url)}` }] : [command];
  return spread(left, right, columns, glyphs.ellipsis);
}

/** A course on a row of its own, below its figure and without a name. */
function course(
  values: readonly (number | undefined)[],
  format: (value: number) => string,
  columns: number,
  glyphs: Glyphs,
): Row[] {
  const top = Math.max(0, ...values.map((value) => value ?? 0));
  const scale = `  up to ${format(top)}`;
  const room = Math.min(maxSparkColumns, columns - nameColumns - scale.length);
  if (room < minSparkColumns || top === 0) return [];
  const drawn = sparkline(values, Math.min(room, values.length), glyphs, top);
  const row = [{ text: unnamed }, { text: drawn, tone: 'accent' }, { text: scale, tone: 'dim' }];
  return [{ line: row as Line, giveWay: 5 }];
}

function clientsLine({ clients }: LoadTestFigures, room: number): Line {
  const { target, active, failed, vanished, dropped, reconnected } = clients;
  const [open, all, back] = [active, target, reconnected].map(formatCount);
  const parts: Part[] = [
    { text: `${open} of ${all} open`, short: `${open}/${all}`, tone: 'strong', giveWay: 0 },
    bad(failed, 'failed'),
    ...(vanished > 0 ? [bad(vanished, 'vanished')] : []),
    bad(dropped, 'dropped'),
    {
      ...{ text: `${back} came back`, short: `${back} back` },
      ...(reconnected > 0 ? { tone: 'plain', giveWay: 2 } : { tone: 'dim', giveWay: 4 }),
    },
  ];
  return joined(parts, room);
}

/** `trader 210/210, social 90/90, apart slow 15/15`, in several rows where it has to be. */
function kindRows({ kinds }: LoadTestFigures, room: number): Row[] {
  if (kinds.length === 0) return [];
  const good = kinds.filter(({ isApart }) => !isApart);
  const apart = kinds.filter(({ isApart }) => isApart);
  const lines: Span[][] = [[]];
  for (const kind of [...good, ...apart]) {
    const name = `${kind === apart[0] ? 'apart ' : ''}${shortened(printable(kind.name), maxKindColumns)}`;
    const text = `${name} ${formatCount(kind.active)}/${formatCount(kind.target)}`;
    const tone = kind.isApart ? 'dim' : 'plain';
    const last = lines.at(-1) as Span[];
    const isFull = widthOf(last) + text.length + 2 > room && lines.length < maxKindRows;
    if (last.length === 0) last.push({ text, tone });
    else if (isFull) lines.push([{ text, tone }]);
    else last.push({ text: `, ${text}`, tone });
  }
  return lines.map((one, at) => named(at === 0 ? 'kinds' : '', one));
}

function eventsLine({ eventsPerSecond, received }: LoadTestFigures, room: number): Line {
  const parts: Part[] = [
    { text: `${formatCount(eventsPerSecond)}/s`, tone: 'strong', giveWay: 0 },
    { text: `${formatCount(received)} in all`, giveWay: 1 },
  ];
  return joined(parts, room);
}

function percentiles(values: Percentiles | undefined, room: number): Line {
  if (values === undefined) return line('nothing measured yet', 'dim');
  const parts: Part[] = [
    { text: `p50 ${ms(values.p50)}`, giveWay: 2 },
    { text: `p99 ${ms(values.p99)}`, tone: 'strong', giveWay: 0 },
    { text: `max ${ms(values.max)}`, giveWay: 1 },
  ];
  return joined(parts, room, '  ');
}

/** The first one stays, as do those that tell of something. */
function counts(all: readonly Count[], room: number): Line {
  const parts = all.map(({ name, count, isBad }, at): Part => {
    const tone = count === 0 ? 'dim' : isBad ? 'bad' : 'plain';
    const giveWay = at === 0 ? 0 : count === 0 ? 3 : isBad ? 1 : 2;
    return { text: `${formatCount(count)} ${name}`, tone, giveWay };
  });
  return joined(parts, room);
}

function bad(count: number, name: string): Part {
  const text = `${formatCount(count)} ${name}`;
  return count > 0 ? { text, tone: 'bad', giveWay: 1 } : { text, tone: 'dim', giveWay: 3 };
}

function serverLine(server: ServerHealth | string | undefined, glyphs: Glyphs, room: number): Line {
  if (server === undefined) return line('not asked', 'dim');
  if (typeof server === 'string')
    return line(`tells nothing of itself: ${printable(server)}`, 'dim');
  const { ready, clients, behind, guardLevel } = server;
  const told = (value: number) =>
    value > 0 ? ({ tone: 'warn', giveWay: 1 } as const) : ({ tone: 'dim', giveWay: 2 } as const);
  const parts: Part[] = [
    ready
      ? { text: `${glyphs.good} ready`, tone: 'good', giveWay: 0 }
      : { text: `${glyphs.bad} not ready`, tone: 'bad', giveWay: 0 },
    { text: `${formatCount(clients)} clients`, giveWay: 3 },
    { text: `${formatCount(behind)} behind`, ...told(behind) },
    { text: `overload level ${guardLevel}`, short: `overload ${guardLevel}`, ...told(guardLevel) },
  ];
  return joined(parts, room);
}

function generatorLine({ generator }: LoadTestFigures, glyphs: Glyphs, room: number): Line {
  const { workers, cpuPercent, loopDelayP99Ms, rssBytes } = generator;
  const isBusy = cpuPercent > busyPercent || loopDelayP99Ms > lateMs;
  const cpu = `CPU ${cpuPercent.toFixed(0)}%`;
  const delay = ms(loopDelayP99Ms);
  const parts: Part[] = [
    { text: `${workers} ${workers === 1 ? 'worker' : 'workers'}`, giveWay: 3 },
    { text: `${cpu} of a core`, short: cpu, tone: tone(cpuPercent > busyPercent), giveWay: 0 },
    {
      ...{ text: `loop delay p99 ${delay}`, short: `delay ${delay}` },
      ...{ tone: tone(loopDelayP99Ms > lateMs), giveWay: 1 },
    },
    { text: formatBytes(rssBytes), giveWay: 2 },
  ];
  const sign: Line = isBusy ? [{ text: `${glyphs.warn} `, tone: 'warn' }] : [];
  return [...sign, ...joined(parts, room - widthOf(sign))];
}

function tone(isBad: boolean): 'warn' | 'plain' {
  return isBad ? 'warn' : 'plain';
}

function errorLines(errors: readonly Count[], room: number): Row[] {
  if (errors.length === 0 || room < 1) return [];
  const shown = errors.slice(0, errors.length > room ? room - 1 : room);
  const lines = shown.map(
    ({ name, count }, at): Row =>
      named(at === 0 ? 'errors' : '', line(`${formatCount(count)} × ${printable(name)}`, 'bad'), 1),
  );
  const more = errors.length - shown.length;
  if (more === 0) return lines;
  return [...lines, named('', line(`and ${more} more kinds`, 'dim'), 1)];
}

function named(name: string, value: Line, giveWay = 0): Row {
  return { line: [{ text: name.padEnd(nameColumns), tone: 'dim' }, ...value], giveWay };
}

/** Milliseconds for people: `0.42ms`, `4.2ms`, `420ms`, `4.20s`. */
function ms(value: number): string {
  if (value >= 1_000) return `${(value / 1_000).toFixed(2)}s`;
  if (value >= 100) return `${value.toFixed(0)}ms`;
  return `${value.toFixed(value >= 1 ? 1 : 2)}ms`;
}
