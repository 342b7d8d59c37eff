/** The clock that the processes of one machine share: times cross a feed on it. */
import { performance } from 'node:perf_hooks';

/**
 * What to add to `performance.now()` of this process to get milliseconds of the machine's monotonic
 * clock. It does not change while the process lives.
 */
export function machineClockOffsetMs(): number {
  return Number(process.hrtime.bigint()) / 1e6 - performance.now();
}
