/** The lines of a running load test, for whatever size the terminal has. */
import { formatBytes, formatCount } from '../base/units.ts';
import type { Glyphs } from './glyphs.ts';
import { cutTo, type Line, line, printable, type Span, spread } from './line.ts';
import type { Count, LoadTestFigures, Percentiles, ServerHealth } from './loadtest-figures.ts';
import { sparkline } from './sparkline.ts';

/** Cells of the names on the left. */
const nameColumns = 11;
const unnamed = ' '.repeat(nameColumns);
/** Cells of a sparkline, where there is room for them; a shorter one shows nothing. */
const maxSparkColumns = 60;
const minSparkColumns = 8;
/** A worker above this share of a core is close to being the bottleneck. */
const busyPercent = 80;
const lateMs = 20;

/** As many lines as fit, the least important ones left out first. */
export function loadTestLines(
  figures: LoadTestFigures,
  size: { readonly columns: number; readonly rows: number },
  glyphs: Glyphs,
): Line[] {
  const { columns, rows } = size;
  const perSecond = (value: number) => `${formatCount(value)}/s`;
  const body: Line[] = [
    named('clients', clientsLine(figures)),
    ...(figures.kinds.length > 0 ? [named('kinds', kindsLine(figures))] : []),
    named('connect', percentiles(figures.connect)),
    named('events', eventsLine(figures)),
    ...course(figures.rates, perSecond, columns, glyphs),
    named('latency', percentiles(figures.latency)),
    ...course(figures.latencyP99s, ms, columns, glyphs),
    named('delivery', counts(figures.delivery)),
    named('server', serverLine(figures.server, glyphs)),
    named('generator', generatorLine(figures, glyphs)),
    ...(figures.metricsUrl === undefined ? [] : [named('metrics', line(figures.metricsUrl))]),
  ];
  const all = [
    titleLine(figures, columns, glyphs),
    line(glyphs.rule.repeat(columns), 'dim'),
    ...body,
    ...errorLines(figures.errors, Math.max(0, rows - body.length - 4)),
  ];
  const fitting = all.length > rows - 1 ? withoutCourses(all, rows - 1) : all;
  const foot = line('Ctrl-C ends the run and writes its reports', 'dim');
  const blanks = Math.max(0, rows - 1 - fitting.length);
  const filled = [...fitting, ...new Array<Line>(blanks).fill([]), foot];
  return filled.slice(0, rows).map((one) => cutTo(one, columns, glyphs.ellipsis));
}

function titleLine(figures: LoadTestFigures, columns: number, { separator }: Glyphs): Line {
  const { url, phase, stage, elapsedMs } = figures;
  const where = stage === phase ? phase : `${phase} ${separator} ${stage}`;
  const seconds = Math.floor(elapsedMs / 1_000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  const left: Line = [{ text: 'odin loadtest', tone: 'strong' }, { text: `  ${printable(url)}` }];
  return spread(left, [{ text: where, tone: 'accent' }, { text: `  ${clock}` }], columns);
}

/** A course on a row of its own, below its figure and without a name. */
function course(
  values: readonly (number | undefined)[],
  format: (value: number) => string,
  columns: number,
  glyphs: Glyphs,
): Line[] {
  const top = Math.max(0, ...values.map((value) => value ?? 0));
  const scale = `  up to ${format(top)}`;
  const room = Math.min(maxSparkColumns, columns - nameColumns - scale.length);
  if (room < minSparkColumns || top === 0) return [];
  const drawn = sparkline(values, Math.min(room, values.length), glyphs, top);
  return [[{ text: unnamed }, { text: drawn, tone: 'accent' }, { text: scale, tone: 'dim' }]];
}

function withoutCourses(lines: readonly Line[], rows: number): Line[] {
  const kept = lines.filter((one) => one[0]?.text !== unnamed);
  return kept.slice(0, Math.max(0, rows));
}

function clientsLine({ clients }: LoadTestFigures): Line {
  const { target, active, failed, vanished, dropped, reconnected } = clients;
  return [
    { text: `${formatCount(active)} of ${formatCount(target)} open`, tone: 'strong' },
    bad(failed, 'failed'),
    ...(vanished > 0 ? [bad(vanished, 'vanished')] : []),
    bad(dropped, 'dropped'),
    { text: `, ${formatCount(reconnected)} came back`, tone: reconnected > 0 ? 'plain' : 'dim' },
  ];
}

/** `trader 210/210, social 90/90, apart slow 15/15` */
function kindsLine({ kinds }: LoadTestFigures): Line {
  const spans = (isApart: boolean) =>
    kinds
      .filter((kind) => kind.isApart === isApart)
      .map(({ name, active, target }, at): Span => {
        const text = `${printable(name)} ${formatCount(active)}/${formatCount(target)}`;
        return { text: at === 0 ? text : `, ${text}`, tone: isApart ? 'dim' : 'plain' };
      });
  const [good, apart] = [spans(false), spans(true)];
  const joint = good.length === 0 ? 'apart ' : ', apart ';
  return apart.length === 0 ? good : [...good, { text: joint, tone: 'dim' }, ...apart];
}

function eventsLine({ eventsPerSecond, received }: LoadTestFigures): Line {
  return [
    { text: `${formatCount(eventsPerSecond)}/s`, tone: 'strong' },
    { text: `, ${formatCount(received)} in all` },
  ];
}

function percentiles(values: Percentiles | undefined): Line {
  if (values === undefined) return line('nothing measured yet', 'dim');
  return [
    { text: `p50 ${ms(values.p50)}` },
    { text: `  p99 ${ms(values.p99)}`, tone: 'strong' },
    { text: `  max ${ms(values.max)}` },
  ];
}

function counts(all: readonly Count[]): Line {
  return all.map(({ name, count, isBad }, at): Span => {
    const text = `${at === 0 ? '' : ', '}${formatCount(count)} ${name}`;
    return { text, tone: count === 0 ? 'dim' : isBad ? 'bad' : 'plain' };
  });
}

function bad(count: number, name: string): Span {
  return { text: `, ${formatCount(count)} ${name}`, tone: count > 0 ? 'bad' : 'dim' };
}

function serverLine(server: ServerHealth | string | undefined, glyphs: Glyphs): Line {
  if (server === undefined) return line('not asked', 'dim');
  if (typeof server === 'string')
    return line(`tells nothing of itself: ${printable(server)}`, 'dim');
  const { ready, clients, behind, guardLevel } = server;
  return [
    ready
      ? { text: `${glyphs.good} ready`, tone: 'good' }
      : { text: `${glyphs.bad} not ready`, tone: 'bad' },
    { text: `, ${formatCount(clients)} clients` },
    { text: `, ${formatCount(behind)} behind`, tone: behind > 0 ? 'warn' : 'dim' },
    { text: `, overload level ${guardLevel}`, tone: guardLevel > 0 ? 'warn' : 'dim' },
  ];
}

function generatorLine({ generator }: LoadTestFigures, glyphs: Glyphs): Line {
  const { workers, cpuPercent, loopDelayP99Ms, rssBytes } = generator;
  const isBusy = cpuPercent > busyPercent || loopDelayP99Ms > lateMs;
  return [
    ...(isBusy ? [{ text: `${glyphs.warn} `, tone: 'warn' } as const] : []),
    { text: `${workers} ${workers === 1 ? 'worker' : 'workers'}` },
    { text: `, CPU ${cpuPercent.toFixed(0)}% of a core`, tone: tone(cpuPercent > busyPercent) },
    { text: `, loop delay p99 ${ms(loopDelayP99Ms)}`, tone: tone(loopDelayP99Ms > lateMs) },
    { text: `, ${formatBytes(rssBytes)}` },
  ];
}

function tone(isBad: boolean): 'warn' | 'plain' {
  return isBad ? 'warn' : 'plain';
}

function errorLines(errors: readonly Count[], room: number): Line[] {
  if (errors.length === 0 || room < 1) return [];
  const shown = errors.slice(0, errors.length > room ? room - 1 : room);
  const lines = shown.map(
    ({ name, count }, at): Line => [
      { text: (at === 0 ? 'errors' : '').padEnd(nameColumns), tone: 'dim' },
      { text: `${formatCount(count)} × ${printable(name)}`, tone: 'bad' },
    ],
  );
  const more = errors.length - shown.length;
  if (more === 0) return lines;
  return [...lines, line(`${unnamed}and ${more} more kinds`, 'dim')];
}

function named(name: string, value: Line): Line {
  return [{ text: name.padEnd(nameColumns), tone: 'dim' }, ...value];
}

/** Milliseconds for people: `0.42ms`, `4.2ms`, `420ms`, `4.20s`. */
function ms(value: number): string {
  if (value >= 1_000) return `${(value / 1_000).toFixed(2)}s`;
  if (value >= 100) return `${value.toFixed(0)}ms`;
  return `${value.toFixed(value >= 1 ? 1 : 2)}ms`;
}
