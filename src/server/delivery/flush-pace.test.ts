/** How far apart flushes are: by their cost, up to a limit, and further when the guard says so. */
import { expect, test, vi } from 'vitest';
import { FlushPace } from './flush-pace.ts';

function paceAfter(flushMs: number, limitMs: number, shards = 0, everyMs?: number): FlushPace {
  const pace = new FlushPace(limitMs, () => {}, shards);
  for (let flush = 0; flush < 100; flush++) pace.flushed(flushMs);
  if (everyMs === undefined) return pace;
  for (let batch = 0; batch < 200; batch++) {
    // Events of one batch are taken at once.
    for (let event = 0; event < 3; event++) pace.offered(1_000 + batch * everyMs);
  }
  return pace;
}

test.each([
  ['cheap flushes', 1, 50, 4],
  ['dear flushes', 100, 50, 50],
  ['no waiting at all', 100, 0, 0],
])('with %s the wait follows their cost, up to the limit', (_title, flushMs, limitMs, waitMs) => {
  const pace = paceAfter(flushMs, limitMs);
  expect(pace.intervalMs).toBeCloseTo(waitMs, 3);
  pace.stretch = 2;
  expect(pace.intervalMs).toBeCloseTo(2 * waitMs, 3);
  pace.stretch = 1;
  expect(pace.intervalMs).toBeCloseTo(waitMs, 3);
});

test.each([
  ['for no longer than a flush takes while that leaves most of its time', 100, 10],
  ['longer as flushes for each batch would take more of it', 33.3, 25],
  ['longest as they would take all of it', 10, 40],
])('a process waits %s', (_title, everyMs, waitMs) => {
  expect(paceAfter(10, 50, 0, everyMs).intervalMs).toBeCloseTo(waitMs, 0);
});

test('the second batch already tells how often they come', () => {
  const pace = paceAfter(10, 50);
  pace.offered(1_000);
  expect(pace.intervalMs).toBeCloseTo(40, 0);
  pace.offered(1_100);
  expect(pace.intervalMs).toBeCloseTo(10, 0);
});

test.each([1, 2, 3, 8])('in %i shards an event is as late as in one process', (shards) => {
  for (const [flushMs, everyMs] of [0.5, 3, 12, 25].flatMap(
    (ms) =>
      [
        [ms, 20],
        [ms, 1],
      ] as const,
  )) {
    const alone = paceAfter(flushMs, 50, 0, everyMs).intervalMs;
    const inShard = paceAfter(flushMs / shards, 50, shards, everyMs).intervalMs;
    // Half of the time between flushes, and half of the flush until it is the client's turn.
    const lateAlone = (alone + flushMs) / 2 + flushMs / 2;
    const lateInShard = inShard / 2 + flushMs / shards / 2;
    expect(lateInShard).toBeCloseTo(lateAlone, 3);
    expect(inShard).toBeGreaterThan(alone);
  }
});

test('the wait of a shard is bounded too, and no waiting is no waiting', () => {
  expect(paceAfter(1_000, 50, 3).intervalMs).toBeCloseTo(100, 3);
  expect(paceAfter(1_000, 0, 3).intervalMs).toBe(0);
});

test.each([
  ['one process waits the whole interval', 0, 35, 41],
  ['a shard waits half of it, since the primary process waits too', 3, 43, 48],
])('between two flushes %s', (_title, shards, tooEarlyMs, dueMs) => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let flushes = 0;
    // Intervals of 40 ms and of 93 ms.
    const flushMs = shards === 0 ? 10 : 8.6;
    const pace = new FlushPace(50, () => flushes++, shards);
    for (let flush = 0; flush < 100; flush++) pace.flushed(flushMs);
    pace.request();
    vi.advanceTimersByTime(tooEarlyMs);
    pace.request();
    expect(flushes).toBe(0);
    vi.advanceTimersByTime(dueMs - tooEarlyMs);
    expect(flushes).toBe(1);
  } finally {
    vi.useRealTimers();
  }
});
