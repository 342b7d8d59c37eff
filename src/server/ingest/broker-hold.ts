/** BrokerHold: pauses reading from the broker while anybody has a reason to; records wait there. */
import { performance } from 'node:perf_hooks';
import type { Consumption } from '../../broker/broker.ts';
import { bump } from '../reporting/counters.ts';

/** Who may hold the broker: the guard for lack of CPU, the pacing for a configured rate. */
export type HoldReason = 'guard' | 'pacing';

/** One per server. Reading goes on when the last reason is gone. */
export class BrokerHold {
  /** How often each reason began to hold. */
  readonly holds = new Map<HoldReason, number>();
  readonly #reasons = new Set<HoldReason>();
  readonly #nowMs: () => number;
  #consumption: Pick<Consumption, 'pause' | 'resume'> | undefined;
  #heldMs = 0;
  #sinceMs = 0;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Present reasons; empty while the broker is read. */
  get reasons(): readonly HoldReason[] {
    return [...this.#reasons];
  }

  /** Time that the broker was held in all, in milliseconds. */
  get heldMs(): number {
    return this.#heldMs + (this.#reasons.size > 0 ? this.#nowMs() - this.#sinceMs : 0);
  }

  /** What to pause. Records may arrive, and reasons come up, before it is there. */
  attach(consumption: Pick<Consumption, 'pause' | 'resume'>): void {
    this.#consumption = consumption;
    if (this.#reasons.size > 0) consumption.pause();
  }

  hold(reason: HoldReason): void {
    if (this.#reasons.has(reason)) return;
    bump(this.holds, reason);
    this.#reasons.add(reason);
    if (this.#reasons.size > 1) return;
    this.#sinceMs = this.#nowMs();
    this.#consumption?.pause();
  }

  release(reason: HoldReason): void {
    if (!this.#reasons.delete(reason) || this.#reasons.size > 0) return;
    this.#heldMs += this.#nowMs() - this.#sinceMs;
    this.#consumption?.resume();
  }
}
