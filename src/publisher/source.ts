/** Where the publisher's events come from, and when each of them is due. */
import type { OutgoingRecord } from '../broker/broker.ts';

/** Events with planned times on the publisher's clock. It starts stopped. */
export interface Source extends AsyncDisposable {
  /** Called when something became due sooner than `waitMs` said, or the source ended. */
  onReady: () => void;
  /** Whether nothing will ever be due again. */
  readonly ended: boolean;
  /** Set when the source broke; it has ended then. */
  readonly error: Error | undefined;
  start(nowMs: number): void;
  /** Makes nothing more due. Returns how many events were due at `nowMs` and will never be sent. */
  stop(nowMs: number): number;
  /** Records due at `nowMs` and not yet taken, in order, at most `limit`. They count as taken. */
  take(nowMs: number, limit: number): OutgoingRecord[];
  /** Milliseconds until the next record is due; Infinity when none is known. */
  waitMs(nowMs: number): number;
  /** Records that are due at `nowMs` and not taken. */
  behind(nowMs: number): number;
}
