/** Counts of values by size, kept as plain numbers for a Prometheus histogram. */

/** What was counted, as it arrives from another process. */
export interface CountedBuckets {
  /** Upper bounds, growing; values above the last are in none but in {@link count}. */
  readonly bounds: readonly number[];
  /** How many values fell into each bucket, not added up. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** Values up to each bound; made for the hot path, read at the scrape. */
export class BucketCounts implements CountedBuckets {
  readonly bounds: readonly number[];
  readonly counts: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.count++;
    this.sum += value;
    const bucket = this.bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) this.counts[bucket] = (this.counts[bucket] as number) + 1;
  }

  /** Adds what was counted elsewhere, with the same bounds. */
  add({ counts, count, sum }: CountedBuckets): void {
    this.count += count;
    this.sum += sum;
    for (let at = 0; at < this.counts.length; at++) {
      this.counts[at] = (this.counts[at] as number) + (counts[at] ?? 0);
    }
  }

  clear(): void {
    this.count = 0;
    this.sum = 0;
    this.counts.fill(0);
  }
}

/**
 * Estimate of the value that a share of all values is at most, from 0 to 1: on a line within its
 * bucket, and the last bound for what is above it. Undefined when nothing was counted.
 */
export function quantileOf(
  { bounds, counts, count }: CountedBuckets,
  share: number,
): number | undefined {
  if (count === 0) return undefined;
  const rank = share * count;
  let below = 0;
  for (const [at, upper] of bounds.entries()) {
    const inside = counts[at] as number;
    if (inside > 0 && below + inside >= rank) {
      const lower = bounds[at - 1] ?? 0;
      return lower + (upper - lower) * Math.max(0, (rank - below) / inside);
    }
    below += inside;
  }
  return bounds.at(-1);
}
