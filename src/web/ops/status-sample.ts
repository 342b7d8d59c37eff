/** Status sample: what the charts show of one moment, from two status reports in a row. */
import { quantileBetweenMs } from '../../protocol/latency-between.ts';
import type { StatusReport } from '../../protocol/status-report.ts';

const minSpanMs = 60_000;

/** One moment. What is not known is null. */
export interface StatusSample {
  /** When the report was made, in milliseconds since 1970. */
  readonly ms: number;
  readonly report: StatusReport;
  readonly ingestedPerSecond: number | null;
  readonly deliveredPerSecond: number | null;
  /** Of the events between the two reports. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Messages that each shard delivered per second. */
  readonly shardPerSecond: readonly (number | null)[];
}

/** A moment that says nothing: the server could not be asked. */
export interface Silence {
  readonly ms: number;
  readonly report?: undefined;
}

/** Counts start anew with the node, and those of a shard with its process. */
export function sampleOf(report: StatusReport, before: StatusReport | undefined): StatusSample {
  const earlier = before !== undefined && isSameNode(before, report) ? before : undefined;
  const seconds = earlier ? (report.monotonic_ms - earlier.monotonic_ms) / 1_000 : 0;
  const rate = (now: number, then: number | undefined) =>
    then === undefined || now < then || seconds <= 0 ? null : (now - then) / seconds;
  const { messages, shards, latency } = report;
  const latencyMs = (share: number) =>
    (earlier && quantileBetweenMs(earlier.latency, latency, share)) ?? null;
  return {
    ms: report.time_ms,
    report,
    ingestedPerSecond: rate(messages.ingested, earlier?.messages.ingested),
    deliveredPerSecond: rate(messages.delivered, earlier?.messages.delivered),
    p50Ms: latencyMs(0.5),
    p99Ms: latencyMs(0.99),
    shardPerSecond: shards.map(({ shard, pid, delivered }) => {
      const then = earlier?.shards.find((other) => other.shard === shard && other.pid === pid);
      return rate(delivered, then?.delivered);
    }),
  };
}

/**
 * The time that a chart of samples, oldest first, shows, in seconds since 1970: at least the minute
 * before the newest, since marks on the axis would repeat themselves below. Null without samples.
 */
export function timeSpan(
  samples: readonly Pick<StatusSample, 'ms'>[],
): [from: number, to: number] | [from: null, to: null] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return [null, null];
  return [Math.min(first.ms, last.ms - minSpanMs) / 1_000, last.ms / 1_000];
}

function isSameNode(
  { node, process: { pid } }: StatusReport,
  { node: otherNode, process: { pid: otherPid } }: StatusReport,
): boolean {
  return node === otherNode && pid === otherPid;
}
