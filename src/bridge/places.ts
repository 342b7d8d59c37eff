/** For each partition, the offset to go on with; it only ever grows. */

/** One partition of {@link Places}. */
export interface Place {
  /** See `lanes.ts`: a topic, or the stream. */
  readonly lane: string;
  readonly partition: number;
  /** Everything below is done. */
  readonly next: number;
}

interface MutablePlace extends Place {
  next: number;
}

/** A place in each partition that was heard of. */
export class Places {
  readonly #byLane = new Map<string, MutablePlace[]>();

  /** The offset to go on with; undefined when nothing is known of the partition. */
  next(lane: string, partition: number): number | undefined {
    return this.#byLane.get(lane)?.[partition]?.next;
  }

  /** Moves a place forward to `next`; never back. */
  raise(lane: string, partition: number, next: number): void {
    let ofLane = this.#byLane.get(lane);
    if (ofLane === undefined) {
      ofLane = [];
      this.#byLane.set(lane, ofLane);
    }
    const place = ofLane[partition];
    if (place === undefined) ofLane[partition] = { lane, partition, next };
    else if (next > place.next) place.next = next;
  }

  /** Raises each place to that of `other`. */
  raiseAll(other: Places): void {
    for (const { lane, partition, next } of other.all()) this.raise(lane, partition, next);
  }

  /** All places, by lane and partition. */
  all(): Place[] {
    // A partition that was not heard of is a hole, which `flat` leaves out.
    return [...this.#byLane.values()].flat();
  }
}
