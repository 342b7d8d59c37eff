/** Rate: a token bucket in one number, the time at which the bucket would be full again. */

/** So many at once, then so many per second. */
export interface Rate {
  /** Per second; 0 is unlimited. */
  readonly perSecond: number;
  /** At least 1. */
  readonly burst: number;
}

/** Milliseconds until the next is allowed, by the time `fullAtMs` of a bucket; 0 is now. */
export function waitMs({ perSecond, burst }: Rate, fullAtMs: number, nowMs: number): number {
  if (perSecond === 0) return 0;
  const intervalMs = 1_000 / perSecond;
  return Math.max(0, fullAtMs - nowMs - (burst - 1) * intervalMs);
}

/** The new `fullAtMs` of a bucket after one was taken, which {@link waitMs} must have allowed. */
export function afterTaking({ perSecond }: Rate, fullAtMs: number, nowMs: number): number {
  return perSecond === 0 ? 0 : Math.max(fullAtMs, nowMs) + 1_000 / perSecond;
}
