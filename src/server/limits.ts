/** Limits: the settings that a running server takes on anew, shared by all who go by them. */
import { performance } from 'node:perf_hooks';
import type { Config } from '../config/schema.ts';
import type { GuardThresholds } from './guard/guard-levels.ts';
import type { PacingRates } from './ingest/broker-pacing.ts';
import { readTrustedProxies, type TrustedProxies } from './security/client-address.ts';
import { type Origins, readOrigins } from './security/origins.ts';
import { Rate, type RateSettings } from './security/rate.ts';

/**
 * One per process. Whoever needs a value reads it here at every use, and keeps no copy. The rates
 * are the same objects for good: their buckets keep their fill.
 */
export class Limits {
  /** New connections of one address. */
  readonly addressRate: Rate;
  /** New connections in all. */
  readonly globalRate: Rate;
  /** Messages of one client. */
  readonly messageRate: Rate;
  #config: Config['server'];
  #trustedProxies: TrustedProxies;
  #origins: Origins;

  /** Throws a UsageError when a trusted proxy is no address. */
  constructor(config: Config['server']) {
    const rates = ratesOf(config);
    this.#config = config;
    this.#trustedProxies = readTrustedProxies(config.limits.trustedProxies);
    this.#origins = readOrigins(config.auth.origins);
    this.addressRate = new Rate(rates.address);
    this.globalRate = new Rate(rates.global);
    this.messageRate = new Rate(rates.message);
  }

  /** What it goes by now. */
  get config(): Config['server'] {
    return this.#config;
  }

  get maxConnections(): number {
    return this.#config.maxConnections;
  }

  /** Of one client. */
  get maxSubscriptions(): number {
    return this.#config.maxSubscriptions;
  }

  /** Connections of one user; 0 is unlimited. */
  get devicesPerUser(): number {
    return this.#config.auth.devicesPerUser;
  }

  get trustedProxies(): TrustedProxies {
    return this.#trustedProxies;
  }

  get origins(): Origins {
    return this.#origins;
  }

  get guard(): GuardThresholds & PacingRates {
    return this.#config.guard;
  }

  /**
   * Goes by another configuration from now on. Nobody is closed who is over a limit now. Throws a
   * UsageError when a value is no good; then everything stays as it was.
   */
  take(next: Config['server']): void {
    const trustedProxies = readTrustedProxies(next.limits.trustedProxies);
    const nowMs = performance.now();
    const rates = ratesOf(next);
    this.#config = next;
    this.#trustedProxies = trustedProxies;
    this.#origins = readOrigins(next.auth.origins);
    this.addressRate.change(rates.address, nowMs);
    this.globalRate.change(rates.global, nowMs);
    this.messageRate.change(rates.message, nowMs);
  }
}

function ratesOf({
  limits,
}: Config['server']): Record<'address' | 'global' | 'message', RateSettings> {
  return {
    address: { perSecond: limits.ipRate, burst: limits.ipBurst },
    global: { perSecond: limits.globalRate, burst: limits.globalBurst },
    message: { perSecond: limits.messageRate, burst: limits.messageBurst },
  };
}
