/** When a client that could not get in, or lost its connection, tries again. */
import { backoffMs } from '../../base/backoff.ts';
import { disconnects } from '../../protocol/disconnects.ts';
import { maxRetryAfterMs } from '../plan/plan.ts';
import type { ConnectionEnd } from '../socket/connection-owner.ts';
import { kindOf } from '../socket/error-classes.ts';

/** How patient clients are. */
export interface Patience {
  /** Attempts of a client that was never in. */
  readonly connectAttempts: number;
  /** Whether it makes them only when the server asks for it, or whatever went wrong. */
  readonly connectRetry: 'invited' | 'any';
  /** Its waits grow from this to that, in milliseconds. */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Attempts of a client that lost its connection. */
  readonly reconnectAttempts: number;
}

/** Whether a client tries again; what asking again cannot mend, it does not ask again. */
export function mayReturn(
  end: ConnectionEnd,
  { connectAttempts, connectRetry, reconnectAttempts }: Patience,
  attempt: number,
  wasOpen: boolean,
): boolean {
  const { closeCode, retryAfterMs } = end;
  if (!wasOpen) {
    const isAsked = retryAfterMs !== undefined || (connectRetry === 'any' && mayPass(end));
    return isAsked && attempt + 1 < connectAttempts;
  }
  if (attempt >= reconnectAttempts) return false;
  return closeCode === undefined || isInvited(closeCode);
}

/** How long to wait before attempt `attempt`, which the server may ask for too. */
export function returnDelayMs(
  { retryAfterMs = 0 }: ConnectionEnd,
  { backoffBaseMs: baseMs, backoffMaxMs: maxMs }: Patience,
  attempt: number,
): number {
  return Math.min(retryAfterMs, maxRetryAfterMs) + backoffMs(attempt, { baseMs, maxMs });
}

/** Whether another attempt may end otherwise: not with the wrong path, token or protocol. */
function mayPass({ class: name, closeCode }: ConnectionEnd): boolean {
  const { phase, cause } = kindOf(name);
  if (phase === 'local' || phase === 'unknown' || phase === 'tls') return false;
  if (closeCode !== undefined) return isInvited(closeCode);
  if (cause.startsWith('status-')) return cause === 'status-429' || /-5\d\d$/.test(cause);
  return ['refused', 'timeout', 'reset', 'unreachable', 'closed'].includes(cause);
}

function isInvited(closeCode: number): boolean {
  const known = Object.values(disconnects).find(({ code }) => code === closeCode);
  return known?.mayReturn ?? closeCode < 4_500;
}

/** Longest wait that a notice may ask for before a client reconnects. */
const maxNoticeMs = 300_000;

/** How long to stay after a notice that asks for `afterMs`, whatever that is; in milliseconds. */
export function noticeDelayMs(afterMs: number): number {
  return Math.min(Math.max(0, afterMs || 0), maxNoticeMs);
}
