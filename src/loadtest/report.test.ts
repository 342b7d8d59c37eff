/** Tests of report.ts, progress.ts and verdict.ts: what a run's figures say to people. */
import { expect, test } from 'vitest';
import { configSchema } from '../config/schema.ts';
import { createProgressMeter, formatMs, formatProgress } from './progress.ts';
import { formatReport, type LoadTestReport } from './report.ts';
import { totalsOf } from './totals.ts';
import { failuresOf, verdictOf } from './verdict.ts';
import type { WorkerReport } from './worker-messages.ts';

const histogram = { buckets: [[1_500, 10]] as const, minMs: 1, maxMs: 90, sumMs: 50, negative: 1 };

function workerReport(changes: Partial<WorkerReport['messages']> = {}): WorkerReport {
  return {
    connections: { opened: 5, failed: 0, dropped: 1, moved: 0, reconnected: 1, active: 5 },
    messages: { ...totalsOf([]).messages, received: 10, ...changes },
    latency: histogram,
    connect: histogram,
    errors: [{ class: 'open-close-1001', count: 1, example: 'first' }],
    gaps: [{ connection: 3, channel: 'BTC.trade', after: null, got: 9, lost: 1, atLeast: true }],
    closeCodes: [[1001, 1]],
    generator: { cpuPercent: 40, loopDelayP99Ms: 2, rssBytes: 1_000 },
  };
}

const state = (report: WorkerReport | undefined, exit?: { code: number; stderr: string }) => ({
  clients: 5,
  report,
  exit: exit && { ...exit, signal: null },
});

test('the figures of all workers add up, and those of the machine are the worst', () => {
  const busy = { cpuPercent: 90, loopDelayP99Ms: 1, rssBytes: 500 };
  const totals = totalsOf([state(workerReport()), state({ ...workerReport(), generator: busy })]);
  expect(totals.connections).toEqual({
    opened: 10,
    failed: 0,
    dropped: 2,
    moved: 0,
    reconnected: 2,
    active: 10,
  });
  expect(totals.messages.received).toBe(20);
  expect(totals.latency.count).toBe(20);
  expect(totals.latency.negative).toBe(2);
  expect(totals.errors.list()).toEqual([{ class: 'open-close-1001', count: 2, example: 'first' }]);
  expect(totals.closeCodes).toEqual(new Map([[1001, 2]]));
  expect(totals.generator).toEqual({ cpuPercent: 90, loopDelayP99Ms: 2, rssBytes: 1_500 });
});

test('clients of a worker that died count as failed', () => {
  const stderr = 'stack\nRangeError: too much\n    at x';
  const totals = totalsOf([state(workerReport()), state(workerReport(), { code: 1, stderr })]);
  expect(totals.connections).toMatchObject({ opened: 5, failed: 5, active: 5 });
  expect(totals.errors.list()[0]).toEqual({
    class: 'local-worker-died',
    count: 5,
    example: 'exit code 1: RangeError: too much',
  });
  expect(failuresOf(totals)[0]).toBe('1 worker process died (exit code 1: RangeError: too much)');
});

test('a run without any fault passes', () => {
  const failures = failuresOf(totalsOf([state(workerReport())]));
  expect(failures).toEqual([]);
  expect(verdictOf(failures, false)).toBe('pass');
  expect(verdictOf(failures, true)).toBe('interrupted');
});

test.each([
  [{ lost: 1 }, '1 event was lost'],
  [{ lost: 2_000 }, '2 000 events were lost'],
  [{ unrecovered: 2 }, '2 events were missed while disconnected and not recovered'],
  [{ duplicated: 1 }, '1 event was received twice'],
  [{ reordered: 3 }, '3 events were received out of order'],
  [{ unexpected: 1 }, '1 event was of channels not subscribed to'],
  [{ badMessages: 2 }, '2 messages could not be read'],
  [{ seqBreaks: 1 }, '1 seq number did not follow the one before'],
  [{ received: 0 }, 'no event was received: is a publisher running on these channels?'],
])('%o fails the run', (messages, reason) => {
  const failures = failuresOf(totalsOf([state(workerReport(messages))]));
  expect(failures).toEqual([reason]);
  expect(verdictOf(failures, false)).toBe('fail');
});

test('a lost connection that came back passes, one that did not fails', () => {
  const report = workerReport();
  const away = { ...report, connections: { ...report.connections, active: 4 } };
  expect(failuresOf(totalsOf([state(away)]))).toEqual([
    '1 client did not come back after a lost connection (open-close-1001 ×1)',
  ]);
});

test('what was missed while disconnected does not fail the run', () => {
  expect(failuresOf(totalsOf([state(workerReport({ missedWhileDisconnected: 5 }))]))).toEqual([]);
});

function reportWith(changes: Partial<LoadTestReport>): LoadTestReport {
  const totals = totalsOf([state(workerReport())]);
  return {
    schemaVersion: 1,
    startedAt: '2025-01-01T00:00:00.000Z',
    durationMs: 32_140,
    holdMs: 30_000,
    url: 'ws://127.0.0.1:3004/ws',
    config: configSchema.parse({}).loadtest,
    connections: { target: 12_345, ...totals.connections },
    messages: { ...totals.messages, received: 1_234_567 },
    latencyMs: { p50: 0.5, p95: 12, p99: 345, max: 6_789, mean: 1, count: 900_000, negative: 0 },
    connectMs: { p50: 1, p95: 2, p99: 3, max: 4 },
    errors: totals.errors.list(),
    gaps: totals.gaps,
    generator: { workers: 2, cpuPercent: 40.4, loopDelayP99Ms: 2, rssBytes: 1e8 },
    server: { closeCodes: { 1001: 1 } },
    verdict: 'pass',
    reasons: [],
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
    count: 1e9,
    example: `${long}\n${long}`,
  }));
  const text = formatReport(reportWith({ url: `ws://${long}`, errors, reasons: [long] }));
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(80);
  expect(text).toContain('and 22 more');
});

test('a run without latency says so', () => {
  const latencyMs = { p50: 0, p95: 0, p99: 0, max: 0, mean: 0, count: 0, negative: 0 };
  expect(formatReport(reportWith({ latencyMs, holdMs: 0 }))).toContain(
    'no event was received in the hold phase',
  );
});

test('the progress line tells the rate since the line before', () => {
  const measure = createProgressMeter(5);
  measure(totalsOf([state(workerReport())]), 'ramp', 1_000);
  const progress = measure(totalsOf([state(workerReport({ received: 5_010 }))]), 'hold', 3_000);
  expect(progress.receivedPerSecond).toBe(2_500);
  expect(formatProgress(progress)).toMatch(
    /^3s hold {4}5\/5 open {2}2 500 ev\/s {2}p50 \S+ {2}p99 /,
  );
});

test('a progress line has at most 78 columns', () => {
  const line = formatProgress({
    elapsedMs: 1e8,
    phase: 'settle',
    target: 1e6,
    opened: 1e6,
    active: 1e6,
    failed: 1e6,
    receivedPerSecond: 1e8,
    lost: 1e8,
    p50: 99_999,
    p99: 99_999,
  });
  expect(line.length).toBeLessThanOrEqual(78);
});

test('milliseconds have two to three digits that matter', () => {
  expect([0.4, 4.25, 42, 420, 4_200].map(formatMs)).toEqual([
    '0.40ms',
    '4.3ms',
    '42.0ms',
    '420ms',
    '4.20s',
  ]);
});
