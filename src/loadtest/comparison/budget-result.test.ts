/** Tests of budget-result.ts: what runs cannot tell is no pass. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { Histogram } from '../../base/histogram.ts';
import type { LoadTestReport } from '../results/report.ts';
import { parseBudgets } from './budget.ts';
import { type ComparisonOptions, compareRuns } from './comparison.ts';
import { comparisonMarkdown, comparisonText } from './comparison-text.ts';

const sideOf = (reports: readonly LoadTestReport[], name: string) =>
  reports.map((report, at) => ({ path: `${name}${at + 1}.json`, report }));

function judge(
  before: readonly LoadTestReport[],
  after: readonly LoadTestReport[],
  budgets: readonly string[],
  options: Omit<ComparisonOptions, 'budgets'> = {},
) {
  const sides = [sideOf(before, 'before'), sideOf(after, 'after')] as const;
  return compareRuns(...sides, { budgets: parseBudgets(budgets), ...options });
}

const [before, after] = [1, 2].map((seed) => makeReport({ seed, seconds: 6 }));
const tight = [
  'latency.p99 +1%',
  'latency.p99 +90%',
  'latency.p50 +0.01ms',
  'rate -60%',
  'lost +1',
];

test('a budget that noise hides is undecided, one that is clearly kept is not', () => {
  const { verdict, budgets } = judge([before!], [after!], tight);
  expect(verdict).toBe('inconclusive');
  expect(budgets.map(({ ok }) => ok)).toEqual([false, true, false, true, true]);
  expect(budgets[0]?.undecided).toMatch(/^the change lies between -[\d.]+% and \+[\d.]+%$/);
  expect(budgets.map(({ undecided }) => undecided !== null)).toEqual([
    ...[true, false, true, false, false],
  ]);
});

test('what noise hides passes where that is asked for, and is said all the same', () => {
  const { verdict, budgets } = judge([before!], [after!], tight, { allowsNoise: true });
  expect(verdict).toBe('pass');
  expect(budgets.every(({ ok }) => ok)).toBe(true);
  expect(budgets[0]?.undecided).toMatch(/^the change lies between/);
});

test('one broken budget fails, whatever is undecided beside it', () => {
  const slow = makeReport({ seed: 2, seconds: 6, slower: 1.5 });
  const { verdict, budgets } = judge([before!], [slow], ['rate -0.1%', 'latency.p99 +10%']);
  expect(budgets.map(({ ok, undecided }) => [ok, undecided !== null])).toEqual([
    [false, true],
    [false, false],
  ]);
  expect(verdict).toBe('fail');
});

test('a change that is seen and may be too large is undecided, too', () => {
  const slow = makeReport({ seed: 2, seconds: 30, slower: 1.08 });
  const { figures, budgets } = judge(
    [makeReport({ seed: 1, seconds: 30 })],
    [slow],
    ['latency.p50 +9%'],
  );
  const { outcome, changePercent } = figures.find(({ metric }) => metric === 'latency.p50')!;
  expect(outcome).toBe('worse');
  expect(changePercent).toBeLessThan(9);
  expect(budgets[0]).toMatchObject({ ok: false, undecided: expect.stringMatching(/^the change/) });
});

test('what runs of one side differ by themselves hides a change as large', () => {
  const [slow, fast] = [1.2, 1].map((slower, at) => makeReport({ seed: at, seconds: 30, slower }));
  const later = [1.11, 1.09].map((slower, at) => makeReport({ seed: 9 + at, seconds: 30, slower }));
  const { budgets } = judge([slow!, fast!], later, ['latency.p50 +10%', 'latency.p50 +40%']);
  expect(budgets.map(({ ok }) => ok)).toEqual([false, true]);
});

test.each([
  [1, ['latency.p99 +10%', 'rate -10%'], 'inconclusive'],
  // Noise may look like this as well, whichever of the two comes first.
  [1.2, ['latency.p99 +10%', 'latency.mean +1ms', 'rate +0'], 'inconclusive'],
  [1 / 1.2, ['latency.p99 -1%'], 'inconclusive'],
  // No run tells how much these vary: what was measured counts.
  [1, ['latency.max +900%', 'connect.p99 +900%', 'lost +1'], 'pass'],
] as const)(
  'runs too short for bounds, %d times as slow, with %o: %s',
  (slower, texts, verdict) => {
    const [one, two] = [1, slower].map((times, at) =>
      makeReport({ seed: 1 + at, seconds: 3, slower: times }),
    );
    const found = judge([one!], [two!], texts);
    expect(found.verdict).toBe(verdict);
    expect(found.warnings).toContain(
      'before1.json and after1.json: ' +
        'fewer than 5 intervals of latency are too few to tell change from noise',
    );
  },
);

const withLost = (
  report: LoadTestReport,
  lost: number | null,
  lostAtEnd: number | null = 0,
): LoadTestReport => ({
  ...report,
  messages: { ...report.messages, lost, lostAtEnd },
});

test.each(['inconclusive', 'interrupted'] as const)(
  'no budget passes on a run that was %s',
  (verdict) => {
    const poor = { ...makeReport({ seed: 2, slower: 0.5 }), verdict };
    const texts = ['latency.p99 +10%', 'lost +1'];
    const found = judge([makeReport({ seed: 1 })], [poor], texts, { allowsNoise: true });
    expect(found.verdict).toBe('inconclusive');
    expect(found.budgets[0]?.undecided).toBe(`after1.json: the run was ${verdict}`);
    // Slow or not, events that were lost were lost.
    const lossy = judge([makeReport({ seed: 1 })], [withLost(poor, 3)], texts);
    expect(lossy.budgets.map(({ undecided }) => undecided === null)).toEqual([false, true]);
    expect(lossy.verdict).toBe('fail');
    // What only lacks at the end may have been on its way, and what nobody can tell is no loss.
    for (const [lost, atEnd] of [
      [3, 3],
      [null, null],
    ] as const) {
      const late = judge([makeReport({ seed: 1 })], [withLost(poor, lost, atEnd)], ['lost +1']);
      expect(late.budgets[0]).toMatchObject({ ok: false, undecided: expect.any(String) });
    }
  },
);

test('what runs do not measure as they are set is refused, with what it takes', () => {
  expect(() => judge([before!], [after!], ['ack.p99 +10%', 'return.p50 +1%'])).toThrow(
    [
      '--fail-on: ack.p99 can only be told where subscriptions change: --churn 5/s: not so in before1.json and after1.json',
      '--fail-on: return.p50 can only be told with storms: --storm 10s:20%: not so in before1.json and after1.json',
    ].join('\n'),
  );
});

test('what could have been measured and was not is undecided, with the reason', () => {
  const [one, two] = [before!, after!].map((report) => ({
    ...report,
    config: { ...report.config, churn: '5/s' },
  }));
  const texts = ['ack.p99 +10%'];
  const found = judge([one!], [two!], texts, { allowsNoise: true });
  expect(found.verdict).toBe('inconclusive');
  const reason =
    'nothing was measured in any of the runs: no change of subscriptions was acknowledged';
  expect(found.budgets).toMatchObject([{ ok: false, undecided: reason }]);
});

test('what was measured before and is gone fails, with the reason, in every form', () => {
  const acks = new Histogram();
  acks.record(5, 10);
  const [one, two] = [before!, after!].map((report, at) => ({
    ...report,
    config: { ...report.config, churn: '5/s' },
    histograms: { ...report.histograms, ...(at === 0 && { ack: acks.toRecord() }) },
  }));
  const found = judge([one!], [two!], ['ack.p99 +10%'], { allowsNoise: true });
  const lack = 'nothing was measured after: no change of subscriptions was acknowledged';
  expect(found.verdict).toBe('fail');
  expect(found.budgets).toMatchObject([{ ok: false, undecided: null, lack }]);
  expect(comparisonText(found).replaceAll(/\s+/g, ' ')).toContain(`FAILED ack.p99 +10%: ${lack}`);
  expect(comparisonMarkdown(found)).toContain(`FAILED: ${lack}`);
  const poor = judge([one!], [{ ...two!, verdict: 'inconclusive' }], ['ack.p99 +10%']);
  expect(poor.budgets).toMatchObject([
    { ok: false, undecided: 'after1.json: the run was inconclusive', lack },
  ]);
});
