/** The events of a channel that are known, in their order: to count fast what many clients lack of them. */

/** One event that a client of the worker received. */
export interface KnownEvent {
  readonly offset: number;
  /** Offset of the event before it; NaN when the server did not know. */
  readonly prev: number;
  /** See `ChannelBook.dueAtMs`. */
  readonly dueAtMs: number;
}

/** Events at one moment; later ones are not in it. */
export class EventOrder {
  /** Ascending, without holes that nobody received. */
  readonly #offsets: Float64Array;
  /** By place: when the first of this event and all later ones was due, in milliseconds since 1970. */
  readonly #dueFromMs: Float64Array;

  constructor(events: readonly KnownEvent[]) {
    const dueAtMs = new Map<number, number>();
    // What another event names as the one before it has been, though nobody received it.
    for (const { prev } of events) if (!Number.isNaN(prev)) dueAtMs.set(prev, Number.NaN);
    for (const event of events) dueAtMs.set(event.offset, event.dueAtMs);
    this.#offsets = Float64Array.from(dueAtMs.keys()).sort();
    // Of such an event nobody knows when it was due, but for not before the one before it.
    let beforeMs = Number.NEGATIVE_INFINITY;
    this.#dueFromMs = this.#offsets.map((offset) => {
      const ownMs = dueAtMs.get(offset) as number;
      if (!Number.isNaN(ownMs)) beforeMs = ownMs;
      return beforeMs;
    });
    for (let at = this.#offsets.length - 2; at >= 0; at--) {
      const laterMs = this.#dueFromMs[at + 1] as number;
      this.#dueFromMs[at] = Math.min(this.#dueFromMs[at] as number, laterMs);
    }
  }

  /** How many events there are behind `after`, up to `last`. */
  countBetween(after: number, last: number): number {
    return Math.max(0, placeAbove(this.#offsets, last) - placeAbove(this.#offsets, after));
  }

  /** How many there are up to `last` that were due after `sinceMs`, as were all between them. */
  countSince(sinceMs: number, last: number): number {
    return Math.max(0, placeAbove(this.#offsets, last) - placeAbove(this.#dueFromMs, sinceMs));
  }
}

/** Place of the first of `ascending` values that is above `limit`. */
function placeAbove(ascending: Float64Array, limit: number): number {
  let [from, to] = [0, ascending.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((ascending[middle] as number) > limit) to = middle;
    else from = middle + 1;
  }
  return from;
}
