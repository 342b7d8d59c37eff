/** What clients may have missed between their subscription and their first event of a channel. */
import type { ChannelBook } from './channel-book.ts';
import type { Cursor } from './cursor.ts';
import type { GapList } from './gap-list.ts';

/** The first event of a client on a channel. */
export interface FirstEvent {
  readonly cursor: Cursor;
  /** Id in the {@link ChannelBook}. */
  readonly channel: number;
  readonly offset: number;
  /** Offset of the event before it. */
  readonly prev: number;
  /** Events due after this time had to come, in milliseconds since 1970. */
  readonly sinceMs: number;
}

interface Open extends FirstEvent {
  readonly untilMs: number;
}

/** First events of which it is not known yet what came before; further ones are let pass. */
const maxOpen = 100_000;
/** Another client that receives what this one missed does so about then. */
const patienceMs = 5_000;

/**
 * Only other clients of the worker can tell whether an event before the first one is from before
 * the subscription; what none of them received is not counted.
 */
export class FirstEvents {
  readonly #book: ChannelBook;
  readonly #gaps: GapList;
  #open: Open[] = [];
  /** First events that were not looked at for want of room. */
  unchecked = 0;

  constructor(book: ChannelBook, gaps: GapList) {
    this.#book = book;
    this.#gaps = gaps;
  }

  /** Takes a first event. Returns how many events before it are known to be lost. */
  add(event: FirstEvent): number {
    const { channel, prev, offset } = event;
    if (Number.isNaN(this.#book.dueAtMs(channel, prev))) {
      const untilMs = this.#book.seenAtMs(channel, offset) + patienceMs;
      if (this.#open.length < maxOpen) this.#open.push({ ...event, untilMs });
      else this.unchecked++;
      return 0;
    }
    return this.#count(event);
  }

  /** Looks again at those that were not clear; lets those go of which nothing was heard. */
  lookBack(nowMs: number): void {
    if (this.#open.length === 0) return;
    this.#open = this.#open.filter((event) => {
      if (Number.isNaN(this.#book.dueAtMs(event.channel, event.prev))) {
        return event.untilMs > nowMs;
      }
      this.#count(event);
      return false;
    });
  }

  #count({ cursor, channel, prev, offset, sinceMs }: FirstEvent): number {
    const lost = this.#book.dueSince(channel, prev, sinceMs);
    if (lost.count === 0) return 0;
    this.#gaps.addUnbegun({ cursor, channel, after: Number.NaN, to: prev, got: offset }, lost);
    return lost.count;
  }
}
