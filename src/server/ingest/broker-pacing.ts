/** BrokerPacing: configured rates kept by letting records wait in the broker, never by dropping. */
import { performance } from 'node:perf_hooks';
import type { BrokerHold } from './broker-hold.ts';

/** Rates per second; 0 is unlimited. */
export interface PacingRates {
  /** Events taken from the broker. */
  readonly maxBrokerRate: number;
  /** Events times the clients that want them. */
  readonly maxBroadcastRate: number;
}

/** Where the rates are read at each use: they may change. */
interface PacingLimits {
  readonly guard: PacingRates;
}

/** Time that a bucket fills for while nothing is taken, in milliseconds. */
const burstMs = 1_000;
/** Shorter waits would be over before the broker has stopped, in milliseconds. */
const leastWaitMs = 5;
/** Rates are looked at anew at least this often while the broker waits, in milliseconds. */
const mostWaitMs = 1_000;

/**
 * Two token buckets. A broker hands records over in batches, and a batch that was handed over is
 * taken whole: a bucket may go below zero, and then the broker is held until it is level again. So
 * in any time of T seconds at most `rate × (T + 1)` and one batch are taken: up to 2 048 records
 * of the embedded broker, up to 1 MiB of one partition of Kafka, up to 512 records of NATS.
 */
export class BrokerPacing implements Disposable {
  readonly #hold: Pick<BrokerHold, 'hold' | 'release'>;
  readonly #limits: PacingLimits;
  readonly #events: Bucket;
  readonly #deliveries: Bucket;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    limits: PacingLimits,
    hold: Pick<BrokerHold, 'hold' | 'release'>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#hold = hold;
    this.#nowMs = nowMs;
    this.#limits = limits;
    this.#events = new Bucket(nowMs());
    this.#deliveries = new Bucket(nowMs());
  }

  /** A batch of `events` was taken, which makes `deliveries`. Holds the broker if it was too soon. */
  took(events: number, deliveries: number): void {
    const nowMs = this.#nowMs();
    const { maxBrokerRate, maxBroadcastRate } = this.#limits.guard;
    this.#events.spend(events, maxBrokerRate, nowMs);
    this.#deliveries.spend(deliveries, maxBroadcastRate, nowMs);
    if (this.#timer === undefined && this.#waitMs(nowMs) > 0) this.#wait(nowMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  /** Batches that were under way may still come in: the wait is looked at anew at its end. */
  #wait(nowMs: number): void {
    this.#hold.hold('pacing');
    this.#timer = setTimeout(
      () => {
        const laterMs = this.#nowMs();
        if (this.#waitMs(laterMs) > 0) return this.#wait(laterMs);
        this.#timer = undefined;
        this.#hold.release('pacing');
      },
      Math.min(mostWaitMs, Math.max(leastWaitMs, this.#waitMs(nowMs))),
    );
  }

  #waitMs(nowMs: number): number {
    const { maxBrokerRate, maxBroadcastRate } = this.#limits.guard;
    return Math.max(
      this.#events.waitMs(maxBrokerRate, nowMs),
      this.#deliveries.waitMs(maxBroadcastRate, nowMs),
    );
  }
}

/** Filled at the rate that is given at each use; a rate of 0 leaves it full. */
class Bucket {
  #tokens = Number.POSITIVE_INFINITY;
  #filledMs: number;

  constructor(nowMs: number) {
    this.#filledMs = nowMs;
  }

  spend(tokens: number, ratePerSecond: number, nowMs: number): void {
    this.#fill(ratePerSecond, nowMs);
    this.#tokens -= tokens;
  }

  /** Milliseconds until it is level; 0 when it is. */
  waitMs(ratePerSecond: number, nowMs: number): number {
    this.#fill(ratePerSecond, nowMs);
    return this.#tokens < 0 ? Math.ceil((-this.#tokens * 1_000) / ratePerSecond) : 0;
  }

  #fill(ratePerSecond: number, nowMs: number): void {
    const isOff = ratePerSecond === 0;
    const capacity = isOff ? Number.POSITIVE_INFINITY : (ratePerSecond * burstMs) / 1_000;
    const filled = ((nowMs - this.#filledMs) * ratePerSecond) / 1_000;
    this.#tokens = isOff ? capacity : Math.min(capacity, this.#tokens + filled);
    this.#filledMs = nowMs;
  }
}
