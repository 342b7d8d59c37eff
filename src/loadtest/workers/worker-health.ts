/** What a worker needs of its machine, and how often it was not there to receive. */
import {
  type EventLoopUtilization,
  monitorEventLoopDelay,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import type { ProcessUsage } from '../../host/child.ts';
import { StallMeter } from './stall-meter.ts';

/** How a worker fared over the hold phase; stalls are of the run until its end, see {@link WorkerHealthMeter.hold}. */
export interface WorkerHealth {
  /** CPU time of all its threads; 100 is one core. */
  readonly cpuPercent: number;
  /** Share of the time in which the event loop had something to do, or waited for a core. */
  readonly busyPercent: number;
  readonly loopDelayP99Ms: number;
  /** The delay that at least ten looks and one in a hundred were above; 0 after too few looks. */
  readonly sustainedDelayMs: number;
  readonly rssBytes: number;
  /** Time spent in garbage collection, its share of the time, and its longest pause. */
  readonly gcMs: number;
  readonly gcPercent: number;
  readonly longestGcMs: number;
  /** Times in which the process did nothing although it had to; see {@link StallMeter}. */
  readonly stalls: number;
  readonly stalledMs: number;
  readonly longestStallMs: number;
}

const loopResolutionMs = 10;
/** Fewer delays above a value are chance. */
const minLooksAbove = 10;

/** Measures one worker from its start; {@link WorkerHealthMeter.restart} begins the hold phase. */
export class WorkerHealthMeter implements Disposable {
  readonly #usage: () => ProcessUsage;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: loopResolutionMs });
  readonly #gcObserver: PerformanceObserver;
  readonly #stalls = new StallMeter();
  #since = { atMs: 0, cpuMs: 0, loop: performance.eventLoopUtilization() as EventLoopUtilization };
  #gc = { totalMs: 0, longestMs: 0 };
  /** What was measured when the hold phase ended. */
  #held: WorkerHealth | undefined;

  constructor(usage: () => ProcessUsage) {
    this.#usage = usage;
    this.#gcObserver = new PerformanceObserver((entries) => {
      for (const { duration } of entries.getEntries()) {
        this.#gc.totalMs += duration;
        this.#gc.longestMs = Math.max(this.#gc.longestMs, duration);
      }
    });
    this.#gcObserver.observe({ entryTypes: ['gc'] });
    this.#loopDelay.enable();
    this.restart();
  }

  /** Measures from now on. */
  restart(): void {
    this.#since = {
      atMs: performance.now(),
      cpuMs: this.#usage().cpuMs,
      loop: performance.eventLoopUtilization(),
    };
    this.#gc = { totalMs: 0, longestMs: 0 };
    this.#loopDelay.reset();
    this.#held = undefined;
  }

  /** The hold phase is over: what comes does not thin out what was measured in it, nor spoil it. */
  hold(): void {
    this.#held = this.sample();
  }

  /** Stalls since the end of the hold phase count all the same: something was missed meanwhile. */
  countStallsSince(): void {
    if (this.#held !== undefined) this.#held = { ...this.#held, ...this.#stallsNow() };
  }

  /** What was measured until now. */
  sample(): WorkerHealth {
    const { cpuMs, rssBytes } = this.#usage();
    if (this.#held !== undefined) return { ...this.#held, rssBytes };
    const elapsedMs = Math.max(1, performance.now() - this.#since.atMs);
    const { utilization } = performance.eventLoopUtilization(this.#since.loop);
    const looks = this.#loopDelay.count;
    return {
      cpuPercent: (100 * (cpuMs - this.#since.cpuMs)) / elapsedMs,
      busyPercent: 100 * utilization,
      loopDelayP99Ms: this.#delayMs(99),
      sustainedDelayMs: looks < 2 * minLooksAbove ? 0 : this.#delayMs(sustainedPercent(looks)),
      rssBytes,
      gcMs: this.#gc.totalMs,
      gcPercent: (100 * this.#gc.totalMs) / elapsedMs,
      longestGcMs: this.#gc.longestMs,
      ...this.#stallsNow(),
    };
  }

  [Symbol.dispose](): void {
    this.#stalls[Symbol.dispose]();
    this.#gcObserver.disconnect();
    this.#loopDelay.disable();
  }

  #stallsNow(): Pick<WorkerHealth, 'stalls' | 'stalledMs' | 'longestStallMs'> {
    const { count, totalMs, longestMs } = this.#stalls.sample();
    return { stalls: count, stalledMs: totalMs, longestStallMs: longestMs };
  }

  #delayMs(percent: number): number {
    const delayMs = this.#loopDelay.percentile(percent) / 1e6 - loopResolutionMs;
    return Number.isFinite(delayMs) ? Math.max(0, delayMs) : 0;
  }
}

function sustainedPercent(looks: number): number {
  return Math.min(99, 100 * (1 - minLooksAbove / looks));
}
