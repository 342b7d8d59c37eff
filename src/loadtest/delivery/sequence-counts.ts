/** What goes wrong with deliveries, as it is counted. */

/** Deliveries that went wrong, counted per client and event. */
export interface SequenceCounts {
  /** Never arrived although the connection was up. */
  readonly lost: number;
  /** Of these, those that no later event of their channel followed. */
  readonly lostAtEnd: number;
  /** Arrived again. */
  readonly duplicated: number;
  /** Arrived after a later event of the same channel; not lost. */
  readonly reordered: number;
  /** Of these, those that filled a gap. */
  readonly late: number;
  /** Sent while the client was between two connections and did not resume; at least this many. */
  readonly missedWhileDisconnected: number;
  /** The same of clients that had left by themselves; at least this many. */
  readonly missedOnPurpose: number;
  /** Sent while the client was away, received after it resumed. */
  readonly healed: number;
  /** Missed while away, and the server said that it cannot give them again; at least this many. */
  readonly unrecovered: number;
  /** Left out for a client that lags, as the server told it. */
  readonly skipped: number;
  /** Of a channel that the client did not ask for. */
  readonly unexpected: number;
  /** Gaps beyond the limit of those remembered: they count as lost and cannot heal. */
  readonly gapsUntracked: number;
  /** First events of clients before which nobody looked for lost ones, for want of room. */
  readonly firstEventsUnchecked: number;
  /**
   * Not read by slow clients when their time was over, at least this many: nobody knows whether they
   * were sent.
   */
  readonly unread: number;
}
