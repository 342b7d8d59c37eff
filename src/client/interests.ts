/** Interests: what the application wants to hear of, each channel counted once for all who do. */
import { subscriptionsMatching } from '../events/channel.ts';
import type { Places } from './places.ts';
import type { Position } from './positions.ts';
import type { Rejection, Subscription } from './subscription.ts';

/** A channel or wildcard that somebody wants. */
export interface Interest {
  readonly name: string;
  readonly isWildcard: boolean;
  readonly subscriptions: Set<Subscription>;
  /** What this connection knows of it: nothing yet, asked for, delivering, or refused. */
  state: 'wanted' | 'asked' | 'held' | 'rejected';
  rejection: Rejection | undefined;
  wantsSnapshot: boolean;
  /** Where to go on, if that is not where the places are. */
  since: Position | undefined;
  /**
   * Time up to which everything is here, in milliseconds since 1970 by the server's clock; undefined
   * until it was first held.
   */
  coveredMs: number | undefined;
}

/** All interests by name, and the names that are to be given up. */
export class Interests {
  readonly #byName = new Map<string, Interest>();
  /** Held by the server and wanted by nobody. */
  readonly leaving = new Set<string>();
  readonly #places: Places;

  constructor(places: Places) {
    this.#places = places;
  }

  find(name: string): Interest | undefined {
    return this.#byName.get(name);
  }

  all(): Iterable<Interest> {
    return this.#byName.values();
  }

  /** Adds one who wants a channel. */
  add(name: string, subscription: Subscription): Interest {
    const known = this.#byName.get(name);
    // Given up, but not told yet: the server knows no difference.
    this.leaving.delete(name);
    if (known !== undefined) {
      known.subscriptions.add(subscription);
      return known;
    }
    const interest: Interest = {
      name,
      isWildcard: name.includes('*'),
      subscriptions: new Set([subscription]),
      state: 'wanted',
      rejection: undefined,
      wantsSnapshot: false,
      since: undefined,
      coveredMs: undefined,
    };
    this.#byName.set(name, interest);
    return interest;
  }

  /** Takes one out; what nobody wants any more leaves with the next request. */
  release(name: string, subscription: Subscription): void {
    const interest = this.#byName.get(name);
    if (interest === undefined) return;
    interest.subscriptions.delete(subscription);
    if (interest.subscriptions.size > 0) return;
    if (interest.state === 'held' || interest.state === 'asked') this.leaving.add(name);
    else this.#remove(name);
  }

  /** The server is being told that these are over. */
  left(names: readonly string[]): void {
    for (const name of names) {
      this.leaving.delete(name);
      if (this.#byName.get(name)?.subscriptions.size === 0) this.#remove(name);
    }
    // There may be room now for what was one too many.
    for (const interest of this.#byName.values()) {
      if (interest.rejection !== 'SUBSCRIPTION_LIMIT') continue;
      interest.state = 'wanted';
      interest.rejection = undefined;
    }
  }

  /** Another connection: nothing is held on it. */
  restart(): void {
    for (const name of this.leaving) {
      if (this.#byName.get(name)?.subscriptions.size === 0) this.#remove(name);
    }
    this.leaving.clear();
    for (const interest of this.#byName.values()) {
      interest.state = 'wanted';
      interest.rejection = undefined;
    }
  }

  /** Those by which a channel is being delivered. */
  holding(channel: string): Interest[] {
    const holding: Interest[] = [];
    for (const name of subscriptionsMatching(channel)) {
      const interest = this.#byName.get(name);
      if (interest?.state === 'held') holding.push(interest);
    }
    return holding;
  }

  /** Where its channels are means nothing to whoever asks for them next. */
  #remove(name: string): void {
    this.#byName.delete(name);
    this.#places.forget(name, (names) => names.some((other) => this.#byName.has(other)));
  }
}
