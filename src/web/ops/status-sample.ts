/** Status sample: what the charts show of one moment, from two status reports in a row. */
import type { LatencyReport, StatusReport } from '../../protocol/status-report.ts';

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
  return {
    ms: report.time_ms,
    report,
    ingestedPerSecond: rate(messages.ingested, earlier?.messages.ingested),
    deliveredPerSecond: rate(messages.delivered, earlier?.messages.delivered),
    p50Ms: earlier ? quantileMs(latency, earlier.latency, 0.5) : null,
    p99Ms: earlier ? quantileMs(latency, earlier.latency, 0.99) : null,
    shardPerSecond: shards.map(({ shard, pid, delivered }) => {
      const then = earlier?.shards.find((other) => other.shard === shard && other.pid === pid);
      return rate(delivered, then?.delivered);
    }),
  };
}

function isSameNode(
  { node, process: { pid } }: StatusReport,
  { node: otherNode, process: { pid: otherPid } }: StatusReport,
): boolean {
  return node === otherNode && pid === otherPid;
}

/**
 * The latency that a share of the events between two reports had at most, on a line within its bucket;
 * null when there were none, the last bound for what is above it.
 */
function quantileMs(now: LatencyReport, then: LatencyReport, share: number): number | null {
  const rank = share * (now.count - then.count);
  if (rank <= 0) return null;
  let [lowerMs, below] = [0, 0];
  for (const [at, { le_ms: upperMs, count }] of now.buckets.entries()) {
    const upTo = count - (then.buckets[at]?.count ?? 0);
    if (upperMs === null) return lowerMs;
    if (upTo >= rank && upTo > below)
      return lowerMs + ((upperMs - lowerMs) * (rank - below)) / (upTo - below);
    [lowerMs, below] = [upperMs, upTo];
  }
  return lowerMs;
}
