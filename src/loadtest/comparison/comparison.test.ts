/** Tests of comparison.ts and what it is made of: changes are found, noise is not one. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import type { Run } from '../reports/report-file.ts';
import type { LoadTestReport } from '../results/report.ts';
import { parseBudgets } from './budget.ts';
import { type Comparison, type ComparisonOptions, compareRuns } from './comparison.ts';
import { studentQuantile, studentWithin } from './student.ts';

const runOf = (report: LoadTestReport, path = 'run.json'): Run => ({ path, report });
const compare = (
  before: readonly LoadTestReport[],
  after: readonly LoadTestReport[],
  budgets: readonly string[] = [],
  options: Omit<ComparisonOptions, 'budgets'> = {},
) => {
  const [one, two] = [before, after].map((reports) => reports.map((report) => runOf(report)));
  return compareRuns(one!, two!, { budgets: parseBudgets(budgets), ...options });
};
const outcomeOf = ({ figures }: Comparison, name: string) =>
  figures.find(({ metric }) => metric === name)?.outcome;

const seeds = Array.from({ length: 20 }, (_, index) => 100 * (index + 1));
const seconds = 30;

test('a run that is 10 % slower is found 20 times out of 20', () => {
  for (const seed of seeds) {
    const before = makeReport({ seed, seconds });
    const after = makeReport({ seed: seed + 1, seconds, slower: 1.1 });
    const found = compare([before], [after], ['latency.p99 +5%', 'rate -5%']);
    expect([seed, outcomeOf(found, 'latency.p50')]).toEqual([seed, 'worse']);
    expect([seed, outcomeOf(found, 'latency.p99')]).toEqual([seed, 'worse']);
    expect(found.budgets.map(({ ok }) => ok)).toEqual([false, true]);
    expect(found.verdict).toBe('fail');
  }
});

test('two equal runs differ in nothing, 20 times out of 20', () => {
  for (const seed of seeds) {
    const before = makeReport({ seed, seconds });
    const after = makeReport({ seed: seed + 1, seconds });
    const found = compare([before], [after], ['latency.p99 +10%', 'latency.p50 +10%']);
    const changed = found.figures.filter(({ outcome }) => /better|worse/.test(outcome));
    expect([seed, changed]).toEqual([seed, []]);
    expect([seed, found.verdict]).toEqual([seed, 'pass']);
  }
});

const base = makeReport({ seconds: 10 });
const withLost = (lost: number) => ({ ...base, messages: { ...base.messages, lost } });

test('runs of equal figures have no change at all', () => {
  const { figures } = compare([base], [{ ...base, startedAt: '2026-11-02T00:00:00.000Z' }]);
  for (const { changePercent } of figures) expect(changePercent).toBe(0);
});

test('a faster run is better, not worse', () => {
  const before = makeReport({ seed: 1, seconds, slower: 1.3 });
  const found = compare([before], [makeReport({ seed: 2, seconds })], ['latency.p99 -5%']);
  expect(outcomeOf(found, 'latency.p99')).toBe('better');
  expect(found.verdict).toBe('fail');
});

test('counts are exact: one lost event more is a change', () => {
  const found = compare(
    [withLost(0)],
    [withLost(1)],
    ['lost +1', 'lost +0', 'lost +2', 'lost +50%'],
  );
  expect(outcomeOf(found, 'lost')).toBe('worse');
  expect(found.budgets.map(({ ok }) => ok)).toEqual([false, false, true, false]);
  expect(compare([withLost(1)], [withLost(0)], ['lost +0']).verdict).toBe('pass');
});

test('what differs as much between runs of the same side is noise', () => {
  const slow = makeReport({ seed: 3, seconds, slower: 1.2 });
  const fast = makeReport({ seed: 4, seconds });
  const after = makeReport({ seed: 5, seconds, slower: 1.25 });
  expect(outcomeOf(compare([fast], [after]), 'latency.p50')).toBe('worse');
  expect(outcomeOf(compare([fast, slow], [after]), 'latency.p50')).toBe('same');
});

test('the rate of stages that only go up and down has bounds, too', () => {
  const climbing = [1, 2].map((seed) => {
    const report = makeReport({ seed, seconds: 10 });
    const points = report.series.points.map((point) => ({ ...point, phase: 'ramp' as const }));
    const config = { ...report.config, stages: ['10s:500'] };
    return { ...report, config, series: { ...report.series, points } };
  });
  const { figures } = compare([climbing[0]!], [climbing[1]!]);
  expect(figures.find(({ metric }) => metric === 'rate')?.intervalPercent).not.toBeNull();
});

test('a figure that was not measured meets no budget', () => {
  const none = { upToMs: [], counts: [], minMs: 0, maxMs: 0, sumMs: 0, negative: 0 };
  const histograms = { ...base.histograms, latency: none, latencyParts: [] };
  const found = compare([base], [{ ...base, histograms }], ['latency.p99 +10%']);
  expect(outcomeOf(found, 'latency.p99')).toBe('unknown');
  expect(found.verdict).toBe('fail');
});

test.each([
  ['latency.p99 +10%', { metric: 'latency.p99', sign: 1, limit: 10, isRelative: true }],
  ['latency.p50+2ms', { metric: 'latency.p50', sign: 1, limit: 2, isRelative: false }],
  ['connect.p95 + 1.5s', { metric: 'connect.p95', sign: 1, limit: 1_500, isRelative: false }],
  ['rate -5%', { metric: 'rate', sign: -1, limit: 5, isRelative: true }],
  ['connect.success -1%', { metric: 'connect.success', sign: -1, limit: 1, isRelative: false }],
])('%s is read', (text, budget) => {
  expect(parseBudgets([text])).toEqual([{ expression: text, ...budget }]);
});

test('all that is wrong with budgets is said at once', () => {
  expect(() =>
    parseBudgets(['latency.p99', 'latncy.p99 +1%', 'nonsense +1', 'latency.p50 +5', 'lost +1ms']),
  ).toThrow(
    [
      `--fail-on: expected a change such as 'latency.p99 +10%', got "latency.p99"`,
      '--fail-on: no such metric: latncy.p99, did you mean latency.p99?',
      '--fail-on: no such metric: nonsense',
      '--fail-on: latency.p50 changes by % or ms or s, got "latency.p50 +5"',
      '--fail-on: lost changes by % or a plain number, got "lost +1ms"',
    ].join('\n'),
  );
});

test.each([
  // Standard tables of the t distribution, two-sided.
  [0.95, 1, 12.706],
  [0.95, 4, 2.776],
  [0.99, 9, 3.25],
  [0.99, 10, 3.169],
  [0.999, 30, 3.646],
])('%d of Student’s distribution with %d degrees lies within %d', (share, degrees, t) => {
  expect(studentQuantile(share, degrees)).toBeCloseTo(t, 2);
  expect(studentWithin(t, degrees)).toBeCloseTo(share, 3);
});
