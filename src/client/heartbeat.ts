/** Heartbeat: whether the other side is still there, how far away it is, and what its clock says. */
import { isOnline } from './surroundings.ts';

/** What a heartbeat does and tells. */
export interface HeartbeatOwner {
  /** Asks the server for a sign of life. */
  ping(): void;
  /** Nothing was heard for too long. */
  dead(): void;
}

/** Pings are at most this far apart, so that positions under wildcards do not grow old. */
const maxPeriodMs = 10_000;
/** A round trip counts this much in the estimate. */
const newShare = 0.2;

/** Watches one connection. Times are of the monotonic clock unless they say otherwise. */
export class Heartbeat {
  /** Estimated time there and back, in milliseconds; undefined before the first answer. */
  roundTripMs: number | undefined;
  readonly #owner: HeartbeatOwner;
  readonly #silenceMs: number;
  readonly #tickMs: number;
  readonly #timer: ReturnType<typeof setInterval>;
  #probe: ReturnType<typeof setTimeout> | undefined;
  #heardMs: number;
  #tickedMs: number;
  #pingedMs: number | undefined;
  #pongMs = Number.NaN;
  /** Time of the server in its newest answer, in milliseconds since 1970. */
  #serverMs = Number.NaN;

  /** `periodMs` is the server's own; silence for two of them is the end. */
  constructor(owner: HeartbeatOwner, periodMs: number) {
    this.#owner = owner;
    this.#silenceMs = 2 * periodMs;
    this.#tickMs = Math.min(periodMs / 2, maxPeriodMs);
    this.#heardMs = performance.now();
    this.#tickedMs = this.#heardMs;
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
    this.#ping();
  }

  stop(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#probe);
  }

  /** Something came. */
  heard(): void {
    this.#heardMs = performance.now();
    if (this.#probe === undefined) return;
    clearTimeout(this.#probe);
    this.#probe = undefined;
  }

  /** An answer to a ping, with the server's clock in milliseconds since 1970. */
  pong(serverMs: number): void {
    this.#pongMs = performance.now();
    this.#serverMs = serverMs;
    if (this.#pingedMs === undefined) return;
    const tripMs = this.#pongMs - this.#pingedMs;
    this.#pingedMs = undefined;
    const before = this.roundTripMs ?? tripMs;
    this.roundTripMs = before + newShare * (tripMs - before);
  }

  /**
   * The server's clock, in milliseconds since 1970: what it showed when it answered, plus the time
   * since the answer came. So it is never ahead. Without an answer, this machine's clock.
   */
  serverMs(): number {
    const nowMs = performance.now();
    return Number.isNaN(this.#serverMs) ? Date.now() : this.#serverMs + nowMs - this.#pongMs;
  }

  /** Expects a sign of life soon: when the network was away, or this page was asleep. */
  probe(): void {
    if (this.#probe !== undefined) return;
    this.#probe = setTimeout(() => this.#owner.dead(), Math.min(this.#silenceMs, 5_000));
    this.#ping();
  }

  #tick(): void {
    const nowMs = performance.now();
    const wasAsleep = nowMs - this.#tickedMs > 3 * this.#tickMs;
    this.#tickedMs = nowMs;
    const isSilent = nowMs - this.#heardMs >= this.#silenceMs;
    if (!isSilent && isOnline()) this.#ping();
    // After a sleep, what came meanwhile has not been handed over yet.
    else if (!isSilent || wasAsleep) this.probe();
    else this.#owner.dead();
  }

  #ping(): void {
    this.#pingedMs ??= performance.now();
    this.#owner.ping();
  }
}
