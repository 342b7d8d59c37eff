/** From source to broker: takes what is due, bounds what is under way, drops nothing. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { messageOf } from '../base/errors.ts';
import type { OutgoingRecord, Producer } from '../broker/broker.ts';
import type { Log } from '../host/log.ts';
import type { Clock } from './clock.ts';
import { RecordsRefused } from './records-refused.ts';
import type { Source } from './source.ts';
import { Wakeup } from './wakeup.ts';

/** Events handed to the broker that it has not confirmed; further ones wait in the source. */
const maxInFlight = 20_000;
const maxBatch = 1_000;
/** While nothing fits, how often to look how far behind the flow is. */
const fullPollMs = 200;

/** How long the end of a flow waits for a broker, in milliseconds. */
export interface Grace {
  /** Without any confirmation, unless the broker took more than half of that for the last one. */
  readonly quietMs: number;
  /** In all. */
  readonly limitMs: number;
}

/** When a flow is over although its source is not. */
export interface FlowEnd {
  readonly durationMs?: number | undefined;
  readonly count?: number | undefined;
}

/** Everything that passed, in events. `published + failed + inFlight` is what was taken. */
export interface FlowCounts {
  published: number;
  /** Refused by the broker, or not confirmed when the flow was closed. */
  failed: number;
  /** Of these, those that were not confirmed: whether the broker has them is not known. */
  unconfirmed: number;
  inFlight: number;
  /** Due, but given up by a stop or a restart before they were made. */
  abandoned: number;
  /** The largest number of events that were due and had to wait for the broker. */
  behindMax: number;
}

/** Runs until its source ends, its {@link FlowEnd} is reached, it is closed, or the broker fails. */
export class Flow {
  readonly counts: FlowCounts = {
    published: 0,
    failed: 0,
    unconfirmed: 0,
    inFlight: 0,
    abandoned: 0,
    behindMax: 0,
  };
  readonly source: Source;
  /** Resolves at the end, when everything taken is confirmed; rejects when the broker gave up. */
  readonly finished: Promise<void>;
  readonly #producer: Producer;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #end: FlowEnd;
  readonly #wakeup = new Wakeup();
  readonly #onSend: (elapsedMs: number) => void;
  #running = false;
  #closing = false;
  #over = false;
  #error: Error | undefined;
  #taken = 0;
  #startedMs: number | undefined;
  #progressMs = 0;
  /** What the newest confirmation took. */
  #tookMs = 0;
  #wasFull = false;

  constructor(
    source: Source,
    end: FlowEnd,
    deps: {
      readonly producer: Producer;
      readonly clock: Clock;
      readonly log: Log;
      /** Told how long the broker took for each batch. */
      readonly onSend: (elapsedMs: number) => void;
    },
  ) {
    this.source = source;
    this.#end = end;
    this.#producer = deps.producer;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#onSend = deps.onSend;
    source.onReady = () => this.#wakeup.wake();
    this.finished = this.#run();
    this.finished.catch(() => undefined);
  }

  get running(): boolean {
    return this.#running && !this.#over;
  }

  get over(): boolean {
    return this.#over;
  }

  /** The present moment of the clock that the flow runs by, in milliseconds. */
  nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Milliseconds since the first start; 0 before it. */
  get elapsedMs(): number {
    return this.#startedMs === undefined ? 0 : this.#clock.nowMs() - this.#startedMs;
  }

  /** How long the broker has confirmed nothing although something is under way. */
  get stalledMs(): number {
    return this.counts.inFlight === 0 ? 0 : this.#clock.nowMs() - this.#progressMs;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  /** Events that are due now and not handed over. */
  behind(): number {
    return this.source.behind(this.#untilMs(this.#clock.nowMs()));
  }

  start(): void {
    const nowMs = this.#clock.nowMs();
    this.#startedMs ??= nowMs;
    this.#running = true;
    this.source.start(nowMs);
    this.#wakeup.wake();
  }

  /**
   * Sends what is due, as far as it fits, and takes nothing more. What is due and does not fit is
   * counted as abandoned and told on the log.
   */
  pause(): void {
    if (!this.#running) return;
    const untilMs = this.#untilMs(this.#clock.nowMs());
    while (this.#sendBatch(untilMs) > 0);
    this.#running = false;
    const abandoned = this.source.stop(untilMs);
    this.counts.abandoned += abandoned;
    if (abandoned > 0) this.#log.warn({ abandoned }, 'stopped before events that were due');
  }

  /** Pauses for good and waits until the broker confirmed what it has, as long as `grace` says. */
  async close({ quietMs, limitMs }: Grace): Promise<void> {
    this.pause();
    this.#closing = true;
    this.#wakeup.wake();
    const closedMs = this.#clock.nowMs();
    let timer: NodeJS.Timeout | undefined;
    const look = () => {
      const movedMs = Math.max(closedMs, this.#progressMs);
      const untilMs = movedMs + Math.max(quietMs, 2 * this.#tookMs);
      const leftMs = Math.min(untilMs, closedMs + limitMs) - this.#clock.nowMs();
      if (leftMs > 0) timer = setTimeout(look, Math.ceil(leftMs));
      else this.#giveUp();
    };
    look();
    await this.finished.catch(() => undefined);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    for (;;) {
      const waitMs = await this.#takeDue();
      if (this.#isDone()) break;
      await this.#wakeup.sleep(waitMs);
    }
    this.#over = true;
    this.#running = false;
    while (this.counts.inFlight > 0) await this.#wakeup.sleep(1_000);
    const error = this.#error ?? this.source.error;
    if (error !== undefined) throw error;
  }

  /** Sends everything due that fits; returns how long nothing will be due. */
  async #takeDue(): Promise<number> {
    if (!this.#running) return this.#endMs() - this.#clock.nowMs();
    for (;;) {
      const nowMs = this.#clock.nowMs();
      const untilMs = this.#untilMs(nowMs);
      if (this.#wasFull) {
        this.counts.behindMax = Math.max(this.counts.behindMax, this.source.behind(untilMs));
      }
      this.#sendBatch(untilMs);
      this.#wasFull = this.counts.inFlight >= maxInFlight;
      if (this.#wasFull) return fullPollMs;
      const waitMs = this.source.waitMs(nowMs);
      if (waitMs > 0 || this.#isDone()) return Math.min(waitMs, this.#endMs() - nowMs);
      // A long backlog must not keep the API and the broker's own work from the event loop.
      await nextTurn();
      if (!this.#running) return 0;
    }
  }

  /** Sends at most one batch of what is due; returns its size, 0 when nothing fits. */
  #sendBatch(untilMs: number): number {
    if (this.#error !== undefined) return 0;
    const left = (this.#end.count ?? Number.POSITIVE_INFINITY) - this.#taken;
    const room = Math.min(maxInFlight - this.counts.inFlight, maxBatch, left);
    const records = this.source.take(untilMs, room);
    if (records.length > 0) this.#send(records);
    return records.length;
  }

  #send(records: readonly OutgoingRecord[]): void {
    const sentMs = this.#clock.nowMs();
    this.#taken += records.length;
    if (this.counts.inFlight === 0) this.#progressMs = sentMs;
    this.counts.inFlight += records.length;
    this.#producer.send(records).then(
      () => this.#settle(sentMs, records.length, 0),
      (error: unknown) => {
        if (error instanceof RecordsRefused) {
          this.#log.warn({ refused: error.refused, reason: error.message }, 'events were refused');
          this.#settle(sentMs, records.length, error.refused);
        } else {
          this.#error ??= error instanceof Error ? error : new Error(messageOf(error));
          this.#settle(sentMs, records.length, records.length);
        }
      },
    );
  }

  #settle(sentMs: number, count: number, failed: number): void {
    this.#progressMs = this.#clock.nowMs();
    this.#tookMs = this.#progressMs - sentMs;
    this.#onSend(this.#tookMs);
    if (this.counts.inFlight === 0) return; // given up on already, and counted as failed
    this.counts.inFlight -= count;
    this.counts.published += count - failed;
    this.counts.failed += failed;
    if (this.#wasFull || this.#over || this.#closing || this.#error !== undefined)
      this.#wakeup.wake();
  }

  #giveUp(): void {
    const unconfirmed = this.counts.inFlight;
    if (unconfirmed === 0) return;
    this.#log.error({ unconfirmed }, 'the broker did not confirm the last events in time');
    this.counts.failed += unconfirmed;
    this.counts.unconfirmed += unconfirmed;
    this.counts.inFlight = 0;
    this.#wakeup.wake();
  }

  #isDone(): boolean {
    if (this.#closing || this.#error !== undefined || this.source.ended) return true;
    if (this.#end.count !== undefined && this.#taken >= this.#end.count) return true;
    const nowMs = this.#clock.nowMs();
    return nowMs >= this.#endMs() && this.source.behind(this.#untilMs(nowMs)) === 0;
  }

  /** When the duration is over; nothing planned at that moment or later belongs to the flow. */
  #endMs(): number {
    const { durationMs } = this.#end;
    if (durationMs === undefined || this.#startedMs === undefined) return Number.POSITIVE_INFINITY;
    return this.#startedMs + durationMs;
  }

  #untilMs(nowMs: number): number {
    return Math.min(nowMs, this.#endMs() - 1e-6);
  }
}
