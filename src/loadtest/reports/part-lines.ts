/** The parts of a run in a line each, for people: its stages, and the kinds of its clients. */
import { shortened } from '../../base/terminal-text.ts';
import { formatCount, formatLength, formatMs } from '../../base/units.ts';
import type { LoadTestReport, PartFigures } from '../results/report.ts';
import { foldedLines } from './folded-lines.ts';
import { closeCodesOf, hasOwnStages } from './part-tables.ts';

/** Name and figures of a part; the figures of all parts are the same ones, some of them empty. */
type PartCells = readonly string[];

const indent = '  ';
/** Of the width: what a name may take at most where there is too little room. */
const maxNameShare = 0.36;
const gap = '  ';

/** What happened in each stage of one's own. */
export function stageParts(report: LoadTestReport): PartCells[] {
  if (!hasOwnStages(report)) return [];
  return report.stages.map((stage) => {
    const { name, from, to, durationMs, connections } = stage;
    const clients = from === to ? formatCount(to) : `${formatCount(from)}→${formatCount(to)}`;
    return [
      name,
      clients,
      formatLength(durationMs),
      `${formatCount(connections.active)} open`,
      ...latencyCells(stage),
      [
        ...(connections.failed > 0 ? [`${formatCount(connections.failed)} failed`] : []),
        ...lostCells(stage),
      ].join(gap),
    ];
  });
}

/** What became of each kind of clients. */
export function groupParts({ profiles, misbehaving }: LoadTestReport): PartCells[] {
  return [...profiles, ...misbehaving].map((group) => {
    const { name, connections } = group;
    return [
      name,
      `${formatCount(connections.active)}/${formatCount(connections.target)} open`,
      ...latencyCells(group),
      [
        ...lostCells(group),
        ...(connections.vanished ? [`${formatCount(connections.vanished)} vanished`] : []),
        ...(connections.dropped > 0 ? [`${formatCount(connections.dropped)} closed`] : []),
        closeCodesOf(group),
      ]
        .filter(Boolean)
        .join(gap),
    ];
  });
}

/** In columns; on a terminal too narrow for these, with the figures of a part on several lines. */
export function partLines(parts: readonly PartCells[], width: number): string[] {
  const columns = alignedLines(parts);
  if (isWithin(columns, width)) return columns;
  const most = Math.floor(width * maxNameShare);
  const narrow = parts.map(([name = '', ...cells]) => [shortened(name, most), ...cells]);
  const narrower = alignedLines(narrow);
  if (isWithin(narrower, width)) return narrower;
  const nameColumns = Math.max(0, ...narrow.map(([name = '']) => name.length));
  return narrow.flatMap(([name = '', ...figures]) =>
    foldedLines(
      `${indent}${name.padEnd(nameColumns)}${gap}`,
      figures.filter(Boolean).join(gap),
      width,
    ),
  );
}

function isWithin(lines: readonly string[], width: number): boolean {
  return lines.every((line) => line.length <= width);
}

function alignedLines(parts: readonly PartCells[]): string[] {
  const widths = (parts[0] ?? []).map((_, at) =>
    Math.max(...parts.map((cells) => cells[at]?.length ?? 0)),
  );
  return parts.map((cells) => {
    const line = cells
      .map((cell, at) => {
        const isText = at === 0 || at === cells.length - 1;
        return isText ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0);
      })
      .filter((cell) => cell !== '')
      .join(gap);
    return `${indent}${line}`;
  });
}

function latencyCells({ latencyMs: { p50, p99, count } }: PartFigures): string[] {
  return count === 0 || p50 === null ? ['', ''] : [`p50 ${formatMs(p50)}`, `p99 ${formatMs(p99)}`];
}

function lostCells({ messages: { lost, unread } }: PartFigures): string[] {
  return [
    ...(lost ? [`${formatCount(lost)} lost`] : []),
    ...(unread ? [`${formatCount(unread)} unread`] : []),
  ];
}
