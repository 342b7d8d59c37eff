/** Runs a load test: many clients in worker processes, one report. */
import { toldIn } from '../config/told.ts';
import type { Log } from '../host/log.ts';
import type { Crew } from './crew.ts';
import { Observers } from './live/observers.ts';
import { createProgressMeter, type Progress } from './live/progress.ts';
import type { RunState } from './live/run-metrics.ts';
import { localCrew } from './local-crew.ts';
import type { Lack, Sight } from './machine/limit.ts';
import type { LoadTestConfig } from './plan/plan.ts';
import { sizeOf } from './plan/run-size.ts';
import { shortfallOf } from './results/bottlenecks.ts';
import type { LoadTestReport } from './results/report.ts';
import type { PartOf } from './results/run-part.ts';
import { RunParts } from './results/run-parts.ts';
import { runReport } from './results/run-report.ts';
import type { TrialReport } from './results/search-report.ts';
import { SeriesRecorder } from './results/series.ts';
import { breachOf, type RunThreshold, thresholdsOf } from './results/thresholds.ts';
import type { Breach } from './results/verdict.ts';
import { epochMs } from './run-clock.ts';
import { openSearch } from './search/open-search.ts';
import { searchSettings } from './search/search-plan.ts';
import { StageRun } from './stage-run.ts';
import { withoutQuery } from './truth/json-question.ts';
import type { ServerCounts, Testimony } from './truth/witnesses.ts';
import { missingFrom, sayFarewell } from './workers/farewell.ts';
import { onEachRound } from './workers/report-rounds.ts';
import { statesOfAll, totalsOf } from './workers/totals.ts';
import { WorkerPool } from './workers/worker-pool.ts';

/** What a load test needs from its caller. */
export interface LoadTestDeps {
  /** Ends the run early; the report is still made, within 2 s. */
  readonly signal: AbortSignal;
  /** Called every `reportIntervalMs`. */
  readonly onProgress: (progress: Progress) => void;
  readonly log: Log;
  /** Told each level of a limit search when it is over. */
  readonly onTrial?: (trial: TrialReport) => void;
  /** How this machine is looked at; default: as it is. */
  readonly sight?: Partial<Sight>;
  /** Told what a machine has too little of; without it, that ends the run. */
  readonly onLack?: (lack: Lack) => void;
  /** Told the process ids of the workers here, and of what leads to agents. */
  readonly onWorkers?: (pids: readonly number[]) => void;
  /** Told where the metrics of the run are served, once they are. */
  readonly onMetrics?: (url: string) => void;
  /** Told every two seconds what the server says of itself, or why it does not. */
  readonly onServer?: (said: Testimony<ServerCounts>) => void;
}

const startDelayMs = 20;

/**
 * Runs one load test. Throws a PreflightError when this machine cannot do it and a RemoteError
 * when the host name cannot be resolved; everything else that goes wrong is in the report.
 */
export async function runLoadTest(
  config: LoadTestConfig,
  deps: LoadTestDeps,
): Promise<LoadTestReport> {
  const { signal, log } = deps;
  const settings = searchSettings(config);
  await using crew = await assembleCrew(config, deps);
  await using pool = new WorkerPool(crew.places);
  deps.onWorkers?.([...pool.pids, ...crew.pids]);
  await pool.waitUntil(() => pool.allSaid('ready'), signal);
  crew.assertWhole();
  await using observers = await Observers.call(config, crew.places, deps);
  const { stages, first } = sizeOf(config);
  const run = new StageRun(pool, { config, stages, reachMs: crew.reachMs, signal, log });
  const told = toldIn(config);
  await using search =
    settings && (await openSearch(settings, { config, run, pool, crew, ...deps }));
  const thresholds = search === undefined ? thresholdsOf(config.thresholds ?? [], told) : [];
  const parts = new RunParts(config, stages);
  const series = new SeriesRecorder(config.reportIntervalMs);
  let breach: Breach | undefined;
  const what = { connections: first, workers: crew.places.length };
  log.info({ ...what, url: withoutQuery(config.url) }, 'opening connections');
  const kinds = () => parts.kinds(pool.states(), run.place.target);
  const place = () => ({ ...run.place, target: parts.goodOf(run.place.target) });
  await observers.begin(() => stateOf(run, pool, { ...place(), kinds: kinds() }), pool);
  if (!signal.aborted) {
    pool.start(config);
    const measure = createProgressMeter();
    using _rounds = onEachRound(pool, config.reportIntervalMs, () => {
      const totals = totalsOf(pool.states());
      series.record(totals, run.place.phase, run.elapsedMs);
      deps.onProgress(measure(totals, place(), run.elapsedMs, series.points, kinds()));
      breach ??= endAtBreach(run, thresholds, parts.now(run, pool.states(), totals), log);
    });
    await (search ?? run).run(epochMs() + startDelayMs + crew.reachMs);
  }
  const interrupted = signal.aborted;
  await observers.atStop();
  const { elapsedMs: durationMs, sinceMeasuredMs } = run;
  if (durationMs > 0) await sayFarewell(pool, signal);
  const silent = pool.giveUp();
  const states = pool.states();
  const totals = totalsOf(states);
  const { startedAtMs, measuredMs: holdMs } = run;
  const everybody = totalsOf(statesOfAll(states));
  const { reconciliation, queue } = await observers.conclude(
    { totals: everybody, good: totals },
    durationMs,
  );
  // A search judges each of its trials on its own.
  const delays = search === undefined ? run.delays() : [];
  const shortfall = shortfallOf(states, totals, { queue, holdMs, stages: delays });
  const report = runReport({
    target: parts.target(search === undefined ? stages : run.begunStages),
    ...{ config, parts, startedAtMs, durationMs, holdMs, breach, totals, thresholds },
    outcomes: search?.outcomes ?? run.outcomes(totals),
    groups: parts.groups(states, { measuredMs: holdMs, sinceMeasuredMs }),
    receiveQueue: queue,
    workers: states.map(({ report: last }) => last?.generator),
    ...{ shortfall, interrupted },
    missing: durationMs > 0 ? missingFrom(silent) : [],
    agents: crew.agents(states),
    search: search?.report,
    reconciliation,
    series: series.end(totals, run.place.phase, durationMs),
  });
  log.info({ verdict: report.verdict, received: report.messages.received }, 'load test ended');
  return report;
}

async function assembleCrew(config: LoadTestConfig, deps: LoadTestDeps): Promise<Crew> {
  if (config.agents.length === 0) return await localCrew(config, deps);
  const { assembleFleet } = await import('./agents/agent-fleet.ts');
  return await assembleFleet(config, deps);
}

/** A run now; the totals are made when somebody asks for them. */
function stateOf(
  run: StageRun,
  pool: WorkerPool,
  place: Pick<RunState, 'phase' | 'target' | 'kinds'>,
): RunState {
  return {
    get totals() {
      return totalsOf(pool.states());
    },
    ...place,
    isMeasured: run.present?.stage.isMeasured === true,
    elapsedMs: run.elapsedMs,
  };
}

/** Ends the stages when a threshold says so now: where nothing is measured, one about that stage. */
function endAtBreach(
  run: StageRun,
  thresholds: readonly RunThreshold[],
  partOf: PartOf,
  log: Log,
): Breach | undefined {
  const { present } = run;
  if (present === undefined) return undefined;
  const { name, isMeasured } = present.stage;
  const breached = breachOf(
    thresholds.filter(({ scope }) => isMeasured || scope === name),
    partOf,
  );
  if (breached === undefined) return undefined;
  const { expression, metric, unit, scope } = breached;
  const time =
    scope === name
      ? { afterMs: present.forMs, of: name }
      : { afterMs: run.measuredMs, of: 'the hold phase' };
  const breach = { expression, metric, unit, ...time };
  log.warn(breach, 'ending the run early: a threshold did not hold');
  run.endStages();
  return breach;
}
