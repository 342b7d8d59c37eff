/** Places: how far the application is on each channel, and what an event means to that. */
import { subscriptionsMatching } from '../events/channel.ts';
import type { MarketEvent } from './market-event.ts';

/**
 * What an event is: the next of its channel, one that was seen, or one that does not follow what was
 * seen last.
 */
export type Verdict = 'next' | 'seen' | 'gap';

/** How much the step from the last event to the next one is to be trusted. */
export type Trust =
  /** A hole may be there and can be asked for. */
  | 'whole'
  /** A hole is likely, and nobody can fill it: to be told when the next event shows it. */
  | 'unsure'
  /** A hole has been told already. */
  | 'excused';

interface Place {
  offset: number;
  /** Connection on which its last event came; see {@link Places.round}. */
  round: number;
  trust: Trust;
  /** Events that the server said it left out, and that have not shown up as a hole. */
  skipped: number;
  newest: MarketEvent | undefined;
}

/** Last events of channels, at most `limit` of them: beyond, what was quiet longest is forgotten. */
export class Places {
  /** Of the log that offsets belong to; undefined before a server has told. */
  epoch: string | undefined;
  /** Grows with each connection: the server vouches for `prev` only within one. */
  round = 0;
  /** Channels that were forgotten to keep the limit. */
  forgotten = 0;
  readonly #limit: number;
  readonly #places = new Map<string, Place>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  offsetOf(channel: string): number | undefined {
    return this.#places.get(channel)?.offset;
  }

  trustOf(channel: string): Trust {
    return this.#places.get(channel)?.trust ?? 'whole';
  }

  /** The newest event of each channel under a subscription, quiet longest first. */
  newestUnder(name: string): MarketEvent[] {
    return this.#under(name).flatMap(([, { newest }]) => newest ?? []);
  }

  /** Offsets of the channels under a subscription, the latest to have an event first. */
  offsetsUnder(name: string): [channel: string, offset: number][] {
    return this.#under(name)
      .map(([channel, { offset }]): [string, number] => [channel, offset])
      .reverse();
  }

  judge({ channel, offset, prev }: MarketEvent): Verdict {
    const place = this.#places.get(channel);
    if (place === undefined) return 'next';
    if (offset <= place.offset) return 'seen';
    if (prev === place.offset) return 'next';
    // A server that has just learnt of a channel knows none before; one that knew it has lost some.
    if (prev === null && place.round !== this.round && place.trust === 'whole') return 'next';
    if (place.skipped === 0) return 'gap';
    place.skipped--;
    return 'next';
  }

  /** Takes note of an event that goes to the application. */
  take(event: MarketEvent): void {
    const { channel, offset } = event;
    const place = this.#places.get(channel);
    const skipped = place?.round === this.round ? place.skipped : 0;
    // Put last, so that the first is the one that was quiet longest.
    if (place !== undefined) this.#places.delete(channel);
    const { round } = this;
    this.#places.set(channel, { offset, round, trust: 'whole', skipped, newest: event });
    this.#trim();
  }

  /** Sets where a channel is, as the application or an answer of the server tells it. */
  seed(channel: string, offset: number): void {
    const known = this.#places.get(channel);
    if (known !== undefined && known.offset >= offset) return;
    const place: Place = { offset, round: -1, trust: 'whole', skipped: 0, newest: undefined };
    this.#places.set(channel, place);
    this.#trim();
  }

  /** What follows on the channels under a subscription may not follow what was seen last. */
  doubt(name: string, trust: Trust): void {
    for (const [, place] of this.#under(name)) place.trust = trust;
  }

  /** The server leaves out `count` events of a channel. */
  skip(channel: string, count: number): void {
    const place = this.#places.get(channel);
    if (place !== undefined) place.skipped += count;
  }

  /** Another connection: what the last one left out does not count on this one. */
  nextRound(): void {
    this.round++;
    for (const place of this.#places.values()) place.skipped = 0;
  }

  /** Forgets the channels under a subscription that is over, but for those still covered. */
  forget(name: string, isCovered: (names: readonly string[]) => boolean): void {
    for (const [channel] of this.#under(name)) {
      if (!isCovered(subscriptionsMatching(channel))) this.#places.delete(channel);
    }
  }

  /** Forgets everything: offsets of another log mean nothing. */
  restart(epoch: string | undefined): void {
    this.#places.clear();
    this.epoch = epoch;
  }

  #under(name: string): [string, Place][] {
    if (!name.includes('*')) {
      const place = this.#places.get(name);
      return place === undefined ? [] : [[name, place]];
    }
    return [...this.#places].filter(([channel]) => subscriptionsMatching(channel).includes(name));
  }

  #trim(): void {
    if (this.#places.size <= this.#limit) return;
    this.#places.delete(this.#places.keys().next().value as string);
    this.forgotten++;
  }
}
