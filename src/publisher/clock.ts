/** Two clocks in one: a steady one to pace by, and the wall time that its moments stand for. */
import { performance } from 'node:perf_hooks';

/** A clock for pacing; see {@link steadyClock}. */
export interface Clock {
  /** Milliseconds on a clock that never jumps; its zero means nothing. */
  nowMs(): number;
  /** The wall time, in milliseconds since 1970, of a moment of this clock. */
  wallMs(momentMs: number): number;
}

/** Beyond this difference the wall clock was set; below, it is the noise of reading two clocks. */
const toleranceMs = 5;

/**
 * The clock of this process. When somebody sets the wall clock, the pace stays and the wall times
 * of new events follow.
 */
export function steadyClock(): Clock {
  let offsetMs: number = performance.timeOrigin;
  return {
    nowMs() {
      const nowMs = performance.now();
      const seenMs = Date.now() - nowMs;
      if (Math.abs(seenMs - offsetMs) > toleranceMs) offsetMs = measuredOffsetMs() ?? offsetMs;
      return nowMs;
    },
    wallMs: (momentMs) => momentMs + offsetMs,
  };
}

/** Undefined when the process was interrupted between the readings: then they do not belong together. */
function measuredOffsetMs(): number | undefined {
  const beforeMs = performance.now();
  const wallMs = Date.now();
  if (performance.now() - beforeMs > 1) return undefined;
  // Date.now() cuts off the fraction: half a millisecond is what is missing on average.
  return wallMs + 0.5 - beforeMs;
}
