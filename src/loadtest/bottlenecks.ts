/** Whether the load tester could keep up: if not, its figures say nothing about the server. */
import { formatMs } from './progress.ts';
import { describeExit, type Totals } from './totals.ts';
import type { WorkerState } from './worker-pool.ts';

/** From half a second on, what queued up meanwhile shows in the latency of any server. */
const maxStallMs = 500;
/** From here on queues grow with every burst; Locust warns at the same share. */
const maxCpuPercent = 90;
/** A client that is late by a tenth of a second again and again makes a server hold back. */
const maxDelayMs = 100;
/** As late as a good server's slowest events are: latency above its limit may be this delay. */
const noticeableDelayMs = 20;

/** In which way the load tester fell short, one line each. */
export interface Shortfall {
  /** It was not there, or could not keep up: nothing it measured counts for the server. */
  readonly bottlenecks: readonly string[];
  /** It kept up, but its own delay is part of the times that it measured. */
  readonly delays: readonly OwnDelay[];
}

/** A delay of the load tester that it cannot tell from one of the server. */
export interface OwnDelay {
  /** The metrics it is part of: those that begin with this. */
  readonly of: 'latency.' | 'connect.';
  readonly text: string;
}

/** Looks for the shortfall of all workers, those that died first. */
export function shortfallOf(workers: readonly WorkerState[], totals: Totals): Shortfall {
  const deaths = workers.flatMap(({ exit }) => exit ?? []);
  const noun = deaths.length === 1 ? 'worker process' : 'worker processes';
  const died =
    deaths[0] === undefined ? [] : [`${deaths.length} ${noun} died (${describeExit(deaths[0])})`];
  return {
    bottlenecks: [...died, ...workers.flatMap((worker, at) => bottleneckOf(worker, nameOf(at)))],
    delays: [
      ...workers
        .flatMap((worker, at) => delayOf(worker, nameOf(at), noticeableDelayMs))
        .map((text) => ({ of: 'latency.', text }) as const),
      ...dialDelayOf(totals),
    ],
  };
}

function dialDelayOf({ phases: { dialed } }: Totals): OwnDelay[] {
  const delayMs = dialed.percentile(99);
  if (delayMs <= noticeableDelayMs) return [];
  const limit = `(at most ${noticeableDelayMs}ms)`;
  const text = `clients were dialed later than planned: p99 ${formatMs(delayMs)} ${limit}`;
  return [{ of: 'connect.', text }];
}

function nameOf(index: number): string {
  return `load test worker ${index + 1}`;
}

function bottleneckOf(worker: WorkerState, who: string): string[] {
  if (worker.report === undefined) return [];
  const { longestStallMs, cpuPercent } = worker.report.generator;
  if (longestStallMs >= maxStallMs) {
    return [`${who} stood still for ${formatMs(longestStallMs)} (less than ${maxStallMs}ms)`];
  }
  if (cpuPercent >= maxCpuPercent) {
    const cpu = `${cpuPercent.toFixed(0)}% of a core`;
    return [`${who} used ${cpu} (less than ${maxCpuPercent}%): use more --workers`];
  }
  return delayOf(worker, who, maxDelayMs);
}

function delayOf({ report }: WorkerState, who: string, limitMs: number): string[] {
  const delayMs = report?.generator.sustainedDelayMs ?? 0;
  if (delayMs <= limitMs) return [];
  return [`${who} was late itself: loop delay p99 ${formatMs(delayMs)} (at most ${limitMs}ms)`];
}
