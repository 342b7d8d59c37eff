/** Connection rates: how fast connections may be opened, by address and in all. */
import { afterTaking, type Rate, waitMs } from './rate.ts';

/** Addresses that are remembered; about 150 bytes each. The one used longest ago goes first. */
const maxAddresses = 100_000;
/** Addresses without claims that each attempt clears away, so that a quiet server forgets. */
const clearedPerAttempt = 2;

/** A refused attempt: which rate it hit, and how long to wait. */
interface RateRefusal {
  readonly code: 'IP_RATE_LIMITED' | 'GLOBAL_RATE_LIMITED';
  readonly retryAfterMs: number;
}

/** What is counted here. */
interface RateCounters {
  addressesForgotten: number;
}

/** Buckets of all addresses and the one of the whole node. */
export class ConnectionRates {
  readonly #perAddress: Rate;
  readonly #global: Rate;
  readonly #counters: RateCounters;
  readonly #maxAddresses: number;
  /** `fullAtMs` by address, the one used longest ago first. */
  readonly #fullAtMs = new Map<string, number>();
  #globalFullAtMs = 0;

  constructor(perAddress: Rate, global: Rate, counters: RateCounters, limit = maxAddresses) {
    this.#perAddress = perAddress;
    this.#global = global;
    this.#counters = counters;
    this.#maxAddresses = limit;
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#fullAtMs.size;
  }

  /** Takes one connection out of both buckets, or out of none and says why not. */
  take(address: string, nowMs: number): RateRefusal | undefined {
    const fullAtMs = this.#fullAtMs.get(address) ?? 0;
    const addressWaitMs = waitMs(this.#perAddress, fullAtMs, nowMs);
    if (addressWaitMs > 0) {
      this.#remember(address, fullAtMs, nowMs);
      return { code: 'IP_RATE_LIMITED', retryAfterMs: addressWaitMs };
    }
    const globalWaitMs = waitMs(this.#global, this.#globalFullAtMs, nowMs);
    if (globalWaitMs > 0) return { code: 'GLOBAL_RATE_LIMITED', retryAfterMs: globalWaitMs };
    this.#globalFullAtMs = afterTaking(this.#global, this.#globalFullAtMs, nowMs);
    if (this.#perAddress.perSecond > 0) {
      this.#remember(address, afterTaking(this.#perAddress, fullAtMs, nowMs), nowMs);
    }
    return undefined;
  }

  #remember(address: string, fullAtMs: number, nowMs: number): void {
    this.#fullAtMs.delete(address);
    this.#fullAtMs.set(address, fullAtMs);
    let cleared = 0;
    for (const [oldest, oldestFullAtMs] of this.#fullAtMs) {
      const isOver = this.#fullAtMs.size > this.#maxAddresses;
      const isFull = oldestFullAtMs <= nowMs;
      if (!isOver && (!isFull || cleared === clearedPerAttempt)) return;
      this.#fullAtMs.delete(oldest);
      cleared++;
      if (!isFull) this.#counters.addressesForgotten++;
    }
  }
}
