/** A bridge: sessions one after another, until it is told to stop or has nothing left to do. */
import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, backoffMs } from '../base/backoff.ts';
import { Interrupted, messageOf, OdinError, UsageError } from '../base/errors.ts';
import type { Broker, LostRange } from '../broker/broker.ts';
import { RecordsUnfit, TakenOver } from '../broker/send-failures.ts';
import type { Log } from '../host/log.ts';
import { unlessInterrupted } from '../host/signals.ts';
import { maxBatchRecords, type Waiting } from './batch.ts';
import { type CarryStatus, createCounts } from './carry-counts.ts';
import { type Place, Places } from './places.ts';
import { Session } from './session.ts';
import { SourceChanged } from './source-changed.ts';
import { StoppedEarly } from './stop.ts';

const retryBackoff: Backoff = { baseMs: 500, maxMs: 5_000 };
/** Rates are measured over about this time, in milliseconds. */
const rateWindowMs = 5_000;
/** Records that the target refused and that are passed over; then the bridge gives up. */
const maxUnfit = 1_000;

/** What a bridge connects, and how. */
export interface BridgePlan {
  /** Connects to the source anew; the bridge disposes of it. */
  readonly openSource: () => Promise<Broker>;
  readonly openTarget: () => Promise<Broker>;
  readonly sourceTopics: readonly string[];
  readonly toTopic: (sourceTopic: string) => string;
  /** End when everything is carried that the source holds. */
  readonly untilCaughtUp: boolean;
  readonly log: Log;
  /** Aborted to stop, which finishes what is under way, if that takes no more than some seconds. */
  readonly signal: AbortSignal;
}

/** Runs one {@link Session} after another: each failure is mended by starting over. */
export class Bridge {
  readonly #plan: BridgePlan;
  readonly #counts = createCounts();
  readonly #counted = new Places();
  readonly #startedMs = performance.now();
  readonly #unfit = new Set<string>();
  /** What was told as lost: a session that starts over is told of it again. */
  readonly #lost = new Places();
  #session: Session | undefined;
  #maxBatch = maxBatchRecords;
  #samples: { readonly atMs: number; readonly carried: number }[] = [];

  constructor(plan: BridgePlan) {
    this.#plan = plan;
  }

  /** By partition of the source, the offset to go on with. */
  positions(): Place[] {
    return this.#session?.settled.all() ?? [];
  }

  /** How it stands; call it regularly, as the rate is measured between calls. */
  status(): CarryStatus {
    const atMs = performance.now();
    const { carried } = this.#counts;
    this.#samples = this.#samples.filter((sample) => atMs - sample.atMs <= rateWindowMs);
    const first = this.#samples[0] ?? { atMs: this.#startedMs, carried: 0 };
    this.#samples.push({ atMs, carried });
    const seconds = Math.max(atMs - first.atMs, 1) / 1_000;
    return {
      ...this.#counts,
      rate: (carried - first.carried) / seconds,
      lag: this.#session?.lag ?? 0,
      elapsedMs: atMs - this.#startedMs,
    };
  }

  /**
   * Runs to the end. Rejects when the first session cannot begin, when source and target are the
   * same, when another bridge took over, and when the source is another one than was carried; with
   * Interrupted when it is told to stop before the first session has begun.
   */
  async run(): Promise<void> {
    const { signal, log } = this.#plan;
    let hasRun = false;
    const say = () => {
      if (!hasRun) return;
      log.info('stopping when the target has answered; Ctrl-C again ends at once');
    };
    signal.addEventListener('abort', say, { once: true });
    for (let attempt = 0; !signal.aborted; attempt++) {
      const carriedBefore = this.#counts.carried;
      try {
        await this.#runSession(() => {
          hasRun = true;
        });
        return;
      } catch (error) {
        if (signal.aborted && hasRun) {
          if (error instanceof StoppedEarly) log.warn(`${error.message}: the next run finds out`);
          return;
        }
        const isUnfit = error instanceof RecordsUnfit && this.#unfit.size <= maxUnfit;
        if (!isUnfit && !(hasRun && isMendable(error))) throw error;
        if (!isUnfit) this.#maxBatch = maxBatchRecords;
        this.#counts.failures += 1;
        if (this.#counts.carried > carriedBefore) attempt = 0;
        log.warn({ error: messageOf(error), attempt }, 'carrying failed, starting over');
        // Something was learned from it, and there is an end to that.
        if (isUnfit) continue;
      }
      await sleep(backoffMs(attempt, retryBackoff), undefined, { signal }).catch(() => {});
    }
    if (!hasRun) throw new Interrupted('interrupted before anything was carried');
  }

  async #runSession(onOpen: () => void): Promise<void> {
    const { openSource, openTarget, sourceTopics, toTopic } = this.#plan;
    const { untilCaughtUp, log, signal } = this.#plan;
    const unlessTold = <T>(work: Promise<T>, doing: string) =>
      unlessInterrupted(work, signal, doing);
    await using source = await unlessTold(openSource(), 'connecting to the source');
    await using target = await unlessTold(openTarget(), 'connecting to the target');
    this.#refuseLoop(source, target);
    const exclusiveAs = this.#nameFor(source);
    const opening = target.openProducer({ exclusiveAs });
    await using producer = await unlessTold(opening, 'taking over from earlier bridges');
    const found = Session.open({
      source,
      target,
      producer,
      sourceTopics,
      toTopic,
      counts: this.#counts,
      counted: this.#counted,
      foundAs: this.#session === undefined ? 'present' : 'carried',
      log,
      maxBatch: this.#maxBatch,
      isUnfit: (place) => this.#unfit.has(keyOf(place)),
      onLost: (range) => this.#onLost(range),
      onUnfit: (batch) => this.#onUnfit(batch),
      signal,
    });
    const session = await unlessTold(found, 'looking what the target has');
    this.#session = session;
    onOpen();
    await session.run(untilCaughtUp);
  }

  #refuseLoop(source: Broker, target: Broker): void {
    if (source.epoch !== target.epoch) return;
    const { sourceTopics, toTopic } = this.#plan;
    const common = sourceTopics.map(toTopic).filter((topic) => sourceTopics.includes(topic));
    if (common.length === 0) return;
    throw new UsageError(
      `--from and --to are the same broker and share ${common.join(', ')}: records would go in circles`,
      { hint: 'name another broker, or other topics for the target: --to-prefix copy.' },
    );
  }

  /** The same in every run with this source and these topics; of another bridge, another. */
  #nameFor(source: Broker): string {
    const { sourceTopics, toTopic } = this.#plan;
    const topics = sourceTopics.map((topic) => `${topic} ${toTopic(topic)}`).toSorted();
    const digest = createHash('sha256')
      .update([source.epoch, ...topics].join('\n'))
      .digest();
    return `odin-bridge-${digest.subarray(0, 6).toString('base64url')}`;
  }

  #onLost({ topic, partition, from, to }: LostRange): void {
    const place = topic ?? '';
    const first = Math.max(from, this.#lost.next(place, partition) ?? 0);
    if (first > to) return;
    this.#lost.raise(place, partition, to + 1);
    this.#counts.lost += to - first + 1;
    this.#plan.log.error(
      { topic, partition, from: first, to },
      'gone from the source, not carried',
    );
  }

  /** A batch with a record that the target refuses is tried in smaller parts, down to that record. */
  #onUnfit(batch: readonly Waiting[]): void {
    const [only] = batch;
    if (batch.length === 1 && only !== undefined) {
      this.#unfit.add(keyOf(only.source));
      this.#maxBatch = maxBatchRecords;
    } else this.#maxBatch = Math.max(1, Math.floor(batch.length / 8));
  }
}

function isMendable(error: unknown): boolean {
  const isFinal = [UsageError, TakenOver, SourceChanged].some((kind) => error instanceof kind);
  return error instanceof OdinError && !isFinal;
}

function keyOf({ topic, partition, offset }: Waiting['source']): string {
  return `${topic}/${partition}/${offset}`;
}
