/** When to flush: at once while that leaves the process idle, less often as it takes more of it. */
import { performance } from 'node:perf_hooks';

/**
 * The wait between flushes, as a multiple of what a flush takes: the first while a flush for each
 * batch that comes would take little of the process, so that only bursts share writes; the second,
 * with which flushing takes a fifth, once it would take much. Chosen by measurement, see
 * bench/RESULTS.md.
 */
const waitPerFlush = { idle: 1, busy: 4 } as const;
/** What flushes for each batch would take of the process, where the wait begins and ends to grow. */
const busyShare = { from: 0.2, to: 0.4 } as const;
/**
 * A shard waits for this part of its interval by itself: the primary process holds events back for
 * the interval already, and what it sends is to be flushed at once.
 */
const ownWaitOfShard = 0.5;
/** Weight of the newest flush in the moving average of their duration. */
const newestWeight = 0.2;
/** Weight of the newest batch in the moving average of the time between them. */
const newestGapWeight = 0.05;
/** A longer pause counts as one of this length: load that comes after it is soon known as such. */
const maxGapMs = 1_000;

/** Calls `flush` soon after {@link request}, never more often than the load allows. */
export class FlushPace {
  readonly #limitMs: number;
  readonly #shards: number;
  /** How much further apart than the load asks flushes are: 1 as it asks, 2 twice as far. */
  stretch = 1;
  readonly #flush: () => void;
  #averageMs = 0;
  /** Between batches; before there were two, they may come as densely as can be. */
  #averageGapMs = 0;
  #newestTakenMs = Number.NaN;
  #lastEndMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /**
   * `limitMs` bounds the wait however busy the process is; 0 flushes every batch at once. The
   * `shards` of a node flush the same events; 0 is a process that does so alone.
   */
  constructor(limitMs: number, flush: () => void, shards = 0) {
    this.#limitMs = limitMs;
    this.#shards = shards;
    this.#flush = flush;
  }

  /** Present wait between two flushes, in milliseconds; a stretch goes beyond the limit. */
  get intervalMs(): number {
    return this.stretch * (this.#shards === 0 ? this.#waitMs(1) : this.#periodMs());
  }

  /** Tells of an event, taken from the broker at that time; those of one batch have it in common. */
  offered(takenMs: number): void {
    if (takenMs === this.#newestTakenMs) return;
    const gapMs = Math.min(maxGapMs, takenMs - this.#newestTakenMs);
    this.#newestTakenMs = takenMs;
    if (!(gapMs > 0)) return;
    if (this.#averageGapMs === 0) this.#averageGapMs = gapMs;
    else this.#averageGapMs += (gapMs - this.#averageGapMs) * newestGapWeight;
  }

  /** Flushes now, or when the interval since the last flush is over. */
  request(): void {
    if (this.#timer !== undefined) return;
    const share = this.#shards === 0 ? 1 : ownWaitOfShard;
    const waitMs = this.#lastEndMs + share * this.intervalMs - performance.now();
    if (waitMs < 0.5) return this.#flush();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, waitMs);
  }

  /** Tells what the flush that just ended took: of a shard, of the processor. */
  flushed(durationMs: number): void {
    this.#averageMs += (durationMs - this.#averageMs) * newestWeight;
    this.#lastEndMs = performance.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #waitMs(processes: number): number {
    const allMs = this.#averageMs * processes;
    return Math.min(this.#limitMs, allMs * this.#waitPerFlush(allMs));
  }

  #waitPerFlush(flushMs: number): number {
    const { idle, busy } = waitPerFlush;
    if (this.#averageGapMs === 0) return busy;
    const part = (flushMs / this.#averageGapMs - busyShare.from) / (busyShare.to - busyShare.from);
    return idle + (busy - idle) * Math.min(1, Math.max(0, part));
  }

  /**
   * From flush to flush, so that an event is as late on average as in one process that did what all
   * shards do. That one would wait and then flush for all: an event is half of the wait late, and
   * the whole flush, half of it before its flush begins and half of it until its turn comes. Shards
   * flush side by side, and what this saves of the time goes into fewer writes.
   */
  #periodMs(): number {
    const allMs = this.#averageMs * this.#shards;
    return this.#waitMs(this.#shards) + Math.min(this.#limitMs, 2 * allMs - this.#averageMs);
  }
}
