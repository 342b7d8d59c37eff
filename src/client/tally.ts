/** Tally: what a client has counted since it was made. */

/** Plain counts; read them through `OdinClient.stats`. */
export interface Tally {
  /** Events that went to the application. */
  events: number;
  /** Events that came once more and were left out. */
  duplicates: number;
  /** Events of subscriptions that are over, and those that came before what was missing. */
  ignored: number;
  /** Holes that were filled within a connection. */
  recovered: number;
  /** Gaps that the application was told of. */
  gaps: number;
  /** Connections that were established. */
  connections: number;
}

/** All at zero. */
export function createTally(): Tally {
  return { events: 0, duplicates: 0, ignored: 0, recovered: 0, gaps: 0, connections: 0 };
}
