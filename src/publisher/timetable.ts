/** What a market publishes beside its rate: each kind at its own interval. */

/** The kinds, by the channel that they go to. */
export type GlobalKind = 'trending' | 'new_listing';

interface Entry {
  readonly kind: GlobalKind;
  readonly intervalMs: number;
  nextMs: number;
}

/** Planned times of each kind: at the start and every interval after it, but for the start itself. */
export class Timetable {
  readonly #entries: readonly Entry[];

  /** Intervals are in milliseconds; a kind with 0 never comes. */
  constructor(intervals: Readonly<Record<GlobalKind, number>>, startMs: number) {
    this.#entries = (['trending', 'new_listing'] as const)
      .map((kind) => ({ kind, intervalMs: intervals[kind], nextMs: startMs + intervals[kind] }))
      .filter(({ intervalMs }) => intervalMs > 0);
  }

  /** When the next one is due; Infinity when none ever is. */
  get nextMs(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#entries.map(({ nextMs }) => nextMs));
  }

  /** Takes the next one, due or not; undefined when there is none. */
  take(): GlobalKind | undefined {
    const dueMs = this.nextMs;
    const entry = this.#entries.find(({ nextMs }) => nextMs === dueMs);
    if (entry === undefined) return undefined;
    entry.nextMs += entry.intervalMs;
    return entry.kind;
  }

  /** How many are due at `nowMs` and not taken. */
  behind(nowMs: number): number {
    let due = 0;
    for (const { nextMs, intervalMs } of this.#entries) {
      if (nowMs >= nextMs) due += Math.floor((nowMs - nextMs) / intervalMs) + 1;
    }
    return due;
  }
}
