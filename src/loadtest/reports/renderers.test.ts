/** Tests of the forms of a report: JSON, CSV, JUnit, Markdown, and what text of others does in them. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { Histogram } from '../../base/histogram.ts';
import { percentilesOf } from '../results/percentiles.ts';
import type { LoadTestReport } from '../results/report.ts';
import { toldLatency } from '../results/told-report.ts';
import { phaseHistograms, reportedPhases } from '../socket/connect-phases.ts';
import { kindOf } from '../socket/error-classes.ts';
import { csvReport } from './csv-report.ts';
import { distributionTable, stepsOf } from './distribution.ts';
import { htmlReport } from './html-report.ts';
import { jsonReport } from './json-report.ts';
import { junitReport } from './junit-report.ts';
import { markdownReport } from './markdown-report.ts';
import { parseReport } from './report-schema.ts';
import { formatReport } from './text-report.ts';

const hostile =
  '</script><script>alert("x")</script><img src=x onerror=alert(1)> | `a` [b](c) \u0000 &';
const base = makeReport({ seconds: 3 });

const seen = { atMs: Date.parse(base.startedAt) + 1_500, late: 0, skipped: 0 };

const failing: LoadTestReport = {
  ...base,
  verdict: 'fail',
  reasons: ['latency.p99 < 5ms: was 12ms', hostile],
  errors: [{ class: 'open-close-1001', ...kindOf('open-close-1001'), count: 3, example: hostile }],
  gaps: [
    { connection: 1, channel: hostile, after: null, got: null, lost: 1, atLeast: true, ...seen },
    { connection: 2, channel: 'BTC.trade', after: 3, got: 9, lost: 5, atLeast: false, ...seen },
  ],
  thresholds: [
    ...base.thresholds,
    {
      expression: 'latency.p99 < 5ms',
      scope: null,
      metric: 'latency.p99',
      unit: 'ms',
      observed: 12,
      ok: false,
      isBuiltIn: false,
    },
  ],
};

test('JSON holds the whole report, and lists of numbers and points on one line each', () => {
  const text = jsonReport(failing);
  expect(JSON.parse(text)).toEqual(failing);
  expect(text.match(/^ +\{"elapsedMs":/gm)).toHaveLength(3);
  expect(text.split('\n').length).toBeLessThan(300);
});

test('CSV has a header and a line per point, empty where nothing was measured', () => {
  const [first, ...rest] = base.series.points;
  const points = [{ ...first!, latencyP50Ms: null, latencyP99Ms: null }, ...rest];
  const lines = csvReport({ ...base, series: { ...base.series, points } }).split('\r\n');
  expect(lines).toHaveLength(5);
  expect(lines[0]).toMatch(/^elapsedMs,phase,active,/);
  expect(lines[1]).toMatch(/^1000,hold,500,500,0,\d+,0,0,,,40,2$/);
  for (const line of lines.slice(0, -1)) expect(line.split(',')).toHaveLength(12);
});

test('JUnit has a case per condition, and one for the verdict', () => {
  const xml = junitReport(failing);
  expect(xml).toContain('tests="3" failures="1" errors="0"');
  expect(xml).toContain('name="lost == 0" classname="odin loadtest.built-in"/>');
  expect(xml).toContain('name="latency.p99 &lt; 5ms" classname="odin loadtest.threshold">');
  expect(xml).toContain('<failure message="observed 12.0ms"/>');
});

test.each(['inconclusive', 'interrupted'] as const)(
  'in JUnit, a run that is %s is an error, and what it did not meet is no failure',
  (verdict) => {
    const xml = junitReport({ ...failing, verdict });
    expect(xml).toContain('tests="3" failures="0" errors="1" skipped="1"');
    expect(xml).toContain(`type="${verdict}"`);
    expect(xml).not.toContain('<failure');
  },
);

test('in JUnit, a run that failed without breaking a condition fails as a whole', () => {
  const xml = junitReport({ ...base, verdict: 'fail', reasons: ['a worker did not answer'] });
  expect(xml).toContain('failures="1"');
  expect(xml).toContain('<failure message="a worker did not answer" type="fail"/>');
});

test('text of a server is text in XML, whatever it holds', () => {
  const xml = junitReport({ ...failing, verdict: 'inconclusive' });
  expect(xml).not.toMatch(/<script|<img/);
  expect(xml).not.toContain('\u0000');
  expect(xml.match(/<[^>]*>/g)?.join('')).not.toContain('alert("');
});

test('Markdown tells verdict, reasons, conditions and figures; text of a server stays text', () => {
  const text = markdownReport(failing);
  expect(text).toContain('### Load test: fail');
  expect(text).toContain('- latency.p99 &lt; 5ms: was 12ms');
  expect(text).toContain('| latency.p99 &lt; 5ms | 12.0ms | NO | asked for |');
  expect(text).toContain('| events lost | 0 |');
  expect(text).not.toMatch(/<script|<img|\]\(c\)/);
  for (const row of text.split('\n').filter((line) => line.includes('open-close-1001'))) {
    expect(row.match(/(?<!\\)\|/g)).toHaveLength(5);
  }
});

test('the page loads nothing, forbids it too, and shows text of a server as text', async () => {
  const page = await htmlReport(failing);
  expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline';`);
  expect(page).not.toMatch(/(?:src|href|action|srcset|poster)\s*=\s*["']?\s*(?:https?:)?\/\//i);
  expect(page).not.toMatch(/url\(\s*["']?(?:https?:)?\/\/|@import|\bfetch\(|XMLHttpRequest|<link/i);
  expect(page.match(/<script/g)).toHaveLength(3);
  expect(page.match(/<\/script/g)).toHaveLength(3);
  expect(page).not.toContain('<img');
  expect(page).toContain('&lt;/script&gt;&lt;script&gt;alert(&quot;x&quot;)');
});

test('the page stays small: the chart library, and little beside it', async () => {
  expect((await htmlReport(base)).length).toBeLessThan(90_000);
});

test('steps of latency hold every event once, whatever its size', () => {
  const { latency } = base.histograms;
  const counted = stepsOf(latency).reduce((sum, { count }) => sum + count, 0);
  expect(counted).toBe(base.latencyMs.count);
  const last = distributionTable(latency).rows.at(-1);
  expect(last?.[3]).toBe('100.00%');
  expect(stepsOf({ ...latency, upToMs: [0.1, 0.2, 7e7], counts: [1, 2, 3] })).toMatchObject({
    0: { upToMs: 0.1, count: 1 },
    1: { upToMs: 0.2, count: 2 },
  });
});

test('a run in which nobody got in still has all its forms, and no times', async () => {
  const latency = { upToMs: [], counts: [], minMs: 0, maxMs: 0, sumMs: 0, negative: 0 };
  const empty: LoadTestReport = {
    ...base,
    holdMs: 0,
    clock: null,
    latencyMs: toldLatency(new Histogram(), { odin: true, sequence: true, time: true }),
    connectMs: percentilesOf(new Histogram()),
    phases: reportedPhases(phaseHistograms(), { secured: false, subscribed: true }),
    histograms: { latency, connect: latency, latencyParts: [] },
    series: { intervalMs: 1_000, points: [] },
  };
  for (const render of [jsonReport, csvReport, junitReport, markdownReport]) {
    expect(await render(empty)).not.toMatch(/NaN|undefined|Infinity/);
  }
  expect('faults' in parseReport(JSON.parse(await jsonReport(empty)))).toBe(false);
  expect(empty.phases.upgraded).toMatchObject({ count: 0, p50: null, mean: null });
  const page = await htmlReport(empty);
  for (const text of [await markdownReport(empty), page, formatReport(empty)]) {
    expect(text).toMatch(/connect\b.*–/);
    expect(text).not.toMatch(/connect\b.*0\.00ms/);
  }
  expect(page.slice(page.indexOf('<body>'), page.indexOf('<script>'))).not.toMatch(/NaN|undefined/);
});
