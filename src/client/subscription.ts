/** Subscription: what one part of an application asked for, and its way to the events. */

import type { RejectedChannel } from '../protocol/client-messages.ts';
import { EventBuffer } from './event-buffer.ts';
import type { Dropped, MarketEvent } from './market-event.ts';
import type { Positions } from './positions.ts';

/** Why a channel is not delivered. */
export type Rejection = RejectedChannel['code'] | 'BAD_MESSAGE' | 'CLOSED';

/** What became of a request: what is delivered, and what is not, and why. */
export interface SubscriptionOutcome {
  /** In canonical form: `odin.token.BTC.trade` is `BTC.trade`. */
  readonly subscribed: readonly string[];
  readonly rejected: readonly { readonly channel: string; readonly code: Rejection }[];
}

/** What a subscription needs of its client. */
export interface SubscriptionOwner {
  /** Calls a handler, and reports what it throws. */
  call(handler: (event: MarketEvent) => void, event: MarketEvent): void;
  release(subscription: Subscription): void;
  positionsOf(names: readonly string[]): Positions;
}

/** A live subscription. Ends with {@link unsubscribe} or with its client. */
export class Subscription implements AsyncIterable<MarketEvent | Dropped> {
  /** Channels and wildcards in canonical form. */
  readonly channels: readonly string[];
  /**
   * Resolves when the server has answered for all channels, which is not before it is connected.
   * Never rejects.
   */
  readonly ready: Promise<SubscriptionOutcome>;
  /** For the client: whether it wants the newest event of each channel first. */
  wantsSnapshot = false;
  readonly #owner: SubscriptionOwner;
  readonly #handler: ((event: MarketEvent) => void) | undefined;
  readonly #bufferLimit: number;
  readonly #buffers = new Set<EventBuffer>();
  /** Without a handler: filled from the start, so that the first loop misses nothing. */
  #first: EventBuffer | undefined;
  readonly #unanswered: Set<string>;
  readonly #subscribed: string[] = [];
  readonly #rejected: { channel: string; code: Rejection }[] = [];
  #answered: (outcome: SubscriptionOutcome) => void = () => undefined;
  #isOver = false;

  constructor(
    owner: SubscriptionOwner,
    channels: readonly string[],
    handler: ((event: MarketEvent) => void) | undefined,
    bufferLimit: number,
  ) {
    this.channels = channels;
    this.#owner = owner;
    this.#handler = handler;
    this.#bufferLimit = bufferLimit;
    this.#unanswered = new Set(channels);
    this.ready = new Promise((resolve) => {
      this.#answered = resolve;
    });
    if (handler === undefined) this.#first = this.#newBuffer();
  }

  /** Where to go on later, for the `since` of another subscription to the same channels. */
  get positions(): Positions {
    return this.#owner.positionsOf(this.channels);
  }

  /** Ends it: no event comes after this, and loops over it end. */
  unsubscribe(): void {
    if (this.#isOver) return;
    this.#owner.release(this);
    this.end();
  }

  /**
   * The events from now on; for the first loop over a subscription without a handler, from its
   * start. A loop that does not keep up loses the oldest events and gets a {@link Dropped} for them.
   */
  [Symbol.asyncIterator](): AsyncGenerator<MarketEvent | Dropped, undefined> {
    const buffer = this.#first ?? this.#newBuffer();
    this.#first = undefined;
    return buffer.read(() => this.#buffers.delete(buffer));
  }

  /** For the client: an event on one of the channels. */
  deliver(event: MarketEvent): void {
    if (this.#isOver) return;
    for (const buffer of this.#buffers) buffer.push(event);
    if (this.#handler !== undefined) this.#owner.call(this.#handler, event);
  }

  /** For the client: the answer for one channel. */
  answer(channel: string, rejection: Rejection | undefined): void {
    if (rejection === 'INVALID_CHANNEL') this.#unanswered.add(channel);
    if (!this.#unanswered.delete(channel)) return;
    if (rejection === undefined) this.#subscribed.push(channel);
    else this.#rejected.push({ channel, code: rejection });
    this.settle();
  }

  /** For the client: resolves {@link ready} if nothing is open. */
  settle(): void {
    if (this.#unanswered.size > 0) return;
    this.#answered({ subscribed: this.#subscribed, rejected: this.#rejected });
  }

  /** For the client: nothing will come any more. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const channel of [...this.#unanswered]) this.answer(channel, 'CLOSED');
    for (const buffer of this.#buffers) buffer.end();
    this.#buffers.clear();
  }

  #newBuffer(): EventBuffer {
    const buffer = new EventBuffer(this.#bufferLimit);
    if (this.#isOver) buffer.end();
    else this.#buffers.add(buffer);
    return buffer;
  }
}
