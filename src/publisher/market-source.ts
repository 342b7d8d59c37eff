/** Invented events at an exact rate: a market and the pacer that says when each event is due. */
import { createPacer, type Pacer } from '../base/pacer.ts';
import type { OutgoingRecord } from '../broker/broker.ts';
import { topicOfEvent } from '../events/channel.ts';
import type { Clock } from './clock.ts';
import { createMarket, type Market, type MarketEvent } from './market.ts';
import type { Source } from './source.ts';
import { Timetable } from './timetable.ts';

/** What a {@link MarketSource} invents. */
export interface MarketPlan {
  /** Events per second, 0.1 to 50 000. */
  readonly rate: number;
  readonly tokens: readonly string[];
  /** How often to publish `global.trending`, in milliseconds; 0 or nothing: never. */
  readonly trendingIntervalMs?: number;
  /** The same for `global.new_listing`. */
  readonly newListingIntervalMs?: number;
}

/**
 * A source that never ends. What goes to the channels `global.*` comes on top of the rate: the pacer
 * knows nothing of it. It counts as any other event when it is taken, sent and confirmed.
 * Restarting it with other tokens begins the seed's sequence anew.
 */
export class MarketSource implements Source {
  onReady: () => void = () => {};
  readonly ended = false;
  readonly error = undefined;
  readonly seed: number;
  readonly #clock: Clock;
  #plan: MarketPlan;
  #market: Market;
  #pacer: Pacer | undefined;
  #timetable: Timetable | undefined;

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
    const { rate, trendingIntervalMs = 0, newListingIntervalMs = 0 } = this.#plan;
    this.#pacer = createPacer(rate, nowMs);
    const intervals = { trending: trendingIntervalMs, new_listing: newListingIntervalMs };
    this.#timetable = new Timetable(intervals, nowMs);
  }

  stop(nowMs: number): number {
    const abandoned = this.behind(nowMs);
    this.#pacer = undefined;
    this.#timetable = undefined;
    return abandoned;
  }

  /** Another rate from now on; what is due stays due. */
  changeRate(rate: number, nowMs: number): void {
    this.#plan = { ...this.#plan, rate };
    this.#pacer?.changeRate(rate, nowMs);
    this.onReady();
  }

  take(nowMs: number, limit: number): OutgoingRecord[] {
    const records: OutgoingRecord[] = [];
    while (records.length < limit) {
      const globalMs = this.#timetable?.nextMs ?? Number.POSITIVE_INFINITY;
      // What the market tells of itself follows from the events before it, however late they are.
      const taken = this.#takePaced(Math.min(nowMs, globalMs), limit - records.length, records);
      if (taken > 0) continue;
      if (globalMs > nowMs) break;
      records.push(this.#globalRecord(globalMs));
    }
    return records;
  }

  waitMs(nowMs: number): number {
    if (this.#pacer === undefined) return Number.POSITIVE_INFINITY;
    const globalMs = this.#timetable?.nextMs ?? Number.POSITIVE_INFINITY;
    return Math.min(this.#pacer.waitMs(nowMs), Math.max(0, globalMs - nowMs));
  }

  behind(nowMs: number): number {
    return (this.#pacer?.behind(nowMs) ?? 0) + (this.#timetable?.behind(nowMs) ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pacer = undefined;
  }

  #takePaced(untilMs: number, limit: number, records: OutgoingRecord[]): number {
    const due = this.#pacer?.take(untilMs, limit) ?? 0;
    for (let index = 0; index < due; index++) {
      const plannedMs = (this.#pacer as Pacer).plannedMs(due - 1 - index);
      const event = this.#market.nextEvent(Math.round(this.#clock.wallMs(plannedMs)));
      records.push(recordOf(event, event.data.token as string));
    }
    return due;
  }

  #globalRecord(plannedMs: number): OutgoingRecord {
    const timestampMs = Math.round(this.#clock.wallMs(plannedMs));
    const kind = this.#timetable?.take();
    const event =
      kind === 'trending'
        ? this.#market.trending(timestampMs)
        : this.#market.newListing(timestampMs);
    return recordOf(event, `global.${kind}`);
  }
}

function recordOf(event: MarketEvent, key: string): OutgoingRecord {
  const topic = topicOfEvent(event.type, key);
  return { topic, key, value: JSON.stringify(event), timestampMs: event.timestamp };
}
