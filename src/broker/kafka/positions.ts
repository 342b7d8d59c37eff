/** Where a consumer stands in each partition, kept by odin itself and not by kafkajs. */
import type { LostRange, PartitionBounds } from '../broker.ts';
import type { PartitionStart } from './topics.ts';

/** A partition, and the offset to read it from. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  /** Offset of the next record to hand over. */
  next: number;
  /** What the next record of the broker will get, as far as is known. */
  high: number;
  /** Everything below was in the broker when reading began. */
  readonly goal: number;
  /** A batch that began above `next` was seen once, and sent for again. */
  isSuspect: boolean;
}

/** What {@link Positions.compare} found to have gone wrong in one partition. */
export interface Trouble {
  readonly place: Place;
  /** Records below are gone, or the partition now ends before what was read from it. */
  readonly kind: 'overtaken' | 'shrunk';
  readonly low: number;
}

/** All places of a consumer. */
export class Positions {
  readonly #places = new Map<string, Place>();
  readonly #seenAt = new Map<Place, { next: number; kind: Trouble['kind'] }>();
  #isSound = true;
  /** A place that reached its goal once stays out, wherever it goes from there. */
  readonly #behindGoal = new Set<Place>();
  #reachGoal: (() => void) | undefined;
  /** Resolves when every place has reached its goal. */
  readonly caughtUp: Promise<void>;

  constructor(starts: readonly PartitionStart[]) {
    this.caughtUp = new Promise((resolve) => {
      this.#reachGoal = resolve;
    });
    for (const { topic, partition, start, high } of starts) {
      const place = { topic, partition, next: start, high, goal: high, isSuspect: false };
      this.#places.set(keyOf(topic, partition), place);
      if (start < high) this.#behindGoal.add(place);
    }
    this.#finishIfDone();
  }

  /** The place in a partition that is read. */
  find(topic: string, partition: number): Place | undefined {
    return this.#places.get(keyOf(topic, partition));
  }

  /** The place in a partition; one that appeared since is read from its first record. */
  at(topic: string, partition: number): Place {
    const key = keyOf(topic, partition);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = { topic, partition, next: 0, high: 0, goal: 0, isSuspect: false };
      this.#places.set(key, place);
    }
    return place;
  }

  all(): Iterable<Place> {
    return this.#places.values();
  }

  /** Moves a place to `next`, wherever it was. */
  move(place: Place, next: number): void {
    place.next = next;
    place.high = Math.max(place.high, next);
    place.isSuspect = false;
    if (next >= place.goal && this.#behindGoal.delete(place)) this.#finishIfDone();
  }

  /** Resolves {@link caughtUp} although places are behind: the consumer ends. */
  giveUp(): void {
    this.#reachGoal?.();
  }

  /** Records that the broker holds and that were not handed over. */
  lagRecords(): number {
    let lag = 0;
    for (const { next, high } of this.#places.values()) lag += Math.max(0, high - next);
    return lag;
  }

  /** The records from `place.next` up to `end`, which is not included. */
  lost({ topic, partition, next }: Place, end: number): LostRange {
    return { topic, partition, from: next, to: end - 1 };
  }

  /** Whether at the last look no place was off what the broker held, not even for the first time. */
  get isSound(): boolean {
    return this.#isSound;
  }

  /**
   * Takes in what the broker holds now. Tells of places that are off what it holds, once that was
   * so at two calls without the place having moved: what is under way may still explain the first.
   */
  compare(bounds: readonly PartitionBounds[]): Trouble[] {
    const troubles: Trouble[] = [];
    this.#isSound = true;
    for (const { topic, partition, low, high } of bounds) {
      const place = this.at(topic, partition);
      const kind = low > place.next ? 'overtaken' : high < place.next ? 'shrunk' : undefined;
      if (kind !== 'shrunk') place.high = high;
      const before = this.#seenAt.get(place);
      this.#seenAt.delete(place);
      if (kind === undefined) continue;
      this.#isSound = false;
      if (before?.next === place.next && before.kind === kind) troubles.push({ place, kind, low });
      else this.#seenAt.set(place, { next: place.next, kind });
    }
    return troubles;
  }

  #finishIfDone(): void {
    if (this.#behindGoal.size === 0) this.#reachGoal?.();
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic} ${partition}`;
}
