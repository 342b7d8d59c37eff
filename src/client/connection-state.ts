/** Whether a client is connected, and how that changes. */

/** `waiting` for the next attempt, `offline` for a network; `closed` is final. */
export type ConnectionState = 'idle' | 'connecting' | 'open' | 'waiting' | 'offline' | 'closed';

/** A change of {@link ConnectionState}. */
export interface StateChange {
  readonly state: ConnectionState;
  readonly previous: ConnectionState;
  /** Close code of the connection that ended; 0 when this client gave it up. */
  readonly code?: number;
  readonly reason?: string;
  /** Time until the next attempt, in milliseconds. */
  readonly retryMs?: number;
}
