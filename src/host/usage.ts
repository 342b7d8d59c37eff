/** What this process uses of the machine. */
import { performance } from 'node:perf_hooks';

/** Resident memory in bytes. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}

/** A function that says how much CPU was used since it was last called; 100 is one core. */
export function createCpuMeter(): () => number {
  let lastMs = performance.now();
  let last = process.cpuUsage();
  return () => {
    const nowMs = performance.now();
    const { user, system } = process.cpuUsage(last);
    const elapsedMs = nowMs - lastMs;
    lastMs = nowMs;
    last = process.cpuUsage();
    return elapsedMs > 0 ? (user + system) / 10 / elapsedMs : 0;
  };
}
