/** A running publisher: one flow, its numbers, and what may be asked of it while it runs. */
import type { Log } from '../host/log.ts';
import type { Flow } from './flow.ts';
import { MarketSource } from './market-source.ts';
import {
  ControlRefusal,
  type Controls,
  type PublisherStatus,
  type PublisherTotals,
} from './publisher-status.ts';
import { RecordedSource } from './recorded-source.ts';

/** The broker is called unhealthy when it has confirmed nothing for this long, though it should. */
const unhealthyMs = 5_000;
/** How long a stop waits for the broker to confirm what it has. */
const stopGrace = { quietMs: 1_500, limitMs: 5_000 };
const sampleMs = 1_000;
const samplesKept = 6;
const samplesPerLine = 10;

/** Binds flow, source and configuration together; owns the flow. */
export class Publisher implements Controls, AsyncDisposable {
  readonly finished: Promise<PublisherTotals>;
  readonly #flow: Flow;
  readonly #log: Log;
  readonly #sampler: NodeJS.Timeout;
  /** Published counts of the last seconds, the newest last. */
  readonly #samples: { readonly elapsedMs: number; readonly published: number }[] = [];
  #samplesSinceLine = 0;
  #wasBehind = false;
  #totals: PublisherTotals | undefined;

  constructor(flow: Flow, log: Log) {
    this.#flow = flow;
    this.#log = log;
    this.#sampler = setInterval(() => this.#sample(), sampleMs);
    this.#sampler.unref();
    this.finished = this.#finish();
    this.finished.catch(() => undefined);
  }

  status(): PublisherStatus {
    const { source, running, error, stalledMs } = this.#flow;
    const market = source instanceof MarketSource ? source : undefined;
    return {
      ...this.#currentTotals(),
      source: market === undefined ? 'file' : 'market',
      running,
      targetRate: market?.plan.rate,
      achievedRate: this.#achievedRate(),
      tokens: market?.plan.tokens.length ?? 0,
      seed: market?.seed,
      inFlight: this.#flow.counts.inFlight,
      behind: this.#flow.behind(),
      healthy: error === undefined && stalledMs < unhealthyMs,
      error: error?.message,
    };
  }

  start(plan: {
    readonly rate?: number | undefined;
    readonly tokens?: readonly string[] | undefined;
  }): void {
    this.#refuseWhenOver();
    const { source } = this.#flow;
    if (source instanceof MarketSource) {
      this.#flow.pause();
      source.plan = {
        ...source.plan,
        rate: plan.rate ?? source.plan.rate,
        tokens: plan.tokens ?? source.plan.tokens,
      };
    } else if (plan.rate !== undefined || plan.tokens !== undefined) {
      throw new ControlRefusal('a recording has its own rate and tokens');
    }
    this.#flow.start();
    this.#log.info({ rate: this.#rate(), tokens: this.status().tokens }, 'started by the api');
  }

  pause(): void {
    if (!this.#flow.running) return;
    this.#flow.pause();
    this.#log.info({ published: this.#flow.counts.published }, 'stopped by the api');
  }

  setRate(rate: number): void {
    this.#refuseWhenOver();
    const { source } = this.#flow;
    if (!(source instanceof MarketSource)) {
      throw new ControlRefusal('a recording has its own rate');
    }
    source.changeRate(rate, this.#flow.nowMs());
    this.#log.info({ rate }, 'rate changed by the api');
  }

  /** Ends the run: waits for the broker as long as it confirms what it has, at most 5 s. */
  async stop(): Promise<PublisherTotals> {
    await this.#flow.close(stopGrace);
    return this.#currentTotals();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    clearInterval(this.#sampler);
  }

  async #finish(): Promise<PublisherTotals> {
    try {
      await this.#flow.finished;
    } finally {
      this.#totals = this.#currentTotals();
      clearInterval(this.#sampler);
      this.#log.info({ ...this.#totals }, 'publishing ended');
    }
    return this.#totals;
  }

  #currentTotals(): PublisherTotals {
    if (this.#totals !== undefined) return this.#totals;
    const { published, failed, unconfirmed, abandoned, behindMax } = this.#flow.counts;
    const { source } = this.#flow;
    const badLines = source instanceof RecordedSource ? source.badLines : 0;
    const elapsedMs = Math.round(this.#flow.elapsedMs);
    return { published, failed, unconfirmed, badLines, behindMax, abandoned, elapsedMs };
  }

  #refuseWhenOver(): void {
    if (this.#flow.over) throw new ControlRefusal('the run is over');
  }

  #rate(): number | undefined {
    return this.#flow.source instanceof MarketSource ? this.#flow.source.plan.rate : undefined;
  }

  #achievedRate(): number {
    const { elapsedMs, counts } = this.#flow;
    const first = this.#samples[0] ?? { elapsedMs: 0, published: 0 };
    const spanMs = elapsedMs - first.elapsedMs;
    if (spanMs <= 0) return 0;
    return Math.round(((counts.published - first.published) / spanMs) * 10_000) / 10;
  }

  #sample(): void {
    const { elapsedMs, counts, running, stalledMs } = this.#flow;
    this.#samples.push({ elapsedMs, published: counts.published });
    if (this.#samples.length > samplesKept) this.#samples.shift();
    this.#samplesSinceLine++;
    const isLineDue = this.#samplesSinceLine >= samplesPerLine;
    const behind = this.#flow.behind();
    const { published, inFlight } = counts;
    const fields = { published, inFlight, behind, achievedRate: this.#achievedRate() };
    if (stalledMs >= sampleMs || behind > Math.max(100, this.#rate() ?? 0)) {
      if (this.#wasBehind && !isLineDue) return;
      this.#wasBehind = true;
      this.#log.warn(fields, 'behind: the broker is slower than events are due');
    } else if (this.#wasBehind) {
      this.#wasBehind = false;
      this.#log.info(fields, 'caught up with what was due');
    } else if (running && isLineDue) {
      this.#log.info(fields, 'publishing');
    } else return;
    this.#samplesSinceLine = 0;
  }
}
