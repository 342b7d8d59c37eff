/** A comparison as text for people, and as Markdown for a pull request. */
import { formatTable } from '../../host/output.ts';
import { escapeCell } from '../reports/escape.ts';
import { markdownRows } from '../reports/markdown-report.ts';
import { formatObserved } from '../reports/tables.ts';
import type { Comparison, FigureChange } from './comparison.ts';

const header = ['figure', 'before', 'after', 'change', 'interval', ''] as const;

const words: Readonly<Record<FigureChange['outcome'], string>> = {
  better: 'better',
  worse: 'WORSE',
  same: 'no change',
  unknown: '',
};

/** A table of all figures, then what was not to be. */
export function comparisonText(comparison: Comparison): string {
  const { figures, budgets, verdict } = comparison;
  const lines = budgets.map(({ ok, expression }) => `  ${ok ? 'ok    ' : 'FAILED'}  ${expression}`);
  return [
    formatTable(header, figures.map(cellsOf)),
    '',
    legend,
    ...(budgets.length > 0 ? ['', `VERDICT ${verdict}`, ...lines] : []),
  ].join('\n');
}

/** The same as Markdown. */
export function comparisonMarkdown({ figures, budgets, verdict, warnings }: Comparison): string {
  const results = budgets.map(({ expression, ok }) => [expression, ok ? 'ok' : 'FAILED']);
  return [
    `### Load test comparison${budgets.length > 0 ? `: ${verdict}` : ''}`,
    '',
    ...markdownRows(header, figures.map(cellsOf)),
    '',
    ...(results.length > 0 ? [...markdownRows(['fail on', ''], results), ''] : []),
    ...(warnings.length > 0 ? [...warnings.map((text) => `- ${escapeCell(text)}`), ''] : []),
    legend,
    '',
  ].join('\n');
}

const legend =
  'A change counts when its interval does not hold 0; all intervals together hold with 99 %.';

function cellsOf({ metric, unit, before, after, ...figure }: FigureChange): string[] {
  const { changePercent, intervalPercent, outcome } = figure;
  return [
    metric,
    ...[before, after].map((observed) =>
      observed === null ? '–' : formatObserved({ observed, unit }),
    ),
    changePercent === null ? '–' : signed(changePercent),
    intervalPercent === null ? '' : `${intervalPercent.map(signed).join(' … ')}`,
    words[outcome],
  ];
}

/** `+4.2%` */
function signed(percent: number): string {
  return `${percent >= 0 ? '+' : ''}${percent.toFixed(1)}%`;
}
