/** Runs a load test: many clients in worker processes, one report. */
import type { Log } from '../host/log.ts';
import { shortfallOf } from './bottlenecks.ts';
import { epochMs } from './client-context.ts';
import { assembleCrew } from './crew.ts';
import type { Lack, Sight } from './limits/limit.ts';
import { Observers } from './observers.ts';
import { type LoadTestConfig, longestRampMs } from './plan.ts';
import { createProgressMeter, type LoadTestPhase, type Progress } from './progress.ts';
import type { LoadTestReport } from './report.ts';
import { onEachRound } from './report-rounds.ts';
import { runReport } from './run-report.ts';
import { SeriesRecorder } from './series.ts';
import { breachOf, type RunThreshold, thresholdsOf } from './thresholds.ts';
import { type Totals, totalsOf } from './totals.ts';
import { withoutQuery } from './truth/json-question.ts';
import type { ServerCounts, Testimony } from './truth/witnesses.ts';
import type { Breach } from './verdict.ts';
import { WorkerPool } from './worker-pool.ts';

/** What a load test needs from its caller. */
export interface LoadTestDeps {
  /** Ends the run early; the report is still made, within 2 s. */
  readonly signal: AbortSignal;
  /** Called every `reportIntervalMs`. */
  readonly onProgress: (progress: Progress) => void;
  readonly log: Log;
  /** How this machine is looked at; default: as it is. */
  readonly sight?: Partial<Sight>;
  /** Told what a machine has too little of; without it, that ends the run. */
  readonly onLack?: (lack: Lack) => void;
  /** Told the process ids of the workers here, and of what leads to agents. */
  readonly onWorkers?: (pids: readonly number[]) => void;
  /** Told every two seconds what the server says of itself, or why it does not. */
  readonly onServer?: (said: Testimony<ServerCounts>) => void;
}

/** What the phases of a run measured. */
interface RunTimes {
  startedAtMs: number;
  holdMs: number;
  durationMs: number;
  phase: LoadTestPhase;
  readonly series: SeriesRecorder;
  /** What ended the run early. */
  breach: Breach | undefined;
}

/** How long events that are on their way at the end of the hold phase may take. */
const settleMs = 2_000;
/** Room for the workers' answers above the time that they take themselves. */
const answerMs = 500;
const stopMs = 1_500;
const startDelayMs = 20;
const never = new AbortController().signal;

/**
 * Runs one load test. Throws a PreflightError when this machine cannot do it and a RemoteError
 * when the host name cannot be resolved; everything else that goes wrong is in the report.
 */
export async function runLoadTest(
  config: LoadTestConfig,
  deps: LoadTestDeps,
): Promise<LoadTestReport> {
  const { signal, log } = deps;
  const { connections } = config;
  await using crew = await assembleCrew(config, deps);
  await using pool = new WorkerPool(crew.places);
  deps.onWorkers?.([...pool.pids, ...crew.pids]);
  await pool.waitUntil(() => pool.allSaid('ready'), signal);
  crew.assertWhole();
  await using observers = await Observers.call(config, crew.places, deps);
  const series = new SeriesRecorder(config.reportIntervalMs);
  const thresholds = thresholdsOf(config.thresholds ?? []);
  const times: RunTimes = {
    startedAtMs: epochMs(),
    holdMs: 0,
    durationMs: 0,
    phase: 'ramp',
    series,
    breach: undefined,
  };
  log.info(
    { connections, workers: crew.places.length, url: withoutQuery(config.url) },
    'opening connections',
  );
  await observers.begin(() => ({
    get totals() {
      return totalsOf(pool.states());
    },
    phase: times.phase,
    target: connections,
    elapsedMs: Math.max(0, epochMs() - times.startedAtMs),
  }));
  if (!signal.aborted) {
    times.startedAtMs = epochMs() + startDelayMs + crew.reachMs;
    pool.start({ config, startAtMs: times.startedAtMs });
    await runPhases(pool, config, deps, times, thresholds);
    times.durationMs = Math.max(0, epochMs() - times.startedAtMs);
  }
  const interrupted = signal.aborted;
  await observers.atStop();
  const silent = times.durationMs > 0 ? await stopAll(pool) : [];
  const states = pool.states();
  const totals = totalsOf(states);
  const { durationMs, holdMs } = times;
  const { reconciliation, queue } = await observers.conclude(totals, durationMs);
  const shortfall = shortfallOf(states, totals, { queue, holdMs });
  const report = runReport({
    config,
    ...times,
    totals,
    thresholds,
    receiveQueue: queue,
    workers: states.map(({ report: last }) => last?.generator),
    shortfall: { bottlenecks: [...shortfall.bottlenecks, ...silent], delays: shortfall.delays },
    interrupted,
    agents: crew.agents(states),
    reconciliation,
    series: series.end(totals, times.phase, times.durationMs),
  });
  log.info({ verdict: report.verdict, received: report.messages.received }, 'load test ended');
  return report;
}

/** Lets all clients go; returns what that left unknown. */
async function stopAll(pool: WorkerPool): Promise<string[]> {
  const untilMs = performance.now() + stopMs;
  pool.send({ kind: 'stop' });
  const isTold = await pool.waitUntil(() => pool.allSaid('final'), never, stopMs);
  await pool.waitUntil(() => pool.allSaid('closed'), never, untilMs - performance.now());
  return isTold ? [] : ['a load test worker did not answer in time: its last figures are missing'];
}

/** Ramp, hold, settle; each ends at once when the run is interrupted. */
async function runPhases(
  pool: WorkerPool,
  config: LoadTestConfig,
  { signal, onProgress, log }: LoadTestDeps,
  times: RunTimes,
  thresholds: readonly RunThreshold[],
): Promise<void> {
  const measure = createProgressMeter(config.connections);
  let heldSinceMs = 0;
  const ended = new AbortController();
  const checkAbort = (totals: Totals) => {
    const holdMs = epochMs() - heldSinceMs;
    const breached = breachOf(thresholds, totals, { target: config.connections, holdMs });
    if (breached === undefined || times.breach !== undefined) return;
    const { expression, metric, unit } = breached;
    times.breach = { expression, metric, unit, afterMs: holdMs };
    log.warn({ ...times.breach }, 'ending the run early: a threshold did not hold');
    ended.abort();
  };
  const tell = () => {
    const totals = totalsOf(pool.states());
    const elapsedMs = epochMs() - times.startedAtMs;
    times.series.record(totals, times.phase, elapsedMs);
    onProgress(measure(totals, times.phase, elapsedMs, times.series.points));
    if (times.phase === 'hold') checkAbort(totals);
  };
  using _rounds = onEachRound(pool, config.reportIntervalMs, tell);
  const allDead = () => pool.states().every(({ exit }) => exit !== undefined);
  await pool.waitUntil(() => pool.allSettled(), signal, longestRampMs(config));
  if (signal.aborted) return;
  const { opened, failed } = totalsOf(pool.states()).connections;
  log.info({ opened, failed }, 'holding connections');
  if (opened === 0) return;
  times.phase = 'hold';
  pool.send({ kind: 'hold' });
  heldSinceMs = epochMs();
  await pool.waitUntil(allDead, AbortSignal.any([signal, ended.signal]), config.durationMs);
  times.holdMs = epochMs() - heldSinceMs;
  if (signal.aborted) return;
  times.phase = 'settle';
  pool.send({ kind: 'end-hold' });
  await pool.waitUntil(() => pool.allSaid('newest'), signal, settleMs);
  pool.send({ kind: 'settle', targets: pool.newest(), withinMs: settleMs });
  await pool.waitUntil(() => pool.allSaid('settled'), signal, settleMs + answerMs);
}
