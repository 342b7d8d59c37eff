/** Looks for the highest level that holds: brings the run to each, measures, and decides. */
import { PreflightError, RemoteError } from '../../base/errors.ts';
import type { Log } from '../../host/log.ts';
import { shortfallOf } from '../results/bottlenecks.ts';
import { isOfComing } from '../results/grounds.ts';
import { resultsOf } from '../results/thresholds.ts';
import { toldLatency } from '../results/told-report.ts';
import { judge } from '../results/verdict.ts';
import { epochMs } from '../run-clock.ts';
import type { StageOutcome, StageRun } from '../stage-run.ts';
import { SilentWorker } from '../workers/silence-watch.ts';
import type { WorkerPool, WorkerState } from '../workers/worker-pool.ts';
import {
  type Hindrance,
  type LevelControl,
  type Population,
  type Published,
  searchStage,
} from './search-level.ts';
import type { SearchSettings } from './search-plan.ts';
import {
  answerOf,
  type SearchEnding,
  type SearchReport,
  type TrialReport,
} from './search-report.ts';
import {
  boundsOf,
  isConfirmed,
  nextStep,
  type SearchEnd,
  type SearchPlan,
  type TrialPurpose,
  type TrialVerdict,
} from './search-steps.ts';
import { giveSecondTry, isForWantOfEvents, publisherShortfall, untoldOf } from './trial-doubts.ts';

/** What a search works with. */
export interface SearchDeps {
  readonly settings: SearchSettings;
  readonly plan: SearchPlan;
  readonly level: LevelControl;
  readonly population: Population;
  readonly run: StageRun;
  readonly pool: WorkerPool;
  /** Ends the search at once, because a worker is silent or somebody says so. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Told each trial when it is over. */
  readonly onTrial?: ((trial: TrialReport) => void) | undefined;
}

/** What else is to know of a trial. */
interface Circumstances {
  /** Number of its measured stage. */
  readonly measured: number;
  readonly output: Published | undefined;
  /** Clients that came for it. */
  readonly newcomers: number;
  /** Why it cannot be told what the workers did in it. */
  readonly untold: readonly string[];
}

/** More would be a plan gone wrong: halving a range of ten millions takes fewer. */
const maxTrials = 80;
/** How much longer the answer is measured than other levels. */
const confirmFactor = 2;
/** Room for the workers' figures at the end of a trial, above the time that calms down after it. */
const answerMs = 1_500;

/** One search. */
export class LimitSearch {
  readonly #deps: SearchDeps;
  readonly #trials: TrialReport[] = [];
  /** The measured stage of each trial. */
  readonly outcomes: StageOutcome[] = [];
  #ending: SearchEnding = 'interrupted';
  #detail = '';
  /** Whether the last trial was too much for the publisher. */
  #isPublisherShort = false;
  /** Whether clients of the last trial were missing, who would be missing at every other level too. */
  #isAnybodyMissing = false;
  /** Whether the last trial did not hold for want of a server, as far as the clients can tell. */
  #isNobodyServed = false;
  /** Whether it did not hold for want of events. */
  #isUnheard = false;

  constructor(deps: SearchDeps) {
    this.#deps = deps;
  }

  /** What came of it so far. */
  get report(): SearchReport {
    const { settings } = this.#deps;
    const { good, bad } = boundsOf(this.#trials);
    const found = {
      of: settings.of,
      slo: settings.slo,
      resolutionPercent: settings.resolutionPercent,
      trials: this.#trials,
      holds: good ?? null,
      breaks: bad ?? null,
      isConfirmed: good !== undefined && isConfirmed(good, this.#trials),
      ending: this.#ending,
    };
    return { ...found, answer: answerOf(found, this.#detail) };
  }

  /** Searches from `startAtMs` since 1970 until it is clear; ends at once when interrupted. */
  async run(startAtMs: number): Promise<void> {
    const { plan, settings, signal, run } = this.#deps;
    run.startedAtMs = startAtMs;
    const untilMs = epochMs() + settings.searchTimeMs;
    while (this.#trials.length < maxTrials) {
      const next = nextStep(this.#trials, plan);
      if (next.kind === 'end') return this.#endBy(next.why);
      const trialMs = settings.trialMs * (next.purpose === 'confirm' ? confirmFactor : 1);
      if (epochMs() + settings.calmMs + trialMs > untilMs) return this.#end('time');
      let trial: TrialReport | undefined;
      try {
        trial = await this.#try(next.level, next.purpose, trialMs);
      } catch (error) {
        if (signal.aborted) return this.#stop();
        if (error instanceof PreflightError) return this.#end('machine', error.message);
        if (!(error instanceof RemoteError)) throw error;
        // Neither the publisher nor an agent can spoil what was found before.
        return this.#end(settings.of === 'rate' ? 'publisher' : 'generator', error.message);
      }
      const hindrance = trial && (await this.#conclude(trial));
      if (signal.aborted) return this.#stop();
      if (hindrance !== undefined) return this.#end(hindrance.why, hindrance.detail);
    }
    this.#end('time');
  }

  #stop(): void {
    const { reason } = this.#deps.signal;
    if (reason instanceof SilentWorker) this.#end('generator', reason.message);
  }

  /** Ends as the trials say; the last one was too much for the publisher, or for the load tester. */
  #endBy(why: SearchEnd): void {
    if (why !== 'generator') return this.#end(why);
    this.#end(this.#isPublisherShort ? 'publisher' : why, this.#trials.at(-1)?.reasons[0]);
  }

  #end(why: SearchEnding, detail = ''): void {
    this.#ending = why;
    this.#detail = detail;
  }

  /**
   * Takes a trial down. One in which nobody was served, or heard an event, counts only when that is
   * so a second time: a publisher may have paused. Resolves with what keeps every level from holding.
   */
  async #conclude(trial: TrialReport): Promise<Hindrance | undefined> {
    const { population, settings, log, onTrial } = this.#deps;
    const eventMs = this.#isUnheard ? settings.calmMs + settings.trialMs : 0;
    const isOdd = this.#isNobodyServed || this.#isUnheard;
    const hindrance = isOdd ? await population.hindrance(eventMs) : undefined;
    const isDoubtful = isOdd && hindrance === undefined;
    const told = isDoubtful ? giveSecondTry(trial, this.#trials) : trial;
    this.#trials.push(told);
    log.info({ ...told }, 'trial ended');
    onTrial?.(told);
    return hindrance;
  }

  /** Undefined when it was interrupted. */
  async #try(
    level: number,
    purpose: TrialPurpose,
    trialMs: number,
  ): Promise<TrialReport | undefined> {
    const { run, pool, population, settings, signal } = this.#deps;
    if (this.#isAnybodyMissing) await population.leave();
    const first = run.begun;
    const before = run.target;
    await this.#deps.level.reach(level);
    const { clients, isDeserted } = population;
    const hold = (name: string, lengthMs: number) =>
      searchStage({ name, kind: 'hold', from: clients, to: clients, lengthMs });
    if (!signal.aborted) await run.pass(hold('calm', isDeserted ? 0 : settings.calmMs));
    const published = signal.aborted ? undefined : await this.#deps.level.countPublished();
    const measured = run.begun;
    if (!signal.aborted) {
      const name = `trial ${this.#trials.length + 1}`;
      await run.pass({ ...hold(name, isDeserted ? 0 : trialMs), isMeasured: true });
    }
    if (signal.aborted) return undefined;
    const output = await published?.();
    // The begin of the next stage is the end of this one, told by all workers.
    await run.pass(hold('rest', 0));
    const isMarked = () => pool.allMarked(measured + 1);
    const isTold = await pool.waitUntil(isMarked, signal, settings.calmMs + answerMs);
    if (signal.aborted) return undefined;
    const outcome = run.outcomeOf(first, measured);
    const trial = this.#judge(level, purpose, outcome, {
      ...{ measured, output, untold: untoldOf(isTold) },
      newcomers: run.target - before,
    });
    this.outcomes.push(outcome);
    pool.forgetMarks(measured + 1);
    const { failed, away } = outcome.totals.connections;
    this.#isAnybodyMissing = failed > 0 || away > 0;
    return trial;
  }

  #judge(
    level: number,
    purpose: TrialPurpose,
    { totals, startMs, lengthMs }: StageOutcome,
    { measured, output, newcomers, untold }: Circumstances,
  ): TrialReport {
    const { settings, run } = this.#deps;
    const states = this.#statesOf(measured);
    const { told } = settings;
    const scale = { target: newcomers, holdMs: lengthMs, told };
    // Where nobody came, nothing is known of connecting, and nothing has to be.
    const thresholds = resultsOf(settings.thresholds, () => ({ totals, scale })).filter(
      ({ metric, observed }) => observed !== null || !isOfComing(metric),
    );
    const stages = run.delays().slice(measured, measured + 1);
    const backlog = { queue: undefined, holdMs: lengthMs, stages };
    const shortfall = shortfallOf(states, totals, backlog);
    const tooFew = publisherShortfall(output);
    this.#isPublisherShort = tooFew.length > 0;
    const own = [...untold, ...shortfall.bottlenecks];
    const { verdict, reasons } = judge({
      totals,
      thresholds,
      shortfall: { ...shortfall, bottlenecks: [...tooFew, ...own] },
      breach: undefined,
      interrupted: false,
      holdMs: lengthMs,
      told,
      undone: [],
    });
    const { latency, connections, messages, generator } = totals;
    const { p50, p99, max } = toldLatency(latency, told);
    const isServed = connections.active > 0 && messages.frames > 0;
    const isTheirs = verdict !== 'pass' && own.length === 0;
    this.#isNobodyServed = isTheirs && !isServed;
    // What the publisher did not publish cannot come.
    const isDue = isForWantOfEvents(thresholds) && tooFew.length === 0;
    this.#isUnheard = isTheirs && isServed && isDue && messages.received === 0;
    return {
      level,
      purpose,
      verdict: verdict as TrialVerdict,
      reasons,
      startMs: Math.round(startMs),
      durationMs: Math.round(lengthMs),
      active: connections.active,
      failed: connections.failed,
      receivedPerSecond: Math.round((1_000 * latency.count) / Math.max(1, lengthMs)),
      lost: told.sequence ? messages.lost : null,
      latencyMs: { p50, p99, max, count: told.time ? latency.count : 0 },
      cpuPercent: generator.cpuPercent,
    };
  }

  /** The workers at the end of a stage, with the stalls that were in it. */
  #statesOf(stage: number): WorkerState[] {
    const { pool } = this.#deps;
    const before = pool.statesAt(stage);
    return pool.statesAt(stage + 1).map((state, at) => {
      const { report } = state;
      if (report === undefined) return state;
      const { generator } = report;
      const earlier = before[at]?.report?.generator;
      const stalledMs = generator.stalledMs - (earlier?.stalledMs ?? 0);
      // Of all stalls the longest is known; of these, it cannot be longer than all together.
      const longestStallMs = Math.min(generator.longestStallMs, stalledMs);
      const stalls = generator.stalls - (earlier?.stalls ?? 0);
      const own = { ...generator, stalls, stalledMs, longestStallMs };
      return { ...state, report: { ...report, generator: own } };
    });
  }
}
