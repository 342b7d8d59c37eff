/** A mergeable log-linear histogram of milliseconds: bounded memory whatever the run length. */

/**
 * Values are kept in microseconds: exact below 256 µs, then 128 linear steps per power of two, so
 * a percentile is at most 0.8 % above the true value. Above about 19 hours values are clamped.
 */
const subBuckets = 128;
const exactBelow = subBuckets * 2;
const octaves = 28;
const bucketCount = exactBelow + octaves * subBuckets;
const maxInt32 = 2 ** 31 - 1;
const minBuckets = 64;

/** What a histogram looks like between processes: the buckets that hold any, ascending. */
export interface HistogramSnapshot {
  readonly buckets: readonly number[];
  /** How many values each of them holds. */
  readonly counts: readonly number[];
  readonly minMs: number;
  readonly maxMs: number;
  readonly sumMs: number;
  readonly negative: number;
}

/** What a histogram looks like in a file: readable without knowing how values are grouped. */
export interface HistogramRecord {
  /** The highest value of each group that holds any, in milliseconds, ascending. */
  readonly upToMs: readonly number[];
  /** How many values each group holds. */
  readonly counts: readonly number[];
  readonly minMs: number;
  readonly maxMs: number;
  readonly sumMs: number;
  readonly negative: number;
}

/** Times of events are whole milliseconds: by so much a duration may be below zero for no other reason. */
const roundingMs = 1;

/** Counts of durations in milliseconds. Negative values count as zero, see also {@link negative}. */
export class Histogram {
  /** As far as values have come: most are short, and many histograms stay empty. */
  #counts = new Float64Array(0);
  #count = 0;
  #sumMs = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;
  /** Values below zero by more than 1 ms: a sign that two clocks disagree. */
  negative = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  get minMs(): number {
    return this.#count === 0 ? 0 : this.#minMs;
  }

  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  /** Adds `times` observations of `ms`. */
  record(ms: number, times = 1): void {
    let value = ms;
    if (value < 0) {
      if (value < -roundingMs) this.negative += times;
      value = 0;
    }
    this.#add(bucketOf(value), times);
    this.#sumMs += value * times;
    if (value < this.#minMs) this.#minMs = value;
    if (value > this.#maxMs) this.#maxMs = value;
  }

  /** The value in milliseconds at or below which `percent` (0–100) of the observations lie. */
  percentile(percent: number): number {
    if (this.#count === 0) return 0;
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank) return Math.min(upperBoundMs(bucket), this.#maxMs);
    }
    return this.#maxMs;
  }

  /** What was recorded after `earlier`, an older state of this histogram; its extremes are rounded. */
  since(earlier: Histogram | undefined): Histogram {
    const later = new Histogram();
    if (earlier === undefined) {
      later.merge(this.snapshot());
      return later;
    }
    const buckets: number[] = [];
    const counts: number[] = [];
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      const count = (this.#counts[bucket] as number) - (earlier.#counts[bucket] ?? 0);
      if (count <= 0) continue;
      buckets.push(bucket);
      counts.push(count);
    }
    const [lowest, highest] = [buckets[0] ?? 0, buckets.at(-1) ?? 0];
    later.merge({
      ...{ buckets, counts },
      minMs: Math.max(upperBoundMs(lowest), this.minMs),
      maxMs: Math.min(upperBoundMs(highest), this.#maxMs),
      sumMs: Math.max(0, this.#sumMs - earlier.#sumMs),
      negative: Math.max(0, this.negative - earlier.negative),
    });
    return later;
  }

  /** A copy for a file. */
  toRecord(): HistogramRecord {
    const { buckets, ...rest } = this.snapshot();
    return {
      upToMs: buckets.map(upperBoundMs),
      ...rest,
      minMs: this.minMs,
    };
  }

  /** The histogram that a file holds, exactly as it was. */
  static fromRecord({ upToMs, counts, ...rest }: HistogramRecord): Histogram {
    const histogram = new Histogram();
    histogram.merge({ ...rest, buckets: upToMs.map(bucketOf), counts });
    return histogram;
  }

  /** Adds everything another histogram holds. */
  merge(other: HistogramSnapshot): void {
    const { buckets, counts } = other;
    // The highest first, which makes all the room at once.
    for (let at = buckets.length - 1; at >= 0; at--) {
      this.#add(buckets[at] as number, counts[at] ?? 0);
    }
    this.#sumMs += other.sumMs;
    this.negative += other.negative;
    if (buckets.length === 0) return;
    this.#minMs = Math.min(this.#minMs, other.minMs);
    this.#maxMs = Math.max(this.#maxMs, other.maxMs);
  }

  /** A compact copy to send to another process. */
  snapshot(): HistogramSnapshot {
    const buckets: number[] = [];
    const counts: number[] = [];
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      const count = this.#counts[bucket] as number;
      if (count <= 0) continue;
      buckets.push(bucket);
      counts.push(count);
    }
    const { minMs, maxMs, negative } = this;
    return { buckets, counts, minMs, maxMs, sumMs: this.#sumMs, negative };
  }

  #add(bucket: number, count: number): void {
    if (bucket >= this.#counts.length) {
      const larger = new Float64Array(Math.min(bucketCount, 2 * bucket + minBuckets));
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#counts[bucket] = (this.#counts[bucket] as number) + count;
    this.#count += count;
  }
}

function bucketOf(ms: number): number {
  const micros = Math.round(ms * 1_000);
  if (micros < exactBelow) return micros;
  // Bit operations, many times faster than logarithms and powers, reach as far as 36 minutes.
  if (micros <= maxInt32) {
    const octave = 24 - Math.clz32(micros);
    return octave * subBuckets + (micros >>> octave);
  }
  const octave = Math.floor(Math.log2(micros)) - 7;
  if (octave > octaves) return bucketCount - 1;
  const within = Math.floor(micros / 2 ** octave) - subBuckets;
  return exactBelow + (octave - 1) * subBuckets + within;
}

function upperBoundMs(bucket: number): number {
  if (bucket < exactBelow) return bucket / 1_000;
  const octave = Math.floor((bucket - exactBelow) / subBuckets) + 1;
  const within = (bucket - exactBelow) % subBuckets;
  return ((subBuckets + within + 1) * 2 ** octave - 1) / 1_000;
}
