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

/** Time that a bucket fills for while nothing is taken, in milliseconds. */
const burstMs = 1_000;
/** Shorter waits would be over before the broker has stopped, in milliseconds. */
const leastWaitMs = 5;

/**
 * Two token buckets. A broker hands records over in batches, and a batch that was handed over is
 * taken whole: a bucket may go below zero, and then the broker is held until it is level again. So
 * in any time of T seconds at most `rate × (T + 1)` and one batch are taken: up to 2 048 records
 * of the embedded broker, up to 1 MiB of one partition of Kafka.
 */
export class BrokerPacing implements Disposable {
  readonly #hold: Pick<BrokerHold, 'hold' | 'release'>;
  readonly #events: Bucket;
  readonly #deliveries: Bucket;
  readonly #nowMs: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    rates: PacingRates,
    hold: Pick<BrokerHold, 'hold' | 'release'>,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#hold = hold;
    this.#nowMs = nowMs;
    this.#events = new Bucket(rates.maxBrokerRate, nowMs());
    this.#deliveries = new Bucket(rates.maxBroadcastRate, nowMs());
  }

  /** A batch of `events` was taken, which makes `deliveries`. Holds the broker if it was too soon. */
  took(events: number, deliveries: number): void {
    const nowMs = this.#nowMs();
    this.#events.spend(events, nowMs);
    this.#deliveries.spend(deliveries, nowMs);
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
      Math.max(leastWaitMs, this.#waitMs(nowMs)),
    );
  }

  #waitMs(nowMs: number): number {
    return Math.max(this.#events.waitMs(nowMs), this.#deliveries.waitMs(nowMs));
  }
}

class Bucket {
  readonly #perMs: number;
  readonly #capacity: number;
  #tokens: number;
  #filledMs: number;

  constructor(ratePerSecond: number, nowMs: number) {
    this.#perMs = ratePerSecond / 1_000;
    this.#capacity = this.#perMs * burstMs;
    this.#tokens = this.#capacity;
    this.#filledMs = nowMs;
  }

  spend(tokens: number, nowMs: number): void {
    if (this.#perMs === 0) return;
    this.#fill(nowMs);
    this.#tokens -= tokens;
  }

  /** Milliseconds until it is level; 0 when it is. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens < 0 ? Math.ceil(-this.#tokens / this.#perMs) : 0;
  }

  #fill(nowMs: number): void {
    this.#tokens = Math.min(this.#capacity, this.#tokens + (nowMs - this.#filledMs) * this.#perMs);
    this.#filledMs = nowMs;
  }
}
