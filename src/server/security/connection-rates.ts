/** Connection rates: how fast connections may be opened, by address and in all. */
import type { Rate } from './rate.ts';

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
  /** Buckets by address, the one used longest ago first. */
  readonly #buckets = new Map<string, number>();
  #globalBucket = 0;

  constructor(perAddress: Rate, global: Rate, counters: RateCounters, limit = maxAddresses) {
    this.#perAddress = perAddress;
    this.#global = global;
    this.#counters = counters;
    this.#maxAddresses = limit;
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Takes one connection out of both buckets, or out of none and says why not. */
  take(address: string, nowMs: number): RateRefusal | undefined {
    const bucket = this.#buckets.get(address) ?? 0;
    const addressWaitMs = this.#perAddress.waitMs(bucket, nowMs);
    if (addressWaitMs > 0) {
      this.#remember(address, bucket, nowMs);
      return { code: 'IP_RATE_LIMITED', retryAfterMs: addressWaitMs };
    }
    const globalWaitMs = this.#global.waitMs(this.#globalBucket, nowMs);
    if (globalWaitMs > 0) return { code: 'GLOBAL_RATE_LIMITED', retryAfterMs: globalWaitMs };
    this.#globalBucket = this.#global.afterTaking(this.#globalBucket, nowMs);
    // What was remembered before the rate was switched off is of no use any more.
    if (this.#perAddress.isUnlimited) this.#buckets.clear();
    else this.#remember(address, this.#perAddress.afterTaking(bucket, nowMs), nowMs);
    return undefined;
  }

  #remember(address: string, bucket: number, nowMs: number): void {
    this.#buckets.delete(address);
    this.#buckets.set(address, bucket);
    let cleared = 0;
    for (const [oldest, oldestBucket] of this.#buckets) {
      const isOver = this.#buckets.size > this.#maxAddresses;
      const isFull = this.#perAddress.isFull(oldestBucket, nowMs);
      if (!isOver && (!isFull || cleared === clearedPerAttempt)) return;
      this.#buckets.delete(oldest);
      cleared++;
      if (!isFull) this.#counters.addressesForgotten++;
    }
  }
}
