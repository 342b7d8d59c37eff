/** When to flush: at once while flushes are cheap, less often as they take more of the process. */
import { performance } from 'node:perf_hooks';

/**
 * The wait between flushes, as a multiple of what a flush takes: flushing uses at most a fifth of
 * the process before events start to share writes. Chosen by measurement, see bench/RESULTS.md.
 */
const waitPerFlush = 4;
/**
 * A shard waits for this part of its interval by itself: the primary process holds events back for
 * the interval already, and what it sends is to be flushed at once.
 */
const ownWaitOfShard = 0.5;
/** Weight of the newest flush in the moving average of their duration. */
const newestWeight = 0.2;

/** Calls `flush` soon after {@link request}, never more often than the load allows. */
export class FlushPace {
  readonly #limitMs: number;
  readonly #shards: number;
  /** How much further apart than the load asks flushes are: 1 as it asks, 2 twice as far. */
  stretch = 1;
  readonly #flush: () => void;
  #averageMs = 0;
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
    return Math.min(this.#limitMs, this.#averageMs * waitPerFlush * processes);
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
