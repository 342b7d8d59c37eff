/** Tests of text-report.ts: what a run's figures say to people. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import type { LoadTestReport } from '../results/report.ts';
import { kindOf } from '../socket/error-classes.ts';
import { foldedLines } from './folded-lines.ts';
import { trialLine } from './search-tables.ts';
import { formatReport } from './text-report.ts';

const base = makeReport({ seconds: 1 });

const seen = { atMs: Date.parse(base.startedAt) + 1_500, late: 0, skipped: 0 };

function reportWith(changes: Partial<LoadTestReport>): LoadTestReport {
  return {
    ...base,
    durationMs: 32_140,
    holdMs: 30_000,
    connections: { ...base.connections, target: 12_345 },
    messages: { ...base.messages, received: 1_234_567 },
    latencyMs: { p50: 0.5, p95: 12, p99: 345, max: 6_789, mean: 1, count: 900_000, negative: 0 },
    errors: [
      { class: 'open-close-1001', ...kindOf('open-close-1001'), count: 1, example: 'first' },
    ],
    gaps: [
      { connection: 3, channel: 'BTC.trade', after: null, got: 9, lost: 1, atLeast: true, ...seen },
    ],
    generator: {
      ...base.generator,
      workers: 2,
      cpuPercent: 40.4,
      loopDelayP99Ms: 2,
      rssBytes: 1e8,
    },
    server: { closeCodes: { 1001: 1 } },
    ...changes,
  };
}

test('the text says the verdict and its reasons first', () => {
  const text = formatReport(reportWith({ verdict: 'fail', reasons: ['1 event was lost'] }));
  expect(text.split('\n').slice(0, 2)).toEqual(['VERDICT fail', '  - 1 event was lost']);
});

test('the text holds the figures', () => {
  const text = formatReport(reportWith({}));
  for (const part of [
    '12 345 asked for',
    '1 234 567 received, 30 000/s in the hold phase',
    'p50 0.50ms  p95 12.0ms  p99 345ms  max 6.79s',
    '32.1s in all, held for 30.0s',
    '1001 ×1',
    'open-close-1001: first',
    'client 3, BTC.trade: at least 1 between the subscription and 9',
    '2 workers, CPU 40% of a core',
  ]) {
    expect(text).toContain(part);
  }
});

test('no line is longer than 80 columns', () => {
  const long = 'x'.repeat(300);
  const errors = Array.from({ length: 30 }, () => ({
    class: 'unknown' as const,
    ...kindOf('unknown'),
    count: 1e9,
    example: `${long}\n${long}`,
  }));
  const text = formatReport(reportWith({ url: `ws://${long}`, errors, reasons: [long] }));
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(80);
  expect(text).toContain('and 22 more');
});

test('what is said in words is broken between them, not cut off', () => {
  const reasons = [`latency.p99 < 50ms: ${'a reason of many words '.repeat(6).trim()}`];
  const lines = formatReport(reportWith({ reasons })).split('\n').slice(1, 4);
  expect(lines.map((line) => line.slice(0, 4))).toEqual(['  - ', '    ', '    ']);
  expect(lines.map((line) => line.trim()).join(' ')).toBe(`- ${reasons[0]}`);
});

test('a narrow terminal parts no figure from its name', () => {
  const lines = formatReport(reportWith({}), 40).split('\n');
  const at = lines.findIndex((line) => line.startsWith('latency'));
  expect(lines.slice(at, at + 2)).toEqual([
    'latency    p50 0.50ms  p95 12.0ms',
    '           p99 345ms  max 6.79s',
  ]);
  const rows = lines.slice(0, lines.indexOf('errors'));
  expect(Math.max(...rows.map((line) => line.length))).toBeLessThanOrEqual(40);
});

test('a narrow terminal parts no word and no number of a trial', () => {
  const line = trialLine('connections', {
    ...{ level: 1_000, purpose: 'step', verdict: 'fail', startMs: 0, durationMs: 1 },
    reasons: [
      'latency.p99 < 50ms: was 80ms',
      '12 events were lost',
      'the server closed 17 of them',
    ],
    ...{ active: 1_000, failed: 0, receivedPerSecond: 48_210, lost: 12, cpuPercent: 1 },
    latencyMs: { p50: 1, p99: 80, max: 90, count: 9 },
  });
  const lines = foldedLines('           ', line, 40).map((one) => one.trim());
  expect(foldedLines('', 'all 48 210 events, 0 lost', 14)).toEqual([
    'all',
    '48 210 events,',
    '0 lost',
  ]);
  expect(Math.max(...lines.map((one) => one.length))).toBeLessThanOrEqual(29);
});

test('what a server said drives no terminal', () => {
  const reasons = ['one\u001b[2J\u202etwo\nthree'];
  const text = formatReport(reportWith({ reasons, url: 'ws://\u0007/' }));
  expect(text).toContain('  - one\uFFFD[2J\uFFFDtwo three\n');
  expect(text).toContain('ws://\uFFFD/, v2');
});

test('a run without latency says so', () => {
  const none = { p50: null, p95: null, p99: null, max: null };
  const latencyMs = { ...none, mean: null, count: 0, negative: 0 };
  const text = formatReport(reportWith({ latencyMs, connectMs: none, holdMs: 0 }));
  expect(text).toContain('no event was received in the hold phase');
  expect(text).toMatch(/^connect +p50 – {2}p95 – {2}p99 – {2}max –$/m);
});
