/** Latency between two reports: what a share of the events in between had at most. */
import type { LatencyReport } from './status-report.ts';

/**
 * In milliseconds, on a line within its bucket; beyond the last bound, that bound. Undefined when
 * there were no events in between.
 */
export function quantileBetweenMs(
  before: LatencyReport,
  now: LatencyReport,
  share: number,
): number | undefined {
  const rank = share * (now.count - before.count);
  if (rank <= 0) return undefined;
  let [lowMs, below] = [0, 0];
  for (const [at, { le_ms, count }] of now.buckets.entries()) {
    const upTo = count - (before.buckets[at]?.count ?? 0);
    if (le_ms === null) break;
    if (upTo >= rank && upTo > below)
      return lowMs + ((le_ms - lowMs) * (rank - below)) / (upTo - below);
    [lowMs, below] = [le_ms, upTo];
  }
  return lowMs;
}
