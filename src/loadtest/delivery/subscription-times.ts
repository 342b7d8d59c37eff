/** Since when a client that changes its subscriptions has had each of them. */

/** Later than any event, and still sooner than {@link gone}. */
const joining = Number.MAX_VALUE;
const gone = Number.POSITIVE_INFINITY;

/** Subscriptions of one connection that are not what they were at its begin; one leaves at a time. */
export class SubscriptionTimes {
  /** By subscription; those that never changed are not in it. */
  readonly #sinceMs = new Map<string, number>();
  #leaving: string | undefined;

  /** The server was asked to end a subscription: until it says so, events may come. */
  leave(subscription: string): void {
    this.#leaving = subscription;
  }

  /** It stays after all. */
  stay(): void {
    this.#leaving = undefined;
  }

  /** The server has ended the one that leaves. */
  left(): void {
    if (this.#leaving !== undefined) this.#sinceMs.set(this.#leaving, gone);
    this.#leaving = undefined;
  }

  /** The server was asked for a subscription again: from now on, events may come. */
  join(subscription: string): void {
    this.#sinceMs.set(subscription, joining);
  }

  /** The server has granted it at `atMs` since 1970: from now on, events have to come. */
  joined(subscription: string, atMs: number): void {
    this.#sinceMs.set(subscription, atMs);
  }

  /** The server did not grant it. */
  refuse(subscription: string): void {
    this.#sinceMs.set(subscription, gone);
  }

  isGone(subscription: string): boolean {
    return this.#sinceMs.get(subscription) === gone;
  }

  /**
   * Since when what any of `subscriptions` brings has to come, in milliseconds since 1970;
   * `otherwiseMs` for those that never changed, Infinity when all of them are gone.
   */
  sinceMs(subscriptions: readonly string[], otherwiseMs: number): number {
    let sinceMs = gone;
    for (const name of subscriptions) {
      sinceMs = Math.min(sinceMs, this.#sinceMs.get(name) ?? otherwiseMs);
    }
    return sinceMs;
  }

  /** Whether one of `subscriptions` leaves, and the others are gone. */
  isLeaving(subscriptions: readonly string[]): boolean {
    if (this.#leaving === undefined || !subscriptions.includes(this.#leaving)) return false;
    return subscriptions.every((name) => name === this.#leaving || this.isGone(name));
  }
}
