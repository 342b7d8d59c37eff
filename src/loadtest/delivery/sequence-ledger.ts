/** The truth about delivery: what each client should have received and what it did receive. */
import { subscriptionsMatching } from '../../events/channel.ts';
import type { ReceivedEvent } from '../client/message-reader.ts';
import type { ChannelBook, NewestEvent } from './channel-book.ts';
import { type ChannelList, ChannelTally } from './channel-tally.ts';
import type { Cursor, SubscriptionSet } from './cursor.ts';
import type { EventOrders } from './event-orders.ts';
import { FirstEvents } from './first-events.ts';
import { GapList, type GapReport } from './gap-list.ts';
import type { SequenceCounts } from './sequence-counts.ts';

/** Checks every event of every client of a worker against the one before it. */
export class SequenceLedger {
  readonly #book: ChannelBook;
  readonly #gaps: GapList;
  readonly #firstEvents: FirstEvents;
  readonly #channels: ChannelTally;
  #duplicated = 0;
  #reordered = 0;
  #late = 0;
  #missed = 0;
  #missedOnPurpose = 0;
  #healed = 0;
  #unrecovered = 0;
  #unexpected = 0;
  #unread = 0;

  /** `now` tells when the event at hand arrived, in milliseconds since 1970. */
  constructor(book: ChannelBook, now: () => number) {
    this.#book = book;
    this.#gaps = new GapList(book, now);
    this.#channels = new ChannelTally(book);
    this.#firstEvents = new FirstEvents(book, this.#gaps);
  }

  /** Number of the stage in which what shows now counts as lost. */
  set stage(stage: number) {
    this.#gaps.stage = stage;
  }

  /** Takes an event that a client received. */
  observe(cursor: Cursor, event: ReceivedEvent): void {
    if (this.follow(cursor.subscriptions, cursor.row, event)) return;
    const slot = cursor.subscriptions.slotOf(event.channel);
    this.#channels.receive(event.channel);
    if (slot < 0) this.#unexpected++;
    else this.#observeBreak(cursor, slot, event);
    cursor.noteTs(event.ts);
  }

  /** Takes an event if it has to come next for the client of a row; returns whether it has. */
  follow(subscriptions: SubscriptionSet, row: number, event: ReceivedEvent): boolean {
    const { standings } = subscriptions;
    const slot = subscriptions.slotOf(event.channel);
    if (slot < 0 || !standings.follow(slot, row, event)) return false;
    this.#channels.receive(event.channel);
    if (standings.wasMissed(row, event.ts)) this.#heal(event.channel);
    return true;
  }

  /** Looks again at what clients may have missed before their first event. */
  lookBack(nowMs: number): void {
    this.#firstEvents.lookBack(nowMs);
  }

  /** Told when a client lost its connection. */
  disconnected(cursor: Cursor): void {
    cursor.suspend();
    this.#gaps.settle(cursor);
  }

  /** Told when a client is back without resuming: what it missed is not lost. */
  restarted(cursor: Cursor): void {
    cursor.restart();
    cursor.isIncomplete = false;
    cursor.resumedAtMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Told when the server has ended the subscription that leaves, and sends nothing of it any more.
   * What was due by `untilMs` (since 1970) and did not come is lost; on its channels what comes next
   * is the first again.
   */
  unsubscribed(cursor: Cursor, subscription: string, untilMs: number): void {
    const { subscriptions } = cursor;
    // Nobody with these subscriptions may have seen anything of it yet.
    if (!subscription.includes('*')) subscriptions.slotOf(this.#book.idOf(subscription));
    for (let slot = 0; slot < subscriptions.count; slot++) {
      if (!cursor.isLeaving(slot)) continue;
      const target = this.#book.newestOf(subscriptions.channelAt(slot), untilMs);
      if (target !== undefined && this.#lacks(cursor, slot, target)) {
        this.#recordTail(cursor, target);
      }
      cursor.forget(slot);
    }
    cursor.times?.left();
  }

  /**
   * Told when a client has resumed: `isComplete` says of each of its subscriptions whether the
   * server sends everything that it missed. From there on what does not arrive is lost.
   */
  resumed(cursor: Cursor, isComplete: (subscription: string) => boolean, nowMs: number): void {
    cursor.isIncomplete = !cursor.subscriptions.channels.every(isComplete);
    cursor.resumedAtMs = nowMs;
    cursor.restart((channel) => subscriptionsMatching(this.#book.nameOf(channel)).some(isComplete));
  }

  /** Told when a client's positions were of another epoch: what it missed cannot be counted. */
  unrecoverable(subscriptions: number): void {
    this.#unrecovered += subscriptions;
  }

  /** Told when the server announces how many events of which channels it leaves out. */
  announceSkipped(cursor: Cursor, counts: Readonly<Record<string, unknown>>): void {
    for (const [channel, count] of Object.entries(counts)) {
      if (!Number.isSafeInteger(count)) continue;
      this.#gaps.announce(cursor, this.#book.idOf(channel), count as number);
    }
  }

  /** Whether all of `cursors` have everything up to `targets`. */
  hasAll(cursors: readonly Cursor[], targets: readonly NewestEvent[]): boolean {
    return !cursors.some((cursor) => targets.some((target) => this.#isBehind(cursor, target)));
  }

  /** Counts as lost what connected clients do not have of everything up to `targets`. */
  closeTail(cursors: Iterable<Cursor>, targets: readonly NewestEvent[]): void {
    this.lookBack(Number.POSITIVE_INFINITY);
    for (const cursor of cursors) {
      for (const target of targets) {
        if (this.#isBehind(cursor, target)) this.#recordTail(cursor, target);
        else if (cursor.isIncomplete) this.#countHole(cursor, target);
      }
    }
  }

  /** Counts what a client lacks of everything up to `targets` as unread: nobody knows whether it was sent. */
  leaveUnread(cursor: Cursor, targets: readonly NewestEvent[], orders: EventOrders): void {
    for (const target of targets) {
      if (this.#isBehind(cursor, target)) this.#unread += orders.countLacking(cursor, target);
    }
  }

  /** Events lost by the stage in which that showed. */
  lostByStage(): readonly number[] {
    return this.#gaps.counts().lostByStage;
  }

  counts(): SequenceCounts {
    const { lost, lostAtEnd, skipped } = this.#gaps.counts();
    return {
      lost,
      lostAtEnd,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      late: this.#late,
      missedWhileDisconnected: this.#missed,
      missedOnPurpose: this.#missedOnPurpose,
      healed: this.#healed,
      unrecovered: this.#unrecovered,
      skipped,
      unexpected: this.#unexpected,
      gapsUntracked: this.#gaps.untracked,
      firstEventsUnchecked: this.#firstEvents.unchecked,
      unread: this.#unread,
    };
  }

  /** The first `limit` gaps that did not heal. */
  gaps(limit: number): GapReport[] {
    return this.#gaps.reports(limit);
  }

  /** All that is known of the first `limit` channels. */
  channels(limit: number): ChannelList {
    return this.#channels.list(this.#gaps.countsByChannel(), limit);
  }

  #advance(cursor: Cursor, slot: number, { channel, offset, ts }: ReceivedEvent): void {
    cursor.advance(slot, offset);
    if (cursor.wasMissed(ts)) this.#heal(channel);
  }

  #heal(channel: number): void {
    this.#healed++;
    this.#channels.add(channel, 'healed');
  }

  #observeBreak(cursor: Cursor, slot: number, event: ReceivedEvent): void {
    const { channel, offset } = event;
    // Of a server that does not number its events: nothing can be told of them.
    if (Number.isNaN(offset)) return;
    const last = cursor.last(slot);
    // The server does not know the event before it, but a client may have received it earlier.
    const prev = Number.isNaN(event.prev) ? this.#book.prevOf(channel, offset) : event.prev;
    if (Number.isNaN(last)) {
      if (cursor.sinceMs(slot) === Number.POSITIVE_INFINITY) {
        this.#unexpected++;
        return;
      }
      const before = cursor.begin(slot, offset);
      if (cursor.wasMissed(event.ts)) this.#heal(channel);
      const lost = this.#countBefore(cursor, slot, event, prev);
      if (!Number.isNaN(before)) this.#countMissed(cursor, channel, { offset, prev, before, lost });
    } else if (offset > last) {
      this.#advance(cursor, slot, event);
      if (prev === last) return;
      // The first event after resuming, of a node that saw none before it: its word must do.
      if (Number.isNaN(prev) && cursor.before(slot) === last) return;
      // A `prev` that is unknown, or older than what we have, still says that the chain broke.
      const to = prev > last ? prev : Number.NaN;
      this.#gaps.add({ cursor, channel, after: last, to, got: offset });
    } else this.#observeEarlier(cursor, channel, offset, cursor.first(slot));
  }

  /** An event from before the newest one: late, out of order, or once too often. */
  #observeEarlier(cursor: Cursor, channel: number, offset: number, first: number): void {
    const isLate = this.#gaps.heal(cursor, channel, offset);
    if (isLate) {
      this.#late++;
      this.#channels.add(channel, 'late');
    }
    if (isLate || offset < first) {
      this.#reordered++;
      this.#channels.add(channel, 'reordered');
    } else {
      this.#duplicated++;
      this.#channels.add(channel, 'duplicated');
    }
  }

  /** How many events a client lost between its subscription and its first event of a channel. */
  #countBefore(
    cursor: Cursor,
    slot: number,
    { channel, offset }: ReceivedEvent,
    prev: number,
  ): number {
    // Events that a resumption left out are counted as such; a later subscription has none.
    if (cursor.isIncomplete && cursor.sinceMs(slot) === cursor.subscribedAtMs) return 0;
    const sinceMs = cursor.owedSinceMs(slot);
    if (Number.isNaN(prev) || !(this.#book.dueAtMs(channel, offset) > sinceMs)) return 0;
    return this.#firstEvents.add({ cursor, channel, prev, offset, sinceMs });
  }

  /** Counts what is missing between the position before a reconnect and the first event after. */
  #countMissed(
    { isIncomplete, isAwayOnPurpose }: Cursor,
    channel: number,
    { offset, prev, before, lost }: Record<'offset' | 'prev' | 'before' | 'lost', number>,
  ): void {
    const missing = prev > before ? this.#book.walk(channel, prev, before).count - lost : 0;
    if (!isIncomplete) {
      if (isAwayOnPurpose) this.#missedOnPurpose += missing;
      else {
        this.#missed += missing;
        this.#channels.add(channel, 'missed', missing);
      }
    } else if (offset > before && prev !== before) this.#unrecovered += Math.max(1, missing);
  }

  /** Counts what an incomplete recovery left open on a channel without any event since. */
  #countHole(cursor: Cursor, target: NewestEvent): void {
    const channel = this.#book.idOf(target.channel);
    const slot = cursor.subscriptions.slotOf(channel);
    if (slot < 0 || !Number.isNaN(cursor.last(slot))) return;
    const before = cursor.before(slot);
    if (target.offset > before) {
      this.#unrecovered += this.#book.walk(channel, target.offset, before).count;
    }
  }

  #isBehind(cursor: Cursor, target: NewestEvent): boolean {
    if (Number.isNaN(cursor.subscribedAtMs)) return false;
    const slot = cursor.subscriptions.slotOf(this.#book.idOf(target.channel));
    return slot >= 0 && this.#lacks(cursor, slot, target) && !cursor.isLeaving(slot);
  }

  #lacks(cursor: Cursor, slot: number, target: NewestEvent): boolean {
    const last = cursor.last(slot);
    if (!Number.isNaN(last)) return last < target.offset;
    return target.dueAtMs > cursor.owedSinceMs(slot);
  }

  #recordTail(cursor: Cursor, target: NewestEvent): void {
    const channel = this.#book.idOf(target.channel);
    const slot = cursor.subscriptions.slotOf(channel);
    const after = cursor.last(slot);
    const position = { cursor, channel, after, to: target.offset, got: Number.NaN };
    if (!Number.isNaN(after)) return this.#gaps.add(position);
    const known = this.#book.dueSince(channel, target.offset, cursor.owedSinceMs(slot));
    this.#gaps.addUnbegun(position, known.count > 0 ? known : { count: 1, first: target.offset });
  }
}
