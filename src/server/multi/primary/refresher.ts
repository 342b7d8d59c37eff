/** Refresher: asks all shards for a report when somebody looks, and waits for those that answer soon. */

import type { Addressees } from './supervisor.ts';

/** How long a look waits for shards that do not answer, in milliseconds. */
const patienceMs = 500;

/** Many may look at once: one round of questions is under way, and one more waits behind it. */
export class Refresher {
  readonly #ask: (round: number) => Addressees;
  /** Shards that were asked and have not answered. */
  #missing = new Set<number>();
  #round: PromiseWithResolvers<void> | undefined;
  #next: Promise<readonly number[]> | undefined;
  #rounds = 0;

  /** `ask` asks all shards that can answer, with the number of the round, and says which. */
  constructor(ask: (round: number) => Addressees) {
    this.#ask = ask;
  }

  /**
   * Resolves when all that was done before the call has been reported, or it took too long, with the
   * shards that have clients and did not answer.
   */
  refresh(): Promise<readonly number[]> {
    if (this.#round === undefined) return this.#begin();
    // The round under way may have asked before whatever the caller wants to see.
    this.#next ??= this.#round.promise.then(() => {
      this.#next = undefined;
      return this.#begin();
    });
    return this.#next;
  }

  /** A shard has answered in a round; what it says by itself, in none, may be older than the question. */
  heard(shard: number, round: number | undefined): void {
    if (round === this.#rounds) this.gone(shard);
  }

  /** A shard will not answer any more. */
  gone(shard: number): void {
    this.#missing.delete(shard);
    if (this.#missing.size === 0) this.#end();
  }

  async #begin(): Promise<readonly number[]> {
    const round = Promise.withResolvers<void>();
    this.#round = round;
    const { asked, silent } = this.#ask(++this.#rounds);
    const missing = new Set(asked);
    this.#missing = missing;
    if (missing.size === 0) this.#end();
    const timer = setTimeout(() => this.#end(), patienceMs);
    await round.promise;
    clearTimeout(timer);
    return [...silent, ...missing];
  }

  #end(): void {
    this.#round?.resolve();
    this.#round = undefined;
  }
}
