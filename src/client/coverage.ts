/** Coverage: up to which time a connection has brought everything, for channels not seen yet. */
import type { Interest, Interests } from './interests.ts';
import type { MarketEvent } from './market-event.ts';

/**
 * A server sends events in one order, whatever their channels. So an event says of all subscriptions
 * that what came before it is here, and so does an answer with no event before it for a while. The
 * exceptions are missed events after a return: those say nothing of other subscriptions.
 */
export class Coverage {
  /** By the server's clock, in milliseconds since 1970. */
  #coveredMs = Number.NEGATIVE_INFINITY;
  /** Those whose missed events are still coming, and the time of the last of these. */
  readonly #catchingUp = new Map<Interest, number>();
  #isIdle = false;

  /** An interest is held as of now; `missedUntilMs` is the time of the last missed event, if any. */
  add(interest: Interest, serverMs: number, missedUntilMs: number | undefined): void {
    if (missedUntilMs === undefined) interest.coveredMs = serverMs;
    else this.#catchingUp.set(interest, missedUntilMs);
  }

  /** An event that came for these. An event from the future says no more than the clock does. */
  note({ ts }: MarketEvent, holding: readonly Interest[], serverMs: number): void {
    this.#isIdle = false;
    const coveredMs = Math.min(ts, serverMs);
    if (this.#catchingUp.size === 0) this.#cover(coveredMs);
    for (const interest of holding) {
      const untilMs = this.#catchingUp.get(interest);
      if (untilMs === undefined) continue;
      interest.coveredMs = Math.max(interest.coveredMs ?? 0, coveredMs);
      if (ts >= untilMs) this.#catchingUp.delete(interest);
    }
  }

  /** The server has answered, and its clock says `serverMs`. */
  pong(serverMs: number): void {
    for (const interest of this.#catchingUp.keys()) {
      if (interest.subscriptions.size === 0) this.#catchingUp.delete(interest);
    }
    if (this.#isIdle && this.#catchingUp.size === 0) this.#cover(serverMs);
    this.#isIdle = true;
  }

  /** Writes down in the interests how far they are. */
  settle(interests: Interests): void {
    for (const interest of interests.all()) {
      if (interest.state !== 'held' || this.#catchingUp.has(interest)) continue;
      interest.coveredMs = Math.max(interest.coveredMs ?? 0, this.#coveredMs);
    }
  }

  #cover(untilMs: number): void {
    this.#coveredMs = Math.max(this.#coveredMs, untilMs);
  }
}
