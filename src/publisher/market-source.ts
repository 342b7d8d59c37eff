/** Invented events at an exact rate: a market and the pacer that says when each event is due. */
import { createPacer, type Pacer } from '../base/pacer.ts';
import type { OutgoingRecord } from '../broker/broker.ts';
import { categoryFacts } from '../events/categories.ts';
import { eventTypes } from '../events/event-types.ts';
import type { Clock } from './clock.ts';
import { createMarket, type Market } from './market.ts';
import type { Source } from './source.ts';

/** What a {@link MarketSource} invents. */
export interface MarketPlan {
  /** Events per second, 0.1 to 50 000. */
  readonly rate: number;
  readonly tokens: readonly string[];
}

/** A source that never ends. Restarting it with other tokens begins the seed's sequence anew. */
export class MarketSource implements Source {
  onReady: () => void = () => {};
  readonly ended = false;
  readonly error = undefined;
  readonly seed: number;
  readonly #clock: Clock;
  #plan: MarketPlan;
  #market: Market;
  #pacer: Pacer | undefined;

  constructor(seed: number, plan: MarketPlan, clock: Clock) {
    this.seed = seed;
    this.#clock = clock;
    this.#plan = plan;
    this.#market = createMarket(seed, plan.tokens);
  }

  get plan(): MarketPlan {
    return this.#plan;
  }

  /** Takes effect with the next `start`. */
  set plan(plan: MarketPlan) {
    if (plan.tokens.join() !== this.#plan.tokens.join()) {
      this.#market = createMarket(this.seed, plan.tokens);
    }
    this.#plan = plan;
  }

  start(nowMs: number): void {
    this.#pacer = createPacer(this.#plan.rate, nowMs);
  }

  stop(nowMs: number): number {
    const abandoned = this.behind(nowMs);
    this.#pacer = undefined;
    return abandoned;
  }

  /** Another rate from now on; what is due stays due. */
  changeRate(rate: number, nowMs: number): void {
    this.#plan = { ...this.#plan, rate };
    this.#pacer?.changeRate(rate, nowMs);
    this.onReady();
  }

  take(nowMs: number, limit: number): OutgoingRecord[] {
    const due = this.#pacer?.take(nowMs, limit) ?? 0;
    const records = new Array<OutgoingRecord>(due);
    for (let index = 0; index < due; index++) {
      const plannedMs = (this.#pacer as Pacer).plannedMs(due - 1 - index);
      records[index] = this.#record(Math.round(this.#clock.wallMs(plannedMs)));
    }
    return records;
  }

  waitMs(nowMs: number): number {
    return this.#pacer?.waitMs(nowMs) ?? Number.POSITIVE_INFINITY;
  }

  behind(nowMs: number): number {
    return this.#pacer?.behind(nowMs) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pacer = undefined;
  }

  #record(timestampMs: number): OutgoingRecord {
    const event = this.#market.nextEvent(timestampMs);
    return {
      topic: categoryFacts[eventTypes[event.type].category].topic,
      key: event.data.token as string,
      value: JSON.stringify(event),
      timestampMs,
    };
  }
}
