/** Tests of comparison-text.ts: every figure and budget is to be seen, on a narrow terminal too. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { parseBudgets } from './budget.ts';
import { type Comparison, compareRuns } from './comparison.ts';
import { comparisonMarkdown, comparisonText } from './comparison-text.ts';

const before = makeReport({ seed: 1 });
const slow = makeReport({ seed: 2, slower: 1.3 });
const after = { ...slow, messages: { ...slow.messages, lost: 3 } };
const texts = ['lost +1', 'rate -0.1%', 'latency.p50 +50%'];
const found = compareRuns(
  [{ path: 'a.json', report: before }],
  [{ path: 'b.json', report: after }],
  { budgets: parseBudgets(texts) },
);
const undecided = compareRuns(
  [{ path: 'a.json', report: before }],
  [{ path: 'b.json', report: after }],
  { budgets: parseBudgets(['rate -0.1%']) },
);
const widthOf = (text: string) => Math.max(...text.split('\n').map((line) => line.length));

test('the text shows every figure and what was not to be', () => {
  const text = comparisonText(found);
  expect(text).toMatch(/^lost +0 +3 +– +WORSE$/m);
  expect(text).toMatch(
    /^latency\.p50 +[\d.]+ms +[\d.]+ms +\+2\d\.\d% +\+[\d.]+% … \+[\d.]+% +WORSE$/m,
  );
  expect(text).toMatch(
    /\nVERDICT fail\n {2}FAILED {5}lost \+1\n {2}UNDECIDED {2}rate -0.1%: the change lies between -/,
  );
  expect(text).toMatch(/\n {2}ok {9}latency\.p50 \+50%$/);
  expect(widthOf(text)).toBeLessThanOrEqual(80);
});

test('on a narrow terminal each figure takes two lines', () => {
  const lines = comparisonText(found, 50).split('\n');
  const at = lines.findIndex((line) => line.startsWith('latency.p50'));
  expect(lines[at]).toBe('latency.p50      WORSE');
  expect(lines[at + 1]).toMatch(/^ {2}[\d.]+ms → [\d.]+ms, \+2\d\.\d% \(\+[\d.]+% … \+[\d.]+%\)$/);
  expect(lines).toContain('duplicated       no change: 0');
  for (const columns of [40, 50, 60]) {
    expect(widthOf(comparisonText(found, columns))).toBeLessThanOrEqual(columns);
  }
});

test('a wide terminal gets the table of any other, and no longer lines of text', () => {
  expect(comparisonText(found, 200)).toBe(comparisonText(found));
});

test('what is undecided is followed by what to do about it', () => {
  expect(comparisonText(undecided)).toMatch(
    /\nVERDICT inconclusive\n[\s\S]*\n\nWhat is undecided has not passed: hold clients for longer/,
  );
  expect(comparisonText(found)).not.toContain('has not passed');
});

test('of runs that are too short for intervals, the text says why there are none, and what to do', () => {
  const compareShort = (seconds: number, budgets: readonly string[] = []) => {
    const runOf = (seed: number) => [{ path: `${seed}`, report: makeReport({ seed, seconds }) }];
    return compareRuns(runOf(1), runOf(2), { budgets: parseBudgets(budgets) });
  };
  const reason = /without an interval, the runs are too short for one: it takes events in 5 of/;
  const remedy = /old clients for longer/g;
  for (const show of [comparisonText, comparisonMarkdown]) {
    const plain = (comparison: Comparison) => show(comparison).replaceAll(/\s+/g, ' ');
    const short = plain(compareShort(4));
    expect(short).toMatch(reason);
    expect(short).toMatch(
      / Hold clients for longer \(--duration 10s or more\), and give several runs/,
    );
    expect(plain(compareShort(4, ['latency.p99 +10%'])).match(remedy)).toHaveLength(1);
    expect(plain(compareShort(5))).not.toMatch(reason);
  }
});

test('Markdown shows the same', () => {
  const markdown = comparisonMarkdown({ ...found, warnings: ['cpus: 2 in a|b.json'] });
  expect(markdown).toContain('### Load test comparison: fail');
  expect(markdown).toContain('| lost | 0 | 3 | – |  | WORSE |');
  expect(markdown).toContain('| lost +1 | FAILED |');
  expect(markdown).toMatch(/\| rate -0\.1% \| UNDECIDED: the change lies between -/);
  expect(markdown).toContain('- cpus: 2 in a\\|b.json');
  expect(comparisonMarkdown(undecided)).toContain('### Load test comparison: inconclusive');
});
