/** A report as one HTML file that needs nothing else: charts, tables, no network. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { formatCount } from '../../base/units.ts';
import type { LoadTestReport } from '../results/report.ts';
import { findingsOf } from '../results/search-report.ts';
import type { SeriesPoint } from '../results/series.ts';
import { agentTable } from './agent-table.ts';
import { distributionTable } from './distribution.ts';
import { escapeJson, escapeMarkup } from './escape.ts';
import { environmentTable, generatorTable } from './generator-tables.ts';
import { headline } from './headline.ts';
import { groupTable, peakOf, stageTable, wantsOf } from './part-tables.ts';
import { trialTable } from './search-tables.ts';
import {
  countTable,
  errorTable,
  percentileTable,
  phaseTable,
  type Table,
  thresholdTable,
} from './tables.ts';
import { channelTable, gapTable, reconciliationTable } from './truth-tables.ts';

/** Nothing may be loaded, whatever text of a server found its way into the page. */
const policy =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

const inconclusive =
  'Nothing certain can be said about the server: the first reason below says why.';

const require = createRequire(import.meta.url);
const templates = new URL('../../../templates/report/', import.meta.url);

/** The report as a page; reads the chart library and the page's own style and script. */
export async function htmlReport(report: LoadTestReport): Promise<string> {
  const [chartScript, chartStyle, script, style] = await Promise.all([
    readFile(require.resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
    readFile(require.resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    readFile(new URL('charts.js', templates), 'utf8'),
    readFile(new URL('page.css', templates), 'utf8'),
  ]);
  const title = `Load test: ${report.verdict}, ${report.startedAt.slice(0, 16).replace('T', ' ')}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeMarkup(title)}</title>
<style>${chartStyle}</style>
<style>
${style}</style>
</head>
<body>
${bodyOf(report)}
<script type="application/json" id="series">${escapeJson(columnsOf(report))}</script>
<script>${chartScript}</script>
<script>
${script}</script>
</body>
</html>
`;
}

function bodyOf(report: LoadTestReport): string {
  const { verdict, config, histograms } = report;
  const findings = findingsOf(report);
  const distribution = distributionTable(histograms.latency);
  const clients = `${formatCount(peakOf(report))} clients`;
  const subtitle = [config.protocol, clients, wantsOf(report)].filter(Boolean).join(', ');
  return `<header class="${verdict}">
<h1>Load test <span class="verdict">${verdict}</span></h1>
<p>${escapeMarkup(report.url)} · ${escapeMarkup(subtitle)}</p>
${verdict === 'inconclusive' && report.search === undefined ? `<p>${inconclusive}</p>\n` : ''}${findings.length > 0 ? `<ul>${findings.map((finding) => `<li>${escapeMarkup(finding)}</li>`).join('')}</ul>` : ''}
</header>
<main>
${tiles(report)}
<section id="charts">
<noscript><p>The charts need JavaScript; all figures are in the tables below.</p></noscript>
</section>
${[
  tableSection(trialTable(report)),
  tableSection(thresholdTable(report)),
  tableSection(stageTable(report)),
  tableSection(groupTable(report)),
  tableSection(percentileTable(report)),
  tableSection(distribution, shareOf),
  tableSection(phaseTable(report)),
  tableSection(countTable(report)),
  tableSection(reconciliationTable(report)),
  tableSection(channelTable(report)),
  tableSection(errorTable(report)),
  tableSection(gapTable(report)),
  tableSection(agentTable(report)),
  tableSection(generatorTable(report)),
  tableSection(environmentTable(report)),
].join('\n')}
</main>
<footer>odin loadtest · report version ${report.schemaVersion}</footer>`;
}

/** The figures that everybody asks for first. */
function tiles(report: LoadTestReport): string {
  const items = headline(report).map(
    ({ name, value, isBad }) =>
      `<div${isBad ? ' class="bad"' : ''}><dt>${name}</dt><dd>${value}</dd></div>`,
  );
  return `<dl class="tiles">${items.join('')}</dl>`;
}

/** A table with its title; nothing when it has no rows. A bar stands behind rows with a share. */
function tableSection(
  { title, header, rows, note }: Table,
  share?: (row: readonly string[]) => string | undefined,
): string {
  if (rows.length === 0) return '';
  const isNumeric = header.map((_, column) => rows.every((row) => isNumber(row[column] ?? '')));
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell, column) => {
      const mark = isNumeric[column] ? ' class="n"' : '';
      return `<${tag}${mark}>${escapeMarkup(cell)}</${tag}>`;
    });
  const body = rows.map((row) => {
    const width = share?.(row);
    const style = width === undefined ? '' : ` style="--share:${width}"`;
    const mark = row.includes('NO') ? ' class="bad"' : '';
    return `<tr${style}${mark}>${cells(row, 'td').join('')}</tr>`;
  });
  return `<section>
<h2>${title}</h2>
<div class="scroll"><table${share ? ' class="shares"' : ''}>
<thead><tr>${cells(header, 'th').join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>${note === undefined ? '' : `\n<p class="note">${escapeMarkup(note)}</p>`}
</section>`;
}

/** A percentage that this module made, so it is safe in a style. */
function shareOf([, , share]: readonly string[]): string | undefined {
  return share !== undefined && /^[\d.]+%$/.test(share) ? share : undefined;
}

function isNumber(cell: string): boolean {
  return cell === '–' || /^[+−]?[\d .,→]*(to [\d ]+|ms|s|%|\/s|[KMG]?i?B)?$/.test(cell);
}

/** The series by columns, and where stages begin, as charts want it. */
function columnsOf({ series: { points }, stages }: LoadTestReport) {
  const column = <Key extends keyof SeriesPoint>(key: Key) => points.map((point) => point[key]);
  return {
    seconds: points.map(({ elapsedMs }) => elapsedMs / 1_000),
    marks: stages.map(({ name, startMs }) => ({ name, second: startMs / 1_000 })),
    active: column('active'),
    opened: column('opened'),
    failed: column('failed'),
    received: column('receivedPerSecond'),
    lost: column('lost'),
    errors: column('errorsPerSecond'),
    p50: column('latencyP50Ms'),
    p99: column('latencyP99Ms'),
    cpu: column('cpuPercent'),
    loopDelay: column('loopDelayP99Ms'),
  };
}
