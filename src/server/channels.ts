/** Channels: every channel that carried an event, interned, with its place in the broker's log. */
import { subscriptionsMatching } from '../events/channel.ts';
import type { Cohort } from './cohort.ts';

/** One channel. Positions are the broker's, so all nodes agree on them. */
export class Channel {
  readonly name: string;
  /** The subscriptions it satisfies: its name and three wildcards. */
  readonly matching: readonly string[];
  partition: string;
  /** Offset of its newest event; undefined before the first. */
  lastOffset: number | undefined;
  /** History index of its newest event. */
  lastIndex = -1;
  /** Who wants it, valid while {@link interestVersion} is the registry's version. */
  interested: readonly Cohort[] = [];
  interestVersion = -1;

  constructor(name: string, partition: string) {
    this.name = name;
    this.matching = subscriptionsMatching(name);
    this.partition = partition;
  }

  /** Whether a set of subscriptions covers this channel. */
  isIn(subscriptions: ReadonlySet<string>): boolean {
    for (const subscription of this.matching) {
      if (subscriptions.has(subscription)) return true;
    }
    return false;
  }
}

/** All channels by name, bounded. */
export class Channels {
  readonly #byName = new Map<string, Channel>();
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byName.size;
  }

  find(name: string): Channel | undefined {
    return this.#byName.get(name);
  }

  /**
   * A new channel. Beyond the limit one whose events have all left the history (older than
   * `firstIndex`) is forgotten first; returns whether that happened.
   */
  add(channel: Channel, firstIndex: number): boolean {
    this.#byName.set(channel.name, channel);
    if (this.#byName.size <= this.#limit) return false;
    for (const [name, old] of this.#byName) {
      if (old.lastIndex >= firstIndex || old === channel) continue;
      this.#byName.delete(name);
      return true;
    }
    return false;
  }
}
