/** How latencies are spread, in steps of 1, 2 and 5. */
import { Histogram, type HistogramRecord } from '../../base/histogram.ts';
import { formatCount, formatMs } from '../../base/units.ts';
import type { Table } from './tables.ts';

/** Latencies above the step before and at most `upToMs`. */
export interface Step {
  readonly upToMs: number;
  readonly count: number;
}

/** From the step of the lowest value to that of the highest; empty when there is none. */
export function stepsOf(record: HistogramRecord): Step[] {
  const { upToMs, counts } = record;
  if (upToMs.length === 0) return [];
  const steps: { upToMs: number; count: number }[] = [];
  let next = 0;
  for (const bound of bounds()) {
    let count = 0;
    while (next < upToMs.length && (upToMs[next] as number) <= bound) count += counts[next++] ?? 0;
    if (count > 0 || steps.length > 0) steps.push({ upToMs: bound, count });
    if (next >= upToMs.length) break;
  }
  return steps;
}

/** 0.1 ms, 0.2, 0.5, 1 … beyond what a histogram can hold. */
function* bounds(): Generator<number> {
  for (let exponent = -1; exponent < 9; exponent++) {
    // Powers of ten below one have no exact form: divided, they print as people write them.
    for (const digit of [1, 2, 5]) yield exponent < 0 ? digit / 10 : digit * 10 ** exponent;
  }
}

/** The steps with their share, and the share of all that came until then. */
export function distributionTable(record: HistogramRecord): Table {
  const total = Histogram.fromRecord(record).count;
  let until = 0;
  return {
    title: 'Latency distribution',
    header: ['up to', 'events', 'share', 'until here'],
    rows: stepsOf(record).map(({ upToMs, count }) => {
      until += count;
      const shares = [count, until].map((part) => `${((100 * part) / total).toFixed(2)}%`);
      return [formatMs(upToMs), formatCount(count), ...shares];
    }),
  };
}
