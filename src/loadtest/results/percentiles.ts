/** The percentiles of times that every report has. */
import type { Histogram } from '../../base/histogram.ts';

/** In milliseconds; null where nothing was measured. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** The same, and of how many times they are. */
export interface CountedPercentiles extends Percentiles {
  readonly count: number;
}

/** Those of the times in a histogram. */
export function percentilesOf(histogram: Histogram): Percentiles {
  if (histogram.count === 0) return { p50: null, p95: null, p99: null, max: null };
  return {
    p50: histogram.percentile(50),
    p95: histogram.percentile(95),
    p99: histogram.percentile(99),
    max: histogram.maxMs,
  };
}
