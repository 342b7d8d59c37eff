/** Overview: all nodes as a table, their sums, and what should be known of them. */
import {
  formatAge,
  formatFigure,
  formatMillis,
  formatPercent,
  formatPerSecond,
  formatSize,
} from '../figures-text.ts';
import type { NodeFigures } from '../fleet-figures.ts';
import type { Glyphs } from '../glyphs.ts';
import type { Line, Tone } from '../line.ts';
import type { Table } from '../table.ts';
import { complaintsOf, nameOf, stateOf, stateTone } from './node-words.ts';

/** A row of each node. */
export function nodeTable(nodes: readonly NodeFigures[]): Table<NodeFigures> {
  return {
    rows: nodes,
    keyOf: ({ url }) => url,
    empty: 'no node is watched',
    columns: [
      { title: 'NODE', cell: nameOf, giveWay: 0 },
      { title: 'STATE', cell: stateOf, tone: stateTone, giveWay: 0 },
      number('CLIENTS', ({ report }) => report?.connections.current, formatFigure, 0),
      number('IN/s', ({ rates }) => rates?.ingested, formatFigure, 1),
      number('OUT/s', ({ rates }) => rates?.delivered, formatFigure, 0),
      number('P99', ({ rates }) => rates?.p99Ms, formatMillis, 1),
      number('LAG', ({ report }) => report?.broker.lag_records, formatFigure, 2),
      number('CPU', ({ rates }) => rates?.cpuPercent, formatPercent, 2),
      number('MEMORY', ({ report }) => report?.guard.memory_bytes, formatSize, 3),
      number('GUARD', ({ report }) => report?.guard.level, formatFigure, 4),
      number('BEHIND', ({ report }) => report?.connections.behind, formatFigure, 4),
      number('ERR/s', ({ rates }) => rates?.errors, formatFigure, 3),
      number('UP', ({ report }) => report && report.uptime_s * 1_000, ageOf, 5),
      { title: 'URL', cell: ({ url }) => url, giveWay: 6 },
    ],
  };
}

function number(
  title: string,
  read: (node: NodeFigures) => number | undefined,
  format: (value: number | undefined) => string,
  giveWay: number,
) {
  const cell = (node: NodeFigures) => format(read(node));
  const tone = ({ sight }: NodeFigures): Tone => (sight.state === 'up' ? 'plain' : 'dim');
  return { title, cell, tone, sortBy: read, isNumber: true, giveWay };
}

function ageOf(ms: number | undefined): string {
  return ms === undefined ? '-' : formatAge(ms);
}

/** The sums of all nodes that answer, in one line. */
export function totalLine(nodes: readonly NodeFigures[]): Line {
  const sum = (read: (node: NodeFigures) => number | undefined) =>
    nodes.reduce((total, node) => total + (node.sight.state === 'up' ? (read(node) ?? 0) : 0), 0);
  const up = nodes.filter(({ sight }) => sight.state === 'up').length;
  const parts = [
    `${formatFigure(sum(({ report }) => report?.connections.current))} clients`,
    `${formatPerSecond(sum(({ rates }) => rates?.delivered))} out`,
    `${formatSize(sum(({ rates }) => rates?.sentBytes))}/s`,
    `${formatPerSecond(sum(({ rates }) => rates?.errors))} errors`,
  ];
  return [
    { text: ` ${up} of ${nodes.length} nodes up`, tone: up === nodes.length ? 'good' : 'bad' },
    { text: `  ${parts.join('  ')}` },
  ];
}

/** What should be known of all nodes, each with its name unless there is no other. */
export function complaintLines(
  nodes: readonly NodeFigures[],
  nowMs: number,
  { bad, warn }: Glyphs,
  isNamed = nodes.length > 1,
): Line[] {
  return nodes.flatMap((node) =>
    complaintsOf(node, nowMs).map(({ text, tone }): Line => {
      const sign = tone === 'bad' ? bad : warn;
      const name = isNamed ? `${nameOf(node)}: ` : '';
      return [
        { text: ` ${sign} `, tone },
        { text: name + text, tone },
      ];
    }),
  );
}
