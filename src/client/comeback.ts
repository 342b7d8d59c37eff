/** Comeback: whether and when a client returns, by the code it was closed with and its attempts. */

/** `soon` is with back-off; `with-token` needs another token first. */
export type Comeback = 'at-once' | 'soon' | 'with-token' | 'never';

/** What a close code asks for; the table is in `protocol/disconnects.ts`. */
export function comebackOf(code: number): Comeback {
  if (code === 4501) return 'with-token';
  if (code === 4002) return 'at-once';
  // 1008 and 1009 blame what this client says, and it would say the same again.
  return code === 1008 || code === 1009 || (code >= 4500 && code < 5000) ? 'never' : 'soon';
}

/** Bounds of the back-off, in milliseconds. */
export interface BackoffBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Wait before attempt `attempt` (0 is the first): uniform in [0, min(max, min × 2^attempt)), so that
 * those who were disconnected together do not return together.
 */
export function waitMs(attempt: number, { minMs, maxMs }: BackoffBounds, random: () => number) {
  return random() * Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
}
