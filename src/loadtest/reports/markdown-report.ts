/** A report as Markdown, short enough for a comment on a pull request. */
import { formatCount } from '../../base/units.ts';
import type { LoadTestReport } from '../results/report.ts';
import { findingsOf } from '../results/search-report.ts';
import { agentTable } from './agent-table.ts';
import { escapeCell } from './escape.ts';
import { groupTable, hasOwnStages, peakOf, stageTable } from './part-tables.ts';
import { trialTable } from './search-tables.ts';
import { countTable, errorTable, percentileTable, type Table, thresholdTable } from './tables.ts';
import { reconciliationTable } from './truth-tables.ts';

const maxRows = 20;

/** The verdict, what the run had to meet, and the main figures. */
export function markdownReport(report: LoadTestReport): string {
  const { verdict, holdMs, search } = report;
  const findings = findingsOf(report);
  const counts = countTable(report);
  const tables = [
    trialTable(report),
    thresholdTable(report),
    ...(hasOwnStages(report) ? [stageTable(report)] : []),
    groupTable(report),
    percentileTable(report),
    // A figure of zero is worth a line only where it is the good news.
    { ...counts, rows: counts.rows.filter(([name, n]) => n !== '0' || name === 'events lost') },
    reconciliationTable(report),
    agentTable(report),
    errorTable(report),
  ];
  const length = `${(holdMs / 1_000).toFixed(0)} s`;
  const clients = `${formatCount(peakOf(report))} clients`;
  const size =
    search === undefined
      ? `${clients} for ${length}`
      : `a search that tried ${search.of === 'rate' ? 'rates with' : 'up to'} ${clients}, measured for ${length} in all,`;
  return [
    `### Load test: ${verdict}`,
    '',
    `${size} at ${escapeCell(report.url)}`,
    ...(findings.length > 0 ? ['', ...findings.map((finding) => `- ${escapeCell(finding)}`)] : []),
    ...tables.filter(({ rows }) => rows.length > 0).flatMap(markdownTable),
    '',
  ].join('\n');
}

/** Title, header and the first rows. */
function markdownTable({ title, header, rows }: Table): string[] {
  const more = rows.length - maxRows;
  return ['', `#### ${title}`, '', ...markdownRows(header, rows.slice(0, maxRows))].concat(
    more > 0 ? ['', `… and ${more} more`] : [],
  );
}

/** A table without a title. */
export function markdownRows(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')).replaceAll('\\', ''), ...rows.map(line)];
}
