/** What a bridge counts, over all of its sessions. */

/** Counts are records. */
export interface CarryCounts {
  /** Sent by this process, and confirmed by the target. */
  carried: number;
  /** Found in the target: a run before sent them, and ended before it knew. */
  present: number;
  /** Not carried: no key, no text, or nothing that the target takes. Each was logged, or counted. */
  skipped: number;
  /** Gone from the source before they could be read: positions, some of which may never have been. */
  lost: number;
  /** Sessions that failed and were followed by another. */
  failures: number;
}

/** How a bridge stands. */
export interface CarryStatus extends CarryCounts {
  /** Records per second in the last seconds. */
  readonly rate: number;
  /** Records that the source holds and the target does not, as far as is known. */
  readonly lag: number;
  readonly elapsedMs: number;
}

/** All counts at 0. */
export function createCounts(): CarryCounts {
  return { carried: 0, present: 0, skipped: 0, lost: 0, failures: 0 };
}
