/** When a client that could not get in, or lost its connection, tries again. */
import { type Backoff, backoffMs } from '../base/backoff.ts';
import { disconnects } from '../protocol/disconnects.ts';
import type { ConnectionEnd } from './connection.ts';
import { maxRetryAfterMs } from './plan.ts';

/** How patient clients are. */
export interface Patience {
  /** Attempts of a client that was never in. */
  readonly connectAttempts: number;
  /** Attempts of a client that lost its connection. */
  readonly reconnectAttempts: number;
}

/** At most 2 s, so that clients are back soon after a server is. */
const reconnectBackoff: Backoff = { baseMs: 250, maxMs: 2_000 };

/** Clients that never were open try again only when the server invites them to. */
export function mayReturn(
  { closeCode, retryAfterMs }: ConnectionEnd,
  { connectAttempts, reconnectAttempts }: Patience,
  attempt: number,
  wasOpen: boolean,
): boolean {
  if (!wasOpen) return retryAfterMs !== undefined && attempt + 1 < connectAttempts;
  if (attempt >= reconnectAttempts) return false;
  return closeCode === undefined || isInvited(closeCode);
}

/** How long to wait before attempt `attempt`, which the server may ask for too. */
export function returnDelayMs({ retryAfterMs = 0 }: ConnectionEnd, attempt: number): number {
  return Math.min(retryAfterMs, maxRetryAfterMs) + backoffMs(attempt, reconnectBackoff);
}

function isInvited(closeCode: number): boolean {
  const known = Object.values(disconnects).find(({ code }) => code === closeCode);
  return known?.mayReturn ?? closeCode < 4_500;
}
