/** A comparison as text for people, and as Markdown for a pull request. */
import { terminalLine } from '../../base/terminal-text.ts';
import { formatTable } from '../../host/output.ts';
import { escapeCell } from '../reports/escape.ts';
import { foldedLines } from '../reports/folded-lines.ts';
import { markdownRows } from '../reports/markdown-report.ts';
import { formatObserved } from '../reports/tables.ts';
import { minParts } from './bootstrap.ts';
import { type BudgetResult, signedPercent } from './budget-result.ts';
import type { Comparison } from './comparison.ts';
import type { FigureChange } from './figure-change.ts';
import { hasBounds } from './figures.ts';

const header = ['figure', 'before', 'after', 'change', 'interval', ''] as const;
/** Texts are no wider, however wide the terminal is, and no narrower. */
const maxColumns = 80;
const minColumns = 40;

const words: Readonly<Record<FigureChange['outcome'], string>> = {
  better: 'better',
  worse: 'WORSE',
  same: 'no change',
  unknown: '',
};

const legend =
  'A change counts when its interval does not hold 0; all intervals together hold with 99 %. ' +
  'Counts are exact; of connect times and the greatest latency a run does not tell how much they vary.';
const shortness = `Where rate or latency is without an interval, the runs are too short for one: it takes events in ${minParts} of their progress intervals (1s each by default).`;
const longer =
  'Hold clients for longer (--duration 10s or more), and give several runs of each side.';
const advice =
  'What is undecided has not passed: hold clients for longer, give several runs of each side, and ' +
  'repeat runs that were inconclusive or interrupted.';

/**
 * A table of all figures, then what was not to be. Where a terminal of `columns` is too narrow for
 * the table, each figure takes two lines instead.
 */
export function comparisonText(comparison: Comparison, columns = maxColumns): string {
  const { figures, budgets, verdict } = comparison;
  const width = Math.min(Math.max(columns, minColumns), maxColumns);
  const table = formatTable(header, figuresRight(figures.map(cellsOf))).split('\n');
  const isWide = table.every((line) => line.length <= Math.max(columns, minColumns));
  const lines = [
    ...(isWide ? table : figures.flatMap((figure) => narrowLines(figure, width))),
    '',
    ...notesOn(comparison).flatMap((note) => foldedLines('', note, width)),
    ...(budgets.length > 0 ? ['', `VERDICT ${verdict}`] : []),
    ...budgets.flatMap((result) => budgetLines(result, width)),
    ...(verdict === 'inconclusive' ? ['', ...foldedLines('', advice, width)] : []),
  ];
  return lines.map((line) => terminalLine(line).trimEnd()).join('\n');
}

/** The same as Markdown. */
export function comparisonMarkdown(comparison: Comparison): string {
  const { figures, budgets, verdict, warnings } = comparison;
  const results = budgets.map((result) => [
    result.expression,
    [outcomeOf(result), reasonOf(result) ?? []].flat().join(': '),
  ]);
  return [
    `### Load test comparison${budgets.length > 0 ? `: ${verdict}` : ''}`,
    '',
    ...markdownRows(header, figures.map(cellsOf)),
    '',
    ...(results.length > 0 ? [...markdownRows(['fail on', ''], results), ''] : []),
    ...(warnings.length > 0 ? [...warnings.map((text) => `- ${escapeCell(text)}`), ''] : []),
    [...notesOn(comparison), ...(verdict === 'inconclusive' ? [advice] : [])].join(' '),
    '',
  ].join('\n');
}

/** How to read the figures: what an interval says, and why some have none. */
function notesOn({ figures, verdict }: Comparison): string[] {
  const isShort = figures.some(lacksInterval);
  return [
    legend,
    ...(isShort ? [verdict === 'inconclusive' ? shortness : `${shortness} ${longer}`] : []),
  ];
}

/** Whether longer runs would have told how much a figure varies by itself. */
function lacksInterval({ metric, before, after, intervalPercent }: FigureChange): boolean {
  return hasBounds(metric) && intervalPercent === null && Number(before) > 0 && Number(after) > 0;
}

function budgetLines(result: BudgetResult, width: number): string[] {
  const name = `  ${outcomeOf(result).padEnd(9)}  `;
  const text = [result.expression, reasonOf(result) ?? []].flat().join(': ');
  return foldedLines(name, text, width);
}

/** What the figures in the table do not say. */
function reasonOf({ undecided, lack }: BudgetResult): string | null {
  return undecided ?? lack;
}

function outcomeOf({ ok, undecided }: BudgetResult): string {
  if (undecided === null) return ok ? 'ok' : 'FAILED';
  return ok ? 'allowed' : 'UNDECIDED';
}

/** What is measured, and its change, with their ends below each other. */
function figuresRight(rows: readonly string[][]): string[][] {
  const ends = [1, 2, 3];
  const widths = ends.map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row.map((cell, column) => cell.padStart(widths[ends.indexOf(column)] ?? 0)),
  );
}

function narrowLines(figure: FigureChange, width: number): string[] {
  const [metric = '', before, after, change, interval, outcome] = cellsOf(figure);
  const name = metric.padEnd(15);
  if (before === after && interval === '') {
    return [`${name}  ${[outcome, before].filter(Boolean).join(': ')}`];
  }
  const moved = change === '–' ? '' : `, ${change}`;
  const bounds = interval === '' ? '' : ` (${interval})`;
  return [
    `${name}  ${outcome}`,
    ...foldedLines('  ', `${before} → ${after}${moved}${bounds}`, width),
  ];
}

function cellsOf({ metric, unit, before, after, ...figure }: FigureChange): string[] {
  const { changePercent, intervalPercent, outcome } = figure;
  return [
    metric,
    ...[before, after].map((observed) =>
      observed === null ? '–' : formatObserved({ observed, unit }),
    ),
    changePercent === null ? '–' : signedPercent(changePercent),
    intervalPercent === null ? '' : intervalPercent.map(signedPercent).join(' … '),
    words[outcome],
  ];
}
