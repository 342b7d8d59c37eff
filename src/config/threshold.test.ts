/** Tests of threshold.ts. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseThresholds, thresholdMetrics } from './threshold.ts';

test.each([
  ['latency.p99 < 50ms', 'latency.p99', '<', 50],
  ['latency.p999<=1.5s', 'latency.p999', '<=', 1_500],
  ['latency.max < 50', 'latency.max', '<', 50],
  ['connect.success > 99.9%', 'connect.success', '>', 99.9],
  ['  lost == 0 ', 'lost', '==', 0],
  ['rate >= 1000/s', 'rate', '>=', 1_000],
  ['dropped != 3', 'dropped', '!=', 3],
])('%j is one condition', (text, metric, operator, limit) => {
  expect(parseThresholds(text)).toEqual([
    expect.objectContaining({ metric, operator, limit, abortAfterMs: undefined }),
  ]);
});

test('& joins conditions, and abort holds for all of them', () => {
  expect(parseThresholds('latency.p99<50 ms & lost == 0 abort after 1m30s')).toEqual([
    {
      expression: 'latency.p99 < 50ms',
      metric: 'latency.p99',
      operator: '<',
      limit: 50,
      abortAfterMs: 90_000,
    },
    { expression: 'lost == 0', metric: 'lost', operator: '==', limit: 0, abortAfterMs: 90_000 },
  ]);
  expect(parseThresholds('lost == 0 abort')).toMatchObject([{ abortAfterMs: 0 }]);
});

test('every metric can be read', () => {
  for (const metric of thresholdMetrics.keys()) {
    expect(parseThresholds(`${metric} > 1`)).toMatchObject([{ metric }]);
  }
});

test.each([
  ['', 0, /expected a metric such as/],
  ['latency.p98 < 50ms', 0, /unknown metric latency\.p98, did you mean latency\.p9\d?/],
  ['LOST == 0', 0, /unknown metric LOST, did you mean lost\?/],
  ['wibble < 5', 0, /unknown metric wibble; one of/],
  ['lost = 0', 5, /expected one of <= >= == != < >/],
  ['latency.p99 < fast', 14, /expected a time in ms or s/],
  ['latency.p99 < 50m', 16, /latency\.p99 is a time in ms or s/],
  ['lost == 0%', 9, /lost is a plain number/],
  ['lost == 0 & ', 12, /expected a metric/],
  ['lost == 0 or dropped == 0', 10, /lost is a plain number/],
  ['lost == 0 abort after soon', 22, /expected a duration/],
  ['latency.p99 < 0ms', 14, /no run can meet this: latency\.p99 is 0 or more/],
  ['lost == -1', 8, /no run can meet this: lost is 0 or more/],
  ['connect.success > 100%', 18, /no run can meet this: connect\.success is from 0% to 100%/],
  ['lost == 0 abort now', 16, /expected &, abort or the end/],
  ['lost == 0 ; dropped == 0', 10, /expected &, abort or the end/],
])('%j is refused with a caret at %d', (text, at, message) => {
  const complaint = parseThresholds(text);
  if (typeof complaint !== 'string') throw new Error('was taken');
  const [why, shown, caret] = complaint.split('\n');
  expect(why).toMatch(message);
  expect(shown).toBe(`  ${text}`);
  expect(caret).toBe(`  ${' '.repeat(at)}^`);
});

test('the caret is in its place also where a condition goes on in another line', () => {
  expect(parseThresholds('lost == 0 &\n\tfailed = 0')).toBe(
    'expected one of <= >= == != < >\n  lost == 0 &  failed = 0\n                      ^',
  );
});

test('every metric is explained', () => {
  const page = readFileSync('docs/loadtest.md', 'utf8');
  const missing = [...thresholdMetrics.keys()].filter((metric) => !page.includes(`\`${metric}\``));
  expect(missing).toEqual([]);
});
