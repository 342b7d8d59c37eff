/** The known events of all channels at one moment, to count what many clients lack of them. */
import type { ChannelBook, NewestEvent } from './channel-book.ts';
import type { Cursor } from './cursor.ts';
import type { EventOrder } from './event-order.ts';

/** Those of all channels at one moment, each made when it is asked for. */
export class EventOrders {
  readonly #book: ChannelBook;
  readonly #orders = new Map<number, EventOrder>();

  constructor(book: ChannelBook) {
    this.#book = book;
  }

  /** How many events up to `target` a client lacks that lacks it; at least, where some are forgotten. */
  countLacking(cursor: Cursor, { channel: name, offset }: NewestEvent): number {
    const channel = this.#book.idOf(name);
    const slot = cursor.subscriptions.slotOf(channel);
    const after = cursor.last(slot);
    if (Number.isNaN(after)) {
      return Math.max(1, this.#orderOf(channel).countSince(cursor.owedSinceMs(slot), offset));
    }
    // Its events have numbers without holes.
    if (this.#book.isForeign) return offset - after;
    return Math.max(1, this.#orderOf(channel).countBetween(after, offset));
  }

  #orderOf(channel: number): EventOrder {
    const known = this.#orders.get(channel);
    if (known !== undefined) return known;
    const order = this.#book.orderOf(channel);
    this.#orders.set(channel, order);
    return order;
  }
}
