/** What a bridge counts, over all of its sessions. */
import type { Places } from './places.ts';

/** Counts are records. */
export interface CarryCounts {
  /** Sent by this process, and confirmed by the target, or found in it later. */
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

/** What became of a record. */
export type Fate = 'carried' | 'present' | 'skipped';

/** A position of the source; see `lanes.ts`. */
export interface LanePlace {
  readonly lane: string;
  readonly partition: number;
  readonly offset: number;
}

/** Counts a record of a place, unless the place, or one behind it, was counted in `counted` before. */
export function countOnce(
  { counts, counted }: { readonly counts: CarryCounts; readonly counted: Places },
  { lane, partition, offset }: LanePlace,
  fate: Fate,
): void {
  if (offset < (counted.next(lane, partition) ?? 0)) return;
  counted.raise(lane, partition, offset + 1);
  counts[fate] += 1;
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
