/** Where one client stands on each of its channels. */
import { subscriptionsMatching } from '../../events/channel.ts';
import type { ChannelBook } from './channel-book.ts';
import type { SubscriptionTimes } from './subscription-times.ts';

/** Numbers per channel: newest offset, first offset, newest offset before the last reconnect. */
const width = 3;
/** Of all clients without any event so far: most of the memory of an idle one would be its own. */
const noOffsets: readonly number[] = offsetsOf(0);

/** A set of subscriptions and the slots of their channels; shared by all clients with equal ones. */
export class SubscriptionSet {
  readonly channels: readonly string[];
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
    // Another server sends what it was asked for in its own words.
    const isWanted =
      this.#book.isForeign ||
      subscriptionsMatching(this.#book.nameOf(channelId)).some((name) => this.#wanted.has(name));
    const slot = isWanted ? this.#channels.push(channelId) - 1 : -1;
    while (this.#slots.length < channelId) this.#slots.push(undefined);
    this.#slots[channelId] = slot;
    return slot;
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
  /** When its subscription was acknowledged, in milliseconds since 1970; NaN while it is not. */
  subscribedAtMs = Number.NaN;
  /** Events from before this time were missed and came after resuming; undefined for none. */
  resumedAtMs: number | undefined;
  /** Time of the newest event, as the event tells it, in milliseconds since 1970. */
  newestTs = Number.NEGATIVE_INFINITY;
  /** Whether the server was asked for what is missing and said that it cannot give all of it. */
  isIncomplete = false;
  /** It left its last connection by itself: what it misses until it resumes is nobody's fault. */
  isAwayOnPurpose = false;
  /** Of a client that changed its subscriptions on this connection; undefined for all others. */
  times: SubscriptionTimes | undefined;
  #offsets = noOffsets as number[];

  constructor(client: number, subscriptions: SubscriptionSet) {
    this.client = client;
    this.subscriptions = subscriptions;
  }

  /** Whether an event that happened at `ts` is one that was missed before it resumed. */
  wasMissed(ts: number): boolean {
    return this.resumedAtMs !== undefined && ts < this.resumedAtMs;
  }

  /** Offset of the newest event. */
  last(slot: number): number {
    const at = slot * width;
    return at < this.#offsets.length ? (this.#offsets[at] as number) : Number.NaN;
  }

  /** Offset of the first event since the subscription. */
  first(slot: number): number {
    return this.#offsets[slot * width + 1] ?? Number.NaN;
  }

  /** Newest offset before the last reconnect, until an event shows what came of it. */
  before(slot: number): number {
    return this.#offsets[slot * width + 2] ?? Number.NaN;
  }

  /** Where to resume a channel: the newest event of this or an earlier connection. */
  position(slot: number): number {
    const last = this.last(slot);
    return Number.isNaN(last) ? this.before(slot) : last;
  }

  /** Whether any channel has a position. */
  get hasPositions(): boolean {
    return this.#offsets.some((offset) => !Number.isNaN(offset));
  }

  advance(slot: number, offset: number): void {
    this.#offsets[slot * width] = offset;
  }

  /** Takes the first event of a channel; returns the newest offset before a reconnect. */
  begin(slot: number, offset: number): number {
    this.#grow(slot);
    const at = slot * width;
    const before = this.#offsets[at + 2] as number;
    this.#offsets[at] = offset;
    this.#offsets[at + 1] = offset;
    this.#offsets[at + 2] = Number.NaN;
    return before;
  }

  /** Since when events of a slot have to come; see {@link SubscriptionTimes.sinceMs}. */
  sinceMs(slot: number): number {
    if (this.times === undefined) return this.subscribedAtMs;
    return this.times.sinceMs(this.subscriptions.covering(slot), this.subscribedAtMs);
  }

  /** Whether nothing but a subscription that was asked to end brings the events of a slot. */
  isLeaving(slot: number): boolean {
    return this.times?.isLeaving(this.subscriptions.covering(slot)) ?? false;
  }

  /** What comes next on a slot is the first again, with nothing before it. */
  forget(slot: number): void {
    const at = slot * width;
    this.#offsets.fill(Number.NaN, at, at + width);
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
    for (let slot = 0, at = 0; at < this.#offsets.length; slot++, at += width) {
      const position = this.position(slot);
      if (Number.isNaN(position)) continue;
      const goesOn = continues(this.subscriptions.channelAt(slot));
      if (!goesOn || Number.isNaN(this.#offsets[at + 1] as number)) {
        this.#offsets[at + 1] = goesOn ? position : Number.NaN;
      }
      this.#offsets[at] = goesOn ? position : Number.NaN;
      this.#offsets[at + 2] = position;
    }
  }

  /** Forgets all offsets: they belong to another epoch. */
  clear(): void {
    this.#offsets.fill(Number.NaN);
    this.newestTs = Number.NEGATIVE_INFINITY;
  }

  #grow(slot: number): void {
    if ((slot + 1) * width <= this.#offsets.length) return;
    const larger = offsetsOf(Math.max(slot + 1, this.subscriptions.count));
    for (const [at, offset] of this.#offsets.entries()) larger[at] = offset;
    this.#offsets = larger;
  }
}

/** An array of doubles, also when it is empty: V8 reads the offsets of all clients in one way. */
function offsetsOf(slots: number): number[] {
  const offsets = new Array<number>(width * slots + 1).fill(Number.NaN);
  offsets.length = width * slots;
  return offsets;
}

function nothingContinues(): boolean {
  return false;
}
