/** Where one client stands on each of its channels. */
import { subscriptionsMatching } from '../events/channel.ts';
import type { ChannelBook } from './channel-book.ts';

/** Numbers per channel: newest offset, first offset, newest offset before a reconnect. */
const width = 3;

/** A set of subscriptions and the slots of their channels; shared by all clients with equal ones. */
export class SubscriptionSet {
  readonly channels: readonly string[];
  readonly #wanted: ReadonlySet<string>;
  readonly #book: ChannelBook;
  /** Slot by channel id: -1 for a channel that was not asked for. */
  readonly #slots: (number | undefined)[] = [];
  #count = 0;

  /** `channels` are canonical names, wildcards included. */
  constructor(channels: readonly string[], book: ChannelBook) {
    this.channels = channels;
    this.#wanted = new Set(channels);
    this.#book = book;
  }

  /** Slots given out so far. */
  get count(): number {
    return this.#count;
  }

  /** The slot of a channel; -1 when these subscriptions do not cover it. */
  slotOf(channelId: number): number {
    const known = this.#slots[channelId];
    if (known !== undefined) return known;
    if (channelId < 0) return -1;
    const names = subscriptionsMatching(this.#book.nameOf(channelId));
    const slot = names.some((name) => this.#wanted.has(name)) ? this.#count++ : -1;
    while (this.#slots.length < channelId) this.#slots.push(undefined);
    this.#slots[channelId] = slot;
    return slot;
  }
}

/** One client's offsets, by the slots of its {@link SubscriptionSet}. NaN stands for none. */
export class Cursor {
  /** Number of the client in the whole test. */
  readonly client: number;
  readonly subscriptions: SubscriptionSet;
  /** When its subscription was acknowledged, in milliseconds since 1970; NaN while it is not. */
  subscribedAtMs = Number.NaN;
  #offsets: Float64Array;

  constructor(client: number, subscriptions: SubscriptionSet) {
    this.client = client;
    this.subscriptions = subscriptions;
    this.#offsets = new Float64Array(width * subscriptions.count).fill(Number.NaN);
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

  /** The connection is gone: what comes next is the first again. */
  restart(): void {
    this.subscribedAtMs = Number.NaN;
    for (let at = 0; at < this.#offsets.length; at += width) {
      const last = this.#offsets[at] as number;
      if (!Number.isNaN(last)) this.#offsets[at + 2] = last;
      this.#offsets[at] = Number.NaN;
      this.#offsets[at + 1] = Number.NaN;
    }
  }

  /** Forgets all offsets: they belong to another epoch. */
  clear(): void {
    this.#offsets.fill(Number.NaN);
  }

  #grow(slot: number): void {
    if ((slot + 1) * width <= this.#offsets.length) return;
    const larger = new Float64Array(width * Math.max(slot + 1, this.subscriptions.count));
    larger.fill(Number.NaN).set(this.#offsets);
    this.#offsets = larger;
  }
}
