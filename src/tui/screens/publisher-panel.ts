/** The publisher: what it does, and what can be done about it from here. */
import { formatFigure, formatPerSecond } from '../figures-text.ts';
import type { FleetFigures } from '../fleet-figures.ts';
import type { Glyphs } from '../glyphs.ts';
import { type Line, line, printable } from '../line.ts';
import { sparkline } from '../sparkline.ts';
import { awayLines } from './away-lines.ts';

/** For a terminal of so many columns. */
export function publisherLines(
  publisher: FleetFigures['publisher'],
  columns: number,
  glyphs: Glyphs,
): Line[] {
  if (publisher === undefined) return [line('  no publisher is watched', 'dim')];
  const { sight, report, course } = publisher;
  const remedy = '`odin publish` serves its control API on port 3003; --publisher-url says where';
  const head = awayLines(sight, remedy, glyphs);
  if (report === undefined) return head;
  const due = report.targetRate === null ? 'as recorded' : `${formatFigure(report.targetRate)}/s`;
  const rows: [string, string][] = [
    ['state', report.running ? 'running' : 'stopped'],
    ['due', due],
    ['published', formatPerSecond(report.achievedRate)],
    ['in all', formatFigure(report.published)],
    ['failed', formatFigure(report.failed)],
    [
      'behind',
      `${formatFigure(report.behind)} due and waiting, ${formatFigure(report.inFlight)} under way`,
    ],
    ['source', `${report.source}, ${formatFigure(report.tokens)} tokens`],
    ['broker', report.healthy ? 'confirms' : 'does not confirm'],
    ...(report.error === null ? [] : [['error', report.error] as [string, string]]),
    ['at', sight.url],
  ];
  const width = Math.max(0, columns - 14);
  return [
    ...head,
    ...rows.map(
      ([name, text]): Line => [
        { text: ` ${name.padEnd(12)}`, tone: 'dim' },
        { text: printable(text), tone: name === 'error' ? 'bad' : 'plain' },
      ],
    ),
    [
      { text: ' '.repeat(13) },
      { text: sparkline(course.last(width), width, glyphs), tone: 'accent' },
    ],
    [],
    line(' b begin   x stop   e set the rate', 'dim'),
  ];
}
