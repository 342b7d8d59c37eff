/** Channels: every channel that carried an event, interned, with its place in the broker's log. */
import { subscriptionsMatching } from '../../events/channel.ts';
import type { EventType } from '../../events/event-types.ts';
import type { Cohort } from './cohort.ts';
import type { Frame } from './history.ts';

/** One channel. Positions are the broker's, so all nodes agree on them. */
export class Channel {
  readonly name: string;
  /** The subscriptions it satisfies: its name and three wildcards. */
  readonly matching: readonly string[];
  partition: string;
  /** Offset of its newest event; undefined before the first. */
  lastOffset: number | undefined;
  /** History index of its newest event; -1 before the first. */
  lastIndex = -1;
  /** Its newest event, kept when it has left the history. */
  newest: Frame | undefined;
  /** History indexes of its newest events of the types that may be conflated; few types each. */
  newestOfType: Map<EventType, number> | undefined;
  /** Who wants it, valid while {@link interestVersion} is the registry's version. */
  interested: readonly Cohort[] = [];
  interestVersion = -1;

  constructor(name: string, partition: string) {
    this.name = name;
    this.matching = subscriptionsMatching(name);
    this.partition = partition;
  }

  /** Takes note of its newest event. */
  appended(frame: Frame): void {
    this.lastOffset = frame.offset;
    this.lastIndex = frame.index;
    this.newest = frame;
  }

  /** Takes over where the channel stands elsewhere; `newest` is a frame that no history holds. */
  restore(lastOffset: number | undefined, lastIndex: number, newest: Frame | undefined): void {
    this.lastOffset = lastOffset;
    this.lastIndex = lastIndex;
    this.newest = newest;
  }

  /** An event leaves the history. The newest is copied: it would keep a whole slab alive. */
  evicted(frame: Frame): void {
    if (frame !== this.newest) return;
    // Not from Node's pool either, of which it would keep 64 KiB alive.
    const bytes = Buffer.allocUnsafeSlow(frame.bytes.length);
    frame.bytes.copy(bytes);
    this.newest = { ...frame, bytes };
  }

  /**
   * Events of its partition were lost: what comes next does not follow what came last, and says so
   * by a `prev` of null.
   */
  broken(): void {
    this.lastOffset = undefined;
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

  /** All of them, in the order of their first event. */
  all(): Iterable<Channel> {
    return this.#byName.values();
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
