/** Notices when its process did nothing although it had to: stopped, swapped out, busy with one thing. */
import { performance } from 'node:perf_hooks';

/** Times in which a process stood still, in milliseconds. */
export interface Stalls {
  readonly count: number;
  readonly totalMs: number;
  readonly longestMs: number;
}

const none: Stalls = { count: 0, totalMs: 0, longestMs: 0 };
const tickMs = 50;
/** A tick that comes later than this counts as a stall. */
const minStallMs = 100;

/** Measures its process from its making, or from when it was restarted. */
export class StallMeter implements Disposable {
  readonly #ticks: NodeJS.Timeout;
  #lastTickMs = performance.now();
  #stalls = none;

  constructor() {
    this.#ticks = setInterval(() => this.#tick(), tickMs);
    this.#ticks.unref();
  }

  /** What was measured until now. */
  sample(): Stalls {
    // After standing still, a question may be read before the tick that is due.
    if (this.#lateMs() >= minStallMs) this.#tick();
    return this.#stalls;
  }

  /** Measures from now on. */
  restart(): void {
    this.#tick();
    this.#stalls = none;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticks);
  }

  #lateMs(): number {
    return performance.now() - this.#lastTickMs - tickMs;
  }

  #tick(): void {
    const lateMs = this.#lateMs();
    this.#lastTickMs = performance.now();
    if (lateMs < minStallMs) return;
    const { count, totalMs, longestMs } = this.#stalls;
    this.#stalls = {
      count: count + 1,
      totalMs: totalMs + lateMs,
      longestMs: Math.max(longestMs, lateMs),
    };
  }
}
