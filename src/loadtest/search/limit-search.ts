/** Looks for the highest level that holds: brings the run to each, measures, and decides. */
import { PreflightError, RemoteError } from '../../base/errors.ts';
import type { Log } from '../../host/log.ts';
import type { StageOutcome } from '../results/run-parts.ts';
import {
  answerOf,
  type SearchEnding,
  type SearchReport,
  type TrialPurpose,
  type TrialReport,
} from '../results/search-report.ts';
import { epochMs } from '../run-clock.ts';
import type { StageRun } from '../stage-run.ts';
import { LostWorker } from '../workers/silence-watch.ts';
import type { WorkerPool } from '../workers/worker-pool.ts';
import { type Hindrance, type LevelControl, type Population, searchStage } from './search-level.ts';
import type { SearchSettings } from './search-plan.ts';
import {
  boundsOf,
  isConfirmed,
  nextStep,
  type SearchEnd,
  type SearchPlan,
} from './search-steps.ts';
import { doubtful, giveSecondTry } from './trial-doubts.ts';
import { type JudgedTrial, judgeTrial } from './trial-judgement.ts';

/** What a search works with. */
export interface SearchDeps {
  readonly settings: SearchSettings;
  readonly plan: SearchPlan;
  readonly level: LevelControl;
  readonly population: Population;
  readonly run: StageRun;
  readonly pool: WorkerPool;
  /** Ends the search at once, because a worker is lost or somebody says so. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Told each trial when it is over. */
  readonly onTrial?: ((trial: TrialReport) => void) | undefined;
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
  /** What is known of the last trial. */
  #last: JudgedTrial | undefined;

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
      let judged: JudgedTrial | undefined;
      try {
        judged = await this.#try(next.level, next.purpose, trialMs);
      } catch (error) {
        if (signal.aborted) return this.#stop();
        if (error instanceof PreflightError) return this.#end('machine', error.message);
        if (!(error instanceof RemoteError)) throw error;
        // Neither the publisher nor an agent can spoil what was found before.
        return this.#end(settings.of === 'rate' ? 'publisher' : 'generator', error.message);
      }
      const hindrance = judged && (await this.#conclude(judged));
      if (signal.aborted) return this.#stop();
      if (hindrance !== undefined) return this.#end(hindrance.why, hindrance.detail);
    }
    this.#end('time');
  }

  #stop(): void {
    const { reason } = this.#deps.signal;
    if (reason instanceof LostWorker) this.#end('generator', reason.message);
  }

  /** Ends as the trials say; the last one was inconclusive where somebody could not do its part. */
  #endBy(why: SearchEnd): void {
    if (why !== 'generator') return this.#end(why);
    this.#end(this.#last?.limit ?? why, this.#trials.at(-1)?.reasons[0]);
  }

  #end(why: SearchEnding, detail = ''): void {
    this.#ending = why;
    this.#detail = detail;
  }

  /**
   * Takes a trial down. One in which nobody was served, or heard an event, may say nothing about its
   * level: a server may have been started again. Resolves with what keeps every level from holding.
   */
  async #conclude(judged: JudgedTrial): Promise<Hindrance | undefined> {
    const { population, settings, signal, log, onTrial } = this.#deps;
    const { trial, isNobodyServed, isUnheard } = judged;
    const eventMs = isUnheard ? settings.calmMs + settings.trialMs : 0;
    const isOdd = isNobodyServed || isUnheard;
    const hindrance = isOdd ? await population.hindrance(eventMs) : undefined;
    // Whoever was interrupted meanwhile has not seen anybody served.
    const isDoubtful = isOdd && hindrance === undefined && !signal.aborted;
    const doubt = isNobodyServed ? doubtful : giveSecondTry;
    const told = isDoubtful ? doubt(trial, this.#trials) : trial;
    this.#last = judged;
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
  ): Promise<JudgedTrial | undefined> {
    const { run, pool, population, settings, signal } = this.#deps;
    // They would be missing at every other level, too.
    if (this.#last?.isAnybodyMissing) await population.leave();
    const first = run.begun;
    const known = run.target;
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
    this.outcomes.push(outcome);
    const before = pool.statesAt(measured);
    const after = pool.statesAt(measured + 1);
    const newcomers = run.target - known;
    const delays = run.delays().slice(measured, measured + 1);
    pool.forgetMarks(measured + 1);
    return judgeTrial(
      { level, purpose, outcome, before, after, delays, output, newcomers, isTold },
      settings,
    );
  }
}
