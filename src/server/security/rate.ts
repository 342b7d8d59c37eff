/** Rate: token buckets in one number each, which keep their fill when the rate changes. */

/** So many at once, then so many per second. */
export interface RateSettings {
  /** Per second; 0 is unlimited. */
  readonly perSecond: number;
  /** At least 1. */
  readonly burst: number;
}

/** Waits are told in microseconds: what is less is rounding. */
const stepsPerMs = 1_000;

/**
 * A rate runs a clock that counts the tokens it has made since time began. A bucket is the reading
 * of that clock at which it will be full again, so taking one is adding one, and 0 is a full bucket.
 */
export class Rate {
  #perSecond: number;
  #burst: number;
  /** The clock's reading when the rate was last changed, and when that was. */
  #tokens = 0;
  #changedMs = 0;

  constructor({ perSecond, burst }: RateSettings) {
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  get isUnlimited(): boolean {
    return this.#perSecond === 0;
  }

  /** From now on buckets fill this fast; what was taken out of them stays out. */
  change({ perSecond, burst }: RateSettings, nowMs: number): void {
    this.#tokens = this.#clock(nowMs);
    this.#changedMs = nowMs;
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Milliseconds until one more may be taken out of `bucket`; 0 is now. */
  waitMs(bucket: number, nowMs: number): number {
    if (this.#perSecond === 0) return 0;
    const missing = bucket - this.#clock(nowMs) - (this.#burst - 1);
    const waitMs = (missing / this.#perSecond) * 1_000;
    return Math.max(0, Math.round(waitMs * stepsPerMs) / stepsPerMs);
  }

  /** `bucket` after one was taken out of it, which {@link waitMs} must have allowed. */
  afterTaking(bucket: number, nowMs: number): number {
    return this.#perSecond === 0 ? bucket : Math.max(bucket, this.#clock(nowMs)) + 1;
  }

  isFull(bucket: number, nowMs: number): boolean {
    return bucket <= this.#clock(nowMs);
  }

  #clock(nowMs: number): number {
    return this.#tokens + ((nowMs - this.#changedMs) * this.#perSecond) / 1_000;
  }
}
