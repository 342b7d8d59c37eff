/** The clock of a run: one time for all of its processes, on whatever machine. */
import { performance } from 'node:perf_hooks';

let originMs = performance.timeOrigin;

/** Milliseconds since 1970 with a fraction, from a clock that never jumps. */
export function epochMs(): number {
  return originMs + performance.now();
}

/** Puts this process's {@link epochMs} back, so that workers on all machines have one time. */
export function putClockBack(byMs: number): void {
  originMs = performance.timeOrigin - byMs;
}
