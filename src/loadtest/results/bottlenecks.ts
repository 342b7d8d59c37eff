/** Whether the load tester could keep up: if not, its figures say nothing about the server. */
import { formatCount, formatMs } from '../../base/units.ts';
import type { TimedMetric } from '../../config/threshold.ts';
import type { ReceiveQueue } from '../machine/receive-queue.ts';
import { describeExit, describeLoss, type Totals } from '../workers/totals.ts';
import type { WorkerAgent, WorkerState } from '../workers/worker-pool.ts';
import { ownDelaysOf, type StageDelay, workerDelaysOf } from './stage-delays.ts';

/** From half a second on, what queued up meanwhile shows in the latency of any server. */
const maxStallMs = 500;
/** From here on queues grow with every burst; Locust warns at the same share. */
const maxCpuPercent = 90;
/** A client that is late by a tenth of a second again and again makes a server hold back. */
const maxDelayMs = 100;
/** A heap that is collected for so much of the time is too small, or too full. */
const maxGcPercent = 25;
/** So many looks at the queues tell a burst from a backlog. */
const minQueueLooks = 3;
/** As late as a good server's slowest events are: latency above its limit may be this delay. */
const noticeableDelayMs = 20;

/** What is over once the event loop comes to read it. */
const readByLoop: readonly TimedMetric[] = ['latency', 'return', 'ack'];

/** In which way the load tester fell short, one line each. */
export interface Shortfall {
  /** It was not there, or could not keep up: nothing it measured counts for the server. */
  readonly bottlenecks: readonly string[];
  /** It kept up, but its own delay is part of the times that it measured. */
  readonly delays: readonly OwnDelay[];
}

/** A delay of the load tester that it cannot tell from one of the server. */
export interface OwnDelay {
  /** The times that it is part of. */
  readonly of: readonly TimedMetric[];
  readonly text: string;
}

/** What waited in the kernel, and for how long clients were held. */
export interface Backlog {
  /** Undefined where nobody could look. */
  readonly queue: ReceiveQueue | undefined;
  readonly holdMs: number;
  /** How late the stages were; none where nobody looked. */
  readonly stages?: readonly StageDelay[];
}

/** Looks for the shortfall of all workers, those that died first. */
export function shortfallOf(
  workers: readonly WorkerState[],
  totals: Totals,
  backlog: Backlog,
): Shortfall {
  const { stages = [] } = backlog;
  const found = [
    ...lossesOf(workers),
    ...ownDelaysOf(stages),
    ...workers.flatMap((worker, at) => bottleneckOf(worker, nameOf(worker, at))),
  ];
  const late = () => workerDelaysOf(stages, (at) => nameOf(workers[at] as WorkerState, at));
  return {
    // Behind a worker that is named, something waits of course; and who is told late is late.
    bottlenecks: found.length > 0 ? found : [...late(), ...unreadOf(backlog, totals)],
    delays: [
      ...workers
        .flatMap((worker, at) => delayOf(worker, nameOf(worker, at), noticeableDelayMs))
        .map((text) => ({ of: readByLoop, text })),
      ...agentsOf(workers).flatMap(unsureClockOf),
      ...dialDelayOf(totals),
    ],
  };
}

/** Agents and workers that are gone, one line each or for all. */
export function lossesOf(workers: readonly WorkerState[]): string[] {
  const deaths = workers.flatMap(({ exit, agent }) =>
    agent?.loss === undefined ? (exit ?? []) : [],
  );
  const noun = deaths.length === 1 ? 'worker process' : 'worker processes';
  const died =
    deaths[0] === undefined ? [] : [`${deaths.length} ${noun} died (${describeExit(deaths[0])})`];
  return [...lostAgentsOf(workers), ...died];
}

/** Whether a worker is so busy, or so late, that it is worth a look whether it keeps up. */
export function mayFallBehind({ report }: WorkerState): boolean {
  const { cpuPercent = 0, loopDelayP99Ms = 0 } = report?.generator ?? {};
  return cpuPercent > maxCpuPercent / 2 || loopDelayP99Ms > noticeableDelayMs;
}

/** How long the events took to come that the middle socket held unread, again and again. */
function unreadOf(
  { queue, holdMs }: Backlog,
  { latency, messages, connections }: Totals,
): string[] {
  if (queue === undefined || queue.looks < minQueueLooks || messages.received === 0) return [];
  const bytesPerEvent = messages.bytes / messages.received;
  const bytesPerMs = (latency.count * bytesPerEvent) / Math.max(1, holdMs);
  const unreadMs = (queue.medianBytes * Math.max(1, connections.active)) / bytesPerMs;
  if (!(unreadMs > maxDelayMs)) return [];
  const limit = `(at most ${maxDelayMs}ms)`;
  return [`sockets held ${formatMs(unreadMs)} of events unread ${limit}: use more --workers`];
}

function dialDelayOf({ phases: { dialed } }: Totals): OwnDelay[] {
  const delayMs = dialed.percentile(99);
  if (delayMs <= noticeableDelayMs) return [];
  const limit = `(at most ${noticeableDelayMs}ms)`;
  const text = `clients were dialed later than planned: p99 ${formatMs(delayMs)} ${limit}`;
  return [{ of: ['connect'], text }];
}

function nameOf({ agent }: WorkerState, index: number): string {
  const name = `load test worker ${index + 1}`;
  return agent === undefined ? name : `${name} on ${agent.name}`;
}

function agentsOf(workers: readonly WorkerState[]): WorkerAgent[] {
  return [...new Set(workers.flatMap(({ agent }) => agent ?? []))];
}

/** What is missing is the same for all: what its clients did since it was last heard of. */
function lostAgentsOf(workers: readonly WorkerState[]): string[] {
  return agentsOf(workers).flatMap((agent) => {
    if (agent.loss === undefined) return [];
    const clients = workers.reduce((sum, worker) => {
      return worker.agent === agent ? sum + worker.clients : sum;
    }, 0);
    return [describeLoss(agent, `, with ${formatCount(clients)} clients`)];
  });
}

function unsureClockOf({ name, clockUncertaintyMs }: WorkerAgent): OwnDelay[] {
  if (clockUncertaintyMs <= noticeableDelayMs) return [];
  const text = `the clock of agent ${name} is known to ± ${formatMs(clockUncertaintyMs)} only`;
  // All other times begin and end by the same clock.
  return [{ of: ['latency'], text }];
}

function bottleneckOf(worker: WorkerState, who: string): string[] {
  // Of one that died, that is what has to be told; its last figures may be of a moment only.
  if (worker.report === undefined || worker.exit !== undefined) return [];
  const { longestStallMs, cpuPercent, gcPercent } = worker.report.generator;
  if (longestStallMs >= maxStallMs) {
    return [
      `${who} stood still for ${formatMs(longestStallMs)} (allowed: less than ${maxStallMs}ms)`,
    ];
  }
  if (cpuPercent >= maxCpuPercent) {
    const cpu = `${cpuPercent.toFixed(0)}% of a core`;
    return [`${who} used ${cpu} (allowed: less than ${maxCpuPercent}%): use more --workers`];
  }
  if (gcPercent >= maxGcPercent) {
    const share = `${gcPercent.toFixed(0)}% of the time`;
    return [
      `${who} collected garbage for ${share} (allowed: less than ${maxGcPercent}%): use more --workers`,
    ];
  }
  return delayOf(worker, who, maxDelayMs);
}

function delayOf({ report }: WorkerState, who: string, limitMs: number): string[] {
  const delayMs = report?.generator.sustainedDelayMs ?? 0;
  if (delayMs <= limitMs) return [];
  return [`${who} was late itself: loop delay p99 ${formatMs(delayMs)} (at most ${limitMs}ms)`];
}
