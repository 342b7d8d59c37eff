/** What two status reports in a row say of the time between them. */
import { expect, test } from 'vitest';
import type { StatusReport } from '../../protocol/status-report.ts';
import { sampleOf, timeSpan } from './status-sample.ts';

/** As much of a report as is looked at; `counts` are events up to 1, 10, 100 ms and in all. */
function report(seconds: number, delivered: number, counts: readonly number[], pid = 1) {
  const bounds = [1, 10, 100, null];
  return {
    ...{ node: 'n', time_ms: seconds * 1_000, monotonic_ms: seconds * 1_000, process: { pid } },
    messages: { ingested: delivered / 10, delivered },
    latency: {
      count: counts.at(-1),
      buckets: bounds.map((le_ms, at) => ({ le_ms, count: counts[at] })),
    },
    shards: [
      { shard: 0, pid: 10, delivered },
      { shard: 1, pid: delivered, delivered: 5 },
    ],
  } as unknown as StatusReport;
}

test('rates and latency are of the time between two reports', () => {
  const sample = sampleOf(
    report(2, 300, [100, 200, 200, 200]),
    report(0, 100, [100, 100, 100, 100]),
  );
  expect(sample).toMatchObject({
    ...{ ms: 2_000, deliveredPerSecond: 100, ingestedPerSecond: 10 },
    // All hundred took 1 to 10 ms.
    p50Ms: 5.5,
    // The second shard was replaced in between.
    shardPerSecond: [100, null],
  });
  expect(sample.p99Ms).toBeCloseTo(9.91);
});

test('what is above the last bound counts as the last bound', () => {
  const sample = sampleOf(report(1, 10, [0, 0, 0, 10]), report(0, 0, [0, 0, 0, 0]));
  expect(sample.p99Ms).toBe(100);
});

test('where nothing happened, or counting began anew, nothing is said', () => {
  const counts = [1, 1, 1, 1];
  const [before, again] = [report(0, 100, counts), report(1, 100, counts)];
  expect(sampleOf(again, before)).toMatchObject({ deliveredPerSecond: 0, p99Ms: null });
  for (const other of [undefined, report(0, 100, counts, 2)])
    expect(sampleOf(again, other)).toMatchObject({ deliveredPerSecond: null, p50Ms: null });
});

test('a chart of few samples shows the minute before the newest', () => {
  const of = (...seconds: number[]) => timeSpan(seconds.map((second) => ({ ms: second * 1_000 })));
  expect(of(1_000)).toEqual([940, 1_000]);
  expect(of(998, 999, 1_000)).toEqual([940, 1_000]);
  expect(of(400, 700, 1_000)).toEqual([400, 1_000]);
  expect(of()).toEqual([null, null]);
});
