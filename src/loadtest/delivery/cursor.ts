/** Where one client stands on each of its channels. */
import { subscriptionsMatching } from '../../events/channel.ts';
import type { ChannelBook } from './channel-book.ts';
import { nobody, type Offsets, Standings } from './standings.ts';
import type { SubscriptionTimes } from './subscription-times.ts';

/**
 * A client without any event on a channel is only expected to have those that were due this long
 * after its subscription: until then, events may have been on their way already.
 */
const subscribeGraceMs = 250;

/** A set of subscriptions and the slots of their channels; shared by all clients with equal ones. */
export class SubscriptionSet {
  readonly channels: readonly string[];
  /** Where those who have them stand. */
  readonly standings = new Standings();
  readonly #wanted: ReadonlySet<string>;
  readonly #book: ChannelBook;
  /** Slot by channel id: -1 for a channel that was not asked for. */
  readonly #slots: (number | undefined)[] = [];
  /** Channel id by slot. */
  readonly #channels: number[] = [];
  /** By slot, as far as anybody asked. */
  readonly #covering: (readonly string[] | undefined)[] = [];

  /** `channels` are canonical names, wildcards included. */
  constructor(channels: readonly string[], book: ChannelBook) {
    this.channels = channels;
    this.#wanted = new Set(channels);
    this.#book = book;
    book.ask(channels);
  }

  /** Slots given out so far. */
  get count(): number {
    return this.#channels.length;
  }

  /** The slot of a channel; -1 when these subscriptions do not cover it. */
  slotOf(channelId: number): number {
    const known = this.#slots[channelId];
    if (known !== undefined) return known;
    if (channelId < 0) return -1;
    const slot = this.#covers(this.#book.nameOf(channelId))
      ? this.#channels.push(channelId) - 1
      : -1;
    while (this.#slots.length < channelId) this.#slots.push(undefined);
    this.#slots[channelId] = slot;
    return slot;
  }

  #covers(channel: string): boolean {
    if (subscriptionsMatching(channel).some((name) => this.#wanted.has(name))) return true;
    // Another server sends what it was asked for in its own words, or by the name that was asked for.
    return this.#book.isForeign && !this.#book.isAskedFor(channel);
  }

  /** The channel id of a slot. */
  channelAt(slot: number): number {
    return this.#channels[slot] as number;
  }

  /** Those of {@link channels} that bring the events of a slot: its own name, and wildcards. */
  covering(slot: number): readonly string[] {
    const known = this.#covering[slot];
    if (known !== undefined) return known;
    const names = subscriptionsMatching(this.#book.nameOf(this.channelAt(slot)));
    const covering = names.filter((name) => this.#wanted.has(name));
    while (this.#covering.length < slot) this.#covering.push(undefined);
    this.#covering[slot] = covering;
    return covering;
  }
}

/** One client's offsets, by the slots of its {@link SubscriptionSet}. NaN stands for none. */
export class Cursor {
  /** Number of the client in the whole test. */
  readonly client: number;
  readonly subscriptions: SubscriptionSet;
  #row: number;
  /** When its subscription was acknowledged, in milliseconds since 1970; NaN while it is not. */
  subscribedAtMs = Number.NaN;
  /** Whether the server was asked for what is missing and said that it cannot give all of it. */
  isIncomplete = false;
  /** It left its last connection by itself: what it misses until it resumes is nobody's fault. */
  isAwayOnPurpose = false;
  /** Of a client that changed its subscriptions on this connection; undefined for all others. */
  times: SubscriptionTimes | undefined;

  constructor(client: number, subscriptions: SubscriptionSet) {
    this.client = client;
    this.subscriptions = subscriptions;
    this.#row = subscriptions.standings.addRow();
  }

  /** Where it stands in the {@link Standings} of its subscriptions. */
  get row(): number {
    return this.#row;
  }

  /** The client is gone for good. */
  release(): void {
    if (this.#row !== nobody) this.subscriptions.standings.removeRow(this.#row);
    this.#row = nobody;
  }

  /** Events from before this time were missed and came after resuming. */
  set resumedAtMs(ms: number) {
    this.subscriptions.standings.resumedAtMs[this.#row] = ms;
  }

  /** Whether an event that happened at `ts` is one that was missed before it resumed. */
  wasMissed(ts: number): boolean {
    return this.subscriptions.standings.wasMissed(this.#row, ts);
  }

  /** Offset of the newest event. */
  last(slot: number): number {
    return this.#get(slot, 'last');
  }

  /** Offset of the first event since the subscription. */
  first(slot: number): number {
    return this.#get(slot, 'first');
  }

  /** Newest offset before the last reconnect, until an event shows what came of it. */
  before(slot: number): number {
    return this.#get(slot, 'before');
  }

  /** Time of the newest event, as the event tells it, in milliseconds since 1970. */
  get newestTs(): number {
    return this.subscriptions.standings.newestTs[this.#row] as number;
  }

  /** Where to resume a channel: the newest event of this or an earlier connection. */
  position(slot: number): number {
    const last = this.last(slot);
    return Number.isNaN(last) ? this.before(slot) : last;
  }

  /** Whether any channel has a position. */
  get hasPositions(): boolean {
    for (let slot = 0; slot < this.subscriptions.standings.slots; slot++) {
      if (!Number.isNaN(this.position(slot))) return true;
    }
    return false;
  }

  /** Takes an event of a channel that has begun. */
  advance(slot: number, last: number): void {
    this.subscriptions.standings.set(slot, this.#row, { last });
  }

  /** Takes the first event of a channel; returns the newest offset before a reconnect. */
  begin(slot: number, offset: number): number {
    const before = this.before(slot);
    const { standings } = this.subscriptions;
    standings.set(slot, this.#row, { last: offset, first: offset, before: Number.NaN });
    return before;
  }

  /** Takes the time of an event, whatever its channel. */
  noteTs(ts: number): void {
    if (ts > this.newestTs) this.subscriptions.standings.newestTs[this.#row] = ts;
  }

  /** Since when events of a slot have to come; see {@link SubscriptionTimes.sinceMs}. */
  sinceMs(slot: number): number {
    if (this.times === undefined) return this.subscribedAtMs;
    return this.times.sinceMs(this.subscriptions.covering(slot), this.subscribedAtMs);
  }

  /** The same where it has had none yet: what was due until then need not come. */
  owedSinceMs(slot: number): number {
    return this.sinceMs(slot) + subscribeGraceMs;
  }

  /** Whether nothing but a subscription that was asked to end brings the events of a slot. */
  isLeaving(slot: number): boolean {
    return this.times?.isLeaving(this.subscriptions.covering(slot)) ?? false;
  }

  /** What comes next on a slot is the first again, with nothing before it. */
  forget(slot: number): void {
    this.subscriptions.standings.clear(slot, this.#row);
  }

  /** The connection is gone; positions stay, for resuming. */
  suspend(): void {
    this.subscribedAtMs = Number.NaN;
  }

  /**
   * Another connection takes over. Channels for which `continues` holds go on from their position;
   * on the others what comes next is the first again.
   */
  restart(continues: (channelId: number) => boolean = nothingContinues): void {
    const { standings } = this.subscriptions;
    for (let slot = 0; slot < standings.slots; slot++) {
      const before = this.position(slot);
      if (Number.isNaN(before)) continue;
      if (!continues(this.subscriptions.channelAt(slot))) {
        standings.set(slot, this.#row, { last: Number.NaN, first: Number.NaN, before });
        continue;
      }
      const first = this.first(slot);
      standings.set(slot, this.#row, {
        ...{ last: before, before },
        first: Number.isNaN(first) ? before : first,
      });
    }
  }

  /** Forgets all offsets: they belong to another epoch. */
  clear(): void {
    const { standings } = this.subscriptions;
    for (let slot = 0; slot < standings.slots; slot++) this.forget(slot);
    standings.newestTs[this.#row] = Number.NEGATIVE_INFINITY;
  }

  #get(slot: number, which: keyof Offsets): number {
    return this.subscriptions.standings.get(slot, this.#row, which);
  }
}

function nothingContinues(): boolean {
  return false;
}
