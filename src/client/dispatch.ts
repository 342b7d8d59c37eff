/** Dispatch: from an event to everybody in the application who wants it. */
import type { ClientEvents } from './client-events.ts';
import type { Emitter } from './emitter.ts';
import type { Interest, Interests } from './interests.ts';
import type { Gap, MarketEvent } from './market-event.ts';
import type { Places } from './places.ts';
import type { Rejection, Subscription } from './subscription.ts';
import type { Tally } from './tally.ts';

/** Hands events out. Holds none. */
export class Dispatch {
  readonly #interests: Interests;
  readonly #places: Places;
  readonly #emitter: Emitter<ClientEvents>;
  readonly #tally: Tally;

  constructor(interests: Interests, places: Places, emitter: Emitter<ClientEvents>, tally: Tally) {
    this.#tally = tally;
    this.#interests = interests;
    this.#places = places;
    this.#emitter = emitter;
  }

  /** To each subscription once, whatever the number of its channels that cover the event. */
  deliver(event: MarketEvent, interests: readonly Interest[]): void {
    this.#tally.events++;
    const [first, second] = interests;
    const subscriptions =
      second === undefined
        ? [...(first?.subscriptions ?? [])]
        : new Set(interests.flatMap((interest) => [...interest.subscriptions]));
    for (const subscription of subscriptions) subscription.deliver(event);
    // Names in small letters are the client's own.
    if (/^[A-Z]/.test(event.type)) this.#emitter.emit(event.type, event as never);
    this.#emitter.emit('event', event);
  }

  /** An interest is being delivered for the first time. */
  held(interest: Interest): void {
    for (const subscription of interest.subscriptions) {
      subscription.answer(interest.name, undefined);
      if (subscription.wantsSnapshot) this.showNewest(interest, subscription);
    }
  }

  /** The server does not deliver an interest, or not any more. */
  rejected(interest: Interest, code: Rejection): void {
    interest.state = 'rejected';
    interest.rejection = code;
    for (const subscription of interest.subscriptions) subscription.answer(interest.name, code);
    this.problem(code, `not subscribed to ${interest.name}`);
  }

  gap(channel: string, reason: Gap['reason'], after?: number, before?: number): void {
    this.#tally.gaps++;
    this.#emitter.emit('gap', { channel, reason, after, before });
  }

  problem(code: string, message: string, cause?: unknown): void {
    this.#emitter.emit('error', { code, message, cause });
  }

  /** The newest events that are known here, for a subscription that wants them and is new. */
  showNewest(interest: Interest, subscription: Subscription): void {
    for (const event of this.#places.newestUnder(interest.name)) {
      const others = this.#interests.holding(event.channel).filter((other) => other !== interest);
      // Through another of its channels it has had this event, or will have it.
      if (!others.some(({ subscriptions }) => subscriptions.has(subscription)))
        subscription.deliver(event);
    }
  }
}
