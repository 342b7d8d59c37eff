/** Where the target's partitions ended some time ago: all that was carried before lies below. */
import type { Broker } from '../broker/broker.ts';
import { lanesOf } from './lanes.ts';
import { Places } from './places.ts';

/** How old it may become: a start looks through what came into the target since then. */
const refreshMs = 30_000;

/** Asks the target now and then. */
export class TargetFloor {
  readonly #target: Broker;
  #places = new Places();
  #atMs = Number.NEGATIVE_INFINITY;

  constructor(target: Broker) {
    this.#target = target;
  }

  /** To be called while nothing is under way. Rejects with a RemoteError. */
  async current(): Promise<Places> {
    if (performance.now() - this.#atMs < refreshMs) return this.#places;
    const bounds = await this.#target.bounds();
    const lanes = lanesOf(
      this.#target,
      bounds.map(({ topic }) => topic),
    );
    this.#places = new Places();
    for (const { topic, partition, high } of bounds) {
      this.#places.raise(lanes.of(topic), partition, high);
    }
    this.#atMs = performance.now();
    return this.#places;
  }
}
