/** Tests of search-report.ts and search-tables.ts: what people read of a search. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { htmlReport } from '../reports/html-report.ts';
import { markdownReport } from '../reports/markdown-report.ts';
import { parseReport } from '../reports/report-schema.ts';
import { trialLine, trialTable } from '../reports/search-tables.ts';
import { formatReport } from '../reports/text-report.ts';
import {
  answerOf,
  type SearchEnding,
  type SearchReport,
  searchVerdict,
  type TrialReport,
} from './search-report.ts';

const trial: TrialReport = {
  level: 1_000,
  purpose: 'step',
  verdict: 'pass',
  reasons: [],
  startMs: 100,
  durationMs: 10_000,
  active: 1_000,
  failed: 0,
  receivedPerSecond: 48_210,
  lost: 0,
  latencyMs: { p50: 1, p99: 12.3, max: 20, count: 482_100 },
  cpuPercent: 40,
};
const failing: TrialReport = {
  ...trial,
  level: 2_000,
  verdict: 'fail',
  reasons: ['latency.p99 < 50ms: was 80ms'],
};

function searchOf(changes: Partial<SearchReport> = {}, detail?: string): SearchReport {
  const found = {
    of: 'connections' as const,
    slo: ['latency.p99 < 50ms'],
    resolutionPercent: 5,
    trials: [trial, failing],
    holds: 1_000,
    breaks: 2_000,
    isConfirmed: true,
    ending: 'found' as const,
    ...changes,
  };
  return { ...found, answer: answerOf(found, detail) };
}

test.each<[SearchEnding, Partial<SearchReport>, string, string]>([
  ['found', {}, 'pass', '1 000 clients hold, 2 000 clients do not'],
  [
    'max',
    { breaks: null },
    'pass',
    'at least 1 000 clients (the highest level that was allowed): x',
  ],
  ['nothing', { holds: null, breaks: 1 }, 'fail', 'nothing holds, not even 1 client'],
  ['generator', {}, 'inconclusive', 'at least 1 000 clients (the load tester was the limit): x'],
  ['machine', {}, 'inconclusive', 'at least 1 000 clients (the machine was the limit): x'],
  ['time', { holds: null }, 'inconclusive', 'no level is known to hold, the time was over: x'],
  ['interrupted', { holds: null, trials: [] }, 'interrupted', 'no level was tried, interrupted: x'],
])('a search that ends by %s with %o is %s', (ending, changes, verdict, answer) => {
  const search = searchOf({ ...changes, ending }, 'x');
  expect(search.answer).toBe(answer);
  expect(searchVerdict(search)).toEqual({ verdict, reasons: verdict === 'pass' ? [] : [answer] });
});

test.each([
  ['found', 'inconclusive'],
  ['max', 'inconclusive'],
  ['nothing', 'inconclusive'],
  ['interrupted', 'interrupted'],
] as const)('with figures missing at the end, %s is %s', (ending, verdict) => {
  const search = searchOf({ ending });
  const reasons = ['figures are missing', search.answer];
  expect(searchVerdict(search, ['figures are missing'])).toEqual({ verdict, reasons });
});

test('rates are told with their unit', () => {
  const search = searchOf({ of: 'rate', holds: 12.5, breaks: 13 });
  expect(search.answer).toBe('12.5 events/s hold, 13 events/s do not');
});

test('each trial is a row and a line, in text and on the page', async () => {
  const report = makeReport({ seconds: 2, changes: { search: searchOf() } });
  expect(trialTable(report).rows).toEqual([
    [
      '1 000 clients',
      'step',
      '10.0s',
      '1 000',
      '0',
      '48 210',
      '1.0ms',
      '12.3ms',
      '20.0ms',
      '0',
      '40%',
      'holds',
    ],
    expect.arrayContaining(['does not hold: latency.p99 < 50ms: was 80ms']),
  ]);
  expect(trialLine('connections', trial)).toBe('1 000 clients hold: p99 12.3ms, 48 210 events/s');
  const text = formatReport(report);
  expect(text).toContain('  - 1 000 clients hold, 2 000 clients do not');
  expect(text.split('\n').every((line) => line.length <= 80)).toBe(true);
  const page = await htmlReport(report);
  expect(page).toContain('<h2>Limit search</h2>');
  expect(page).toContain('1 000 clients hold, 2 000 clients do not');
  const broken = report.thresholds.map((threshold) => ({ ...threshold, ok: false }));
  expect('faults' in parseReport({ ...report, thresholds: broken })).toBe(false);
  expect(markdownReport(report)).toMatch(
    /a search that tried up to \S+ clients, measured for \d+ s in all, at /,
  );
  expect(trialTable(makeReport({ seconds: 2 })).rows).toEqual([]);
});
