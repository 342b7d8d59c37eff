/** DeliveryEstimate: how many deliveries events will make in shards that have not said so yet. */

/** Weight of the newest word of a shard in its average. */
const newestWeight = 0.5;

/**
 * A limited broadcast rate holds the broker, which cannot wait for what shards say a moment later.
 * So each event counts as many deliveries as the events before it made on average, and what was
 * too much or too little is put right when the shards say what it was. Of a shard that has said
 * nothing yet, each client counts.
 */
export class DeliveryEstimate {
  readonly #perEvent = new Map<number, number>();
  readonly #connectionsOf: (shard: number) => number;

  constructor(connectionsOf: (shard: number) => number) {
    this.#connectionsOf = connectionsOf;
  }

  /** The deliveries that `events` will make in these shards. */
  of(events: number, shards: Iterable<number>): number {
    let deliveries = 0;
    for (const shard of shards) deliveries += events * this.#ratioOf(shard);
    return deliveries;
  }

  /** A shard says how many `deliveries` the last `events` made; returns what was not counted yet. */
  heard(shard: number, events: number, deliveries: number): number {
    const ratio = this.#ratioOf(shard);
    const actual = events > 0 ? deliveries / events : ratio;
    this.#perEvent.set(
      shard,
      ratio + (actual - ratio) * (this.#perEvent.has(shard) ? newestWeight : 1),
    );
    return deliveries - events * ratio;
  }

  /** The shard is gone; what replaces it has no clients. */
  forget(shard: number): void {
    this.#perEvent.delete(shard);
  }

  #ratioOf(shard: number): number {
    return this.#perEvent.get(shard) ?? this.#connectionsOf(shard);
  }
}
