/** Channels: every channel that carried an event, interned, with its place in the broker's log. */
import type { Channel } from './channel.ts';

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
