/** Tests of comparison.ts and what it is made of: changes are found, noise is not one. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import type { LoadTestReport } from '../results/report.ts';
import { type Budget, parseBudgets } from './budget.ts';
import { type Comparison, compareRuns } from './comparison.ts';
import { comparisonMarkdown, comparisonText } from './comparison-text.ts';
import type { Run } from './setup.ts';
import { studentQuantile, studentWithin } from './student.ts';

const runOf = (report: LoadTestReport, path = 'run.json'): Run => ({ path, report });
const compare = (
  before: readonly LoadTestReport[],
  after: readonly LoadTestReport[],
  budgets: readonly string[] = [],
) => {
  const [one, two] = [before, after].map((reports) => reports.map((report) => runOf(report)));
  return compareRuns(one!, two!, { budgets: parseBudgets(budgets), isForced: false });
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
    const found = compare([before], [after], ['latency.p99 +0%', 'latency.p50 +1%']);
    const changed = found.figures.filter(({ outcome }) => /better|worse/.test(outcome));
    expect([seed, changed]).toEqual([seed, []]);
    expect(found.verdict).toBe('pass');
  }
});

const base = makeReport({ seconds: 10 });
const withLost = (lost: number) => ({ ...base, messages: { ...base.messages, lost } });

test('the same run twice has no change at all', () => {
  const { figures } = compare([base], [base]);
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

test('a run of few intervals is warned of, and its budgets hold for the plain figures', () => {
  const [before, after] = [1, 1.2].map((slower) => makeReport({ seconds: 3, slower }));
  const found = compare([before!], [after!], ['latency.p99 +10%']);
  expect(found.warnings).toContain(
    'run.json: fewer than 5 intervals of latency are too few to tell change from noise',
  );
  expect(outcomeOf(found, 'latency.p99')).toBe('unknown');
  expect(found.verdict).toBe('fail');
});

test('a budget that noise hides is said to be undecided, one that is clearly kept is not', () => {
  const [before, after] = [1, 2].map((seed) => makeReport({ seed, seconds: 6 }));
  const { verdict, warnings } = compare(
    [before!],
    [after!],
    [
      ...['latency.p99 +1%', 'latency.p99 +90%', 'rate -60%'],
      ...['latency.p50 +0.01ms', 'lost +1'],
    ],
  );
  expect(verdict).toBe('pass');
  expect(warnings).toEqual([
    expect.stringMatching(
      /^latency\.p99 \+1%: cannot be told, the change is between -[\d.]+% and \+[\d.]+%; hold/,
    ),
    expect.stringMatching(/^latency\.p50 \+0\.01ms: cannot be told/),
  ]);
});

test('a figure that was not measured meets no budget', () => {
  const none = { upToMs: [], counts: [], minMs: 0, maxMs: 0, sumMs: 0, negative: 0 };
  const histograms = { ...base.histograms, latency: none, latencyParts: [] };
  const found = compare([base], [{ ...base, histograms }], ['latency.p99 +10%']);
  expect(outcomeOf(found, 'latency.p99')).toBe('unknown');
  expect(found.verdict).toBe('fail');
});

test('runs of different setups are refused with what differs, unless forced', () => {
  const config = { ...base.config, connections: 9, channels: ['A.trade'] };
  const runs = [[runOf(base, 'a.json')], [runOf({ ...base, config }, 'b.json')]] as const;
  const none: readonly Budget[] = [];
  expect(() => compareRuns(...runs, { budgets: none, isForced: false })).toThrow(
    /^connections differs: 500 in a.json, 9 in b.json\nchannels differs: /,
  );
  const { warnings } = compareRuns(...runs, { budgets: none, isForced: true });
  expect(warnings).toContain('connections differs: 500 in a.json, 9 in b.json');
});

test.each([
  ['rampDownMs', 9_000],
  ['searchMax', 9],
  ['send', ['{"op":"subscribe"}']],
] as const)('%s makes a test another one', (name, value) => {
  const other = { ...base, config: { ...base.config, [name]: value } };
  expect(() => compare([base], [other])).toThrow(`${name} differs: `);
});

test('what is to be minded about several runs is said once', () => {
  const short = makeReport({ seconds: 3 });
  const other = { ...short, config: { ...short.config, mix: ['trader=1'] } };
  const paths = ['a.json', 'b.json', 'c.json', 'd.json'];
  const [a, b, c, d] = paths.map((path, at) => runOf(at < 2 ? short : other, path));
  const { warnings } = compareRuns([a!, b!], [c!, d!], { budgets: [], isForced: true });
  expect(warnings).toEqual([
    'mix differs: none in a.json and b.json, trader=1 in c.json and d.json',
    'a.json and b.json and c.json and d.json: fewer than 5 intervals of latency are too few to tell change from noise',
  ]);
});

test('another machine, an interrupted and an inconclusive run are warned of', () => {
  const machine = { ...base.machine, cpus: 64 };
  const { warnings } = compare(
    [{ ...base, verdict: 'interrupted', holdMs: 2_000 }],
    [{ ...base, verdict: 'inconclusive', machine }],
  );
  expect(warnings).toEqual([
    'cpus: 2 in run.json, 64 in run.json',
    'run.json: the run was interrupted',
    'run.json: clients were held for 2.0s only',
    'run.json: the load generator was the bottleneck',
  ]);
});

test('text and Markdown show every figure and what was not to be', () => {
  const found = compare([withLost(0)], [withLost(3)], ['lost +1']);
  const text = comparisonText(found);
  expect(text).toMatch(/^lost +0 +3 +– +WORSE$/m);
  expect(text).toContain('VERDICT fail\n  FAILED  lost +1');
  const markdown = comparisonMarkdown(found);
  expect(markdown).toContain('### Load test comparison: fail');
  expect(markdown).toContain('| lost | 0 | 3 | – |  | WORSE |');
  expect(markdown).toContain('| lost +1 | FAILED |');
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
      '--fail-on: lost changes by %, got "lost +1ms"',
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
