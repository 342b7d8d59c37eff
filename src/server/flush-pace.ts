/** When to flush: at once while flushes are cheap, less often as they take more of the process. */
import { performance } from 'node:perf_hooks';

/**
 * The wait between flushes, as a multiple of what a flush takes: flushing uses at most a fifth of
 * the process before events start to share writes. Chosen by measurement, see bench/RESULTS.md.
 */
const waitPerFlush = 4;
/** Weight of the newest flush in the moving average of their duration. */
const newestWeight = 0.2;

/** Calls `flush` soon after {@link request}, never more often than the load allows. */
export class FlushPace {
  readonly #limitMs: number;
  readonly #waitPerFlush: number;
  /** How much further apart than the load asks flushes are: 1 as it asks, 2 twice as far. */
  stretch = 1;
  readonly #flush: () => void;
  #averageMs = 0;
  #lastEndMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /**
   * `limitMs` bounds the wait however busy the process is; 0 flushes every batch at once. The
   * `processes` of a node flush the same events: together they are to use what one would.
   */
  constructor(limitMs: number, flush: () => void, processes = 1) {
    this.#limitMs = limitMs;
    this.#waitPerFlush = waitPerFlush * processes;
    this.#flush = flush;
  }

  /** Present wait between two flushes, in milliseconds; a stretch goes beyond the limit. */
  get intervalMs(): number {
    return this.stretch * Math.min(this.#limitMs, this.#averageMs * this.#waitPerFlush);
  }

  /** Flushes now, or when the interval since the last flush is over. */
  request(): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#lastEndMs + this.intervalMs - performance.now();
    if (waitMs < 0.5) return this.#flush();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, waitMs);
  }

  /** Tells what the flush that just ended took. */
  flushed(durationMs: number): void {
    this.#averageMs += (durationMs - this.#averageMs) * newestWeight;
    this.#lastEndMs = performance.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
