/** Counts of values by size, kept as plain numbers for a Prometheus histogram. */

/** Values up to each bound; made for the hot path, read at the scrape. */
export class BucketCounts {
  /** Upper bounds, growing; values above the last are in none but in {@link count}. */
  readonly bounds: readonly number[];
  /** How many values fell into each bucket, not added up. */
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
}
