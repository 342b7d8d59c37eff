/** How long to wait before attempt n: exponential growth with full jitter. */

/** Limits of a {@link backoffMs} schedule, in milliseconds. */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * Delay before retry `attempt` (0 is the first retry): uniform in [0, min(max, base × 2^attempt)).
 * The jitter comes after the ceiling, so clients at the ceiling do not return together.
 */
export function backoffMs(
  attempt: number,
  { baseMs, maxMs }: Backoff,
  random = Math.random,
): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
}
