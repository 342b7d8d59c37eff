/** Leads the workers of a run through its stages, one after the other, and through their end. */
import type { Log } from '../host/log.ts';
import { arrivalMs, type LoadTestConfig, longestRampMs } from './plan/plan.ts';
import {
  type LoadTestPhase,
  type RunPlace,
  type Stage,
  startsOf,
  startsPerWorker,
} from './plan/timeline.ts';
import type { RunCourse, StageOutcome } from './results/run-parts.ts';
import type { StageDelay } from './results/stage-delays.ts';
import { epochMs } from './run-clock.ts';
import { watchForSilence } from './workers/silence-watch.ts';
import { StallMeter } from './workers/stall-meter.ts';
import { type Totals, totalsBetween, totalsOf } from './workers/totals.ts';
import type { WorkerPool } from './workers/worker-pool.ts';

/** What a run needs to be led. */
interface StageRunDeps {
  readonly config: LoadTestConfig;
  readonly stages: readonly Stage[];
  /** How long a message takes to the farthest worker, in milliseconds. */
  readonly reachMs: number;
  /** Ends the run at once. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

interface Begun {
  readonly stage: Stage;
  /** By the plan; clients come and go by this, however late the load tester is. */
  readonly plannedAtMs: number;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  /** By how much it lasted longer than it had to, and the longest stall of this process in it. */
  delay: Pick<StageDelay, 'overtimeMs' | 'stalledMs'>;
}

/** Room for the workers' answers above the time that they take themselves. */
const answerMs = 500;

/** One run through its stages. */
export class StageRun implements RunCourse {
  readonly #pool: WorkerPool;
  readonly #deps: StageRunDeps;
  readonly #begun: Begun[] = [];
  readonly #ended = new AbortController();
  readonly #stalls = new StallMeter();
  #phase: LoadTestPhase = 'ramp';
  #isGivenUp = false;
  /** When the first stage begins, in milliseconds since 1970; before, when this was made. */
  startedAtMs = epochMs();

  constructor(pool: WorkerPool, deps: StageRunDeps) {
    this.#pool = pool;
    this.#deps = deps;
  }

  /** The stage that is going on, and for how long it has; undefined outside of stages. */
  get present(): RunCourse['present'] {
    const begun = this.#begun.at(-1);
    if (begun === undefined || begun.endedAtMs !== undefined) return undefined;
    const forMs = Math.max(0, epochMs() - begun.startedAtMs);
    return { stage: begun.stage, index: this.#begun.length - 1, forMs };
  }

  /** How often a client comes in the stages that began. */
  get target(): number {
    return startsOf(this.begunStages);
  }

  get begunStages(): readonly Stage[] {
    return this.#begun.map(({ stage }) => stage);
  }

  get place(): RunPlace {
    const stage = this.#begun.at(-1)?.stage ?? this.#deps.stages[0];
    const target = stage?.to ?? 0;
    if (this.#phase === 'settle') return { phase: 'settle', stage: 'settle', target };
    return { phase: this.#phase, stage: stage?.name ?? this.#phase, target };
  }

  /** Measured length of the stages that count for the run, until now. */
  get measuredMs(): number {
    return this.#begun
      .filter(({ stage }) => stage.isMeasured)
      .reduce((sum, begun) => sum + (begun.endedAtMs ?? epochMs()) - begun.startedAtMs, 0);
  }

  /** From the begin of the first stage that counts for the run until now; 0 before. */
  get sinceMeasuredMs(): number {
    const first = this.#begun.find(({ stage }) => stage.isMeasured);
    return first === undefined ? 0 : Math.max(0, epochMs() - first.startedAtMs);
  }

  /** Time since the first stage began; 0 before. */
  get elapsedMs(): number {
    return this.#begun.length === 0 ? 0 : Math.max(0, epochMs() - this.startedAtMs);
  }

  /** Ends the stages early; what is on its way still gets its time. */
  endStages(): void {
    this.#ended.abort();
  }

  /**
   * All stages, the first at `startAtMs` since 1970, and the time for what is on its way then; ends
   * at once when interrupted, and soon when a worker is silent that clients are waited for.
   */
  async run(startAtMs: number): Promise<void> {
    const { stages, signal, log } = this.#deps;
    this.startedAtMs = startAtMs;
    let planMs = startAtMs;
    for (const [index, stage] of stages.entries()) {
      const begun = this.#begin(stage, index, planMs);
      await this.#pass(begun);
      planMs = stage.awaitsClients ? (begun.endedAtMs as number) : planMs + stage.lengthMs;
      if (signal.aborted) return;
      const { opened, failed } = totalsOf(this.#pool.states()).connections;
      log.info({ stage: stage.name, opened, failed }, 'stage ended');
      if (this.#ended.signal.aborted || (stage.awaitsClients && opened === 0)) break;
    }
    const isWhole = this.#begun.length === stages.length || this.#ended.signal.aborted;
    if (isWhole && !this.#isGivenUp) await this.#settle();
  }

  /** Stages that began. */
  get begun(): number {
    return this.#begun.length;
  }

  /** One more stage that was not planned, from now on; ends at once when interrupted. */
  async pass(stage: Stage): Promise<void> {
    this.#pool.expect(startsPerWorker([stage], this.#pool.states().length));
    const startAtMs = Math.max(this.startedAtMs, epochMs() + this.#deps.reachMs);
    const begun = this.#begin(stage, this.#begun.length, startAtMs);
    await this.#pass(begun);
  }

  /**
   * What happened from the begin of stage `first` to the end of stage `last`; latency and length are
   * those of `last` alone. The stage after it must have begun.
   */
  outcomeOf(first: number, last: number): StageOutcome {
    const { stage, startedAtMs, endedAtMs = epochMs() } = this.#begun[last] as Begun;
    const [before, after] = [first, last + 1].map((at) => totalsOf(this.#pool.statesAt(at)));
    return {
      stage,
      startMs: startedAtMs - this.startedAtMs,
      lengthMs: endedAtMs - startedAtMs,
      totals: totalsBetween(before as Totals, after as Totals),
    };
  }

  /** What happened in each stage that began. `totals` are those of the whole run. */
  outcomes(totals: Totals): StageOutcome[] {
    const states = Array.from({ length: this.#begun.length + 1 }, (_, index) =>
      totalsOf(this.#pool.statesAt(index)),
    );
    return this.#begun.map(({ stage, startedAtMs, endedAtMs = epochMs() }, index) => {
      const between = totalsBetween(states[index] as Totals, states[index + 1] as Totals);
      const lost = totals.lostByStage[index] ?? 0;
      return {
        stage,
        startMs: startedAtMs - this.startedAtMs,
        lengthMs: endedAtMs - startedAtMs,
        totals: { ...between, messages: { ...between.messages, lost } },
      };
    });
  }

  /** How late each stage was that began. */
  delays(): StageDelay[] {
    return this.#begun.map(({ stage: { name, isMeasured }, delay }, index) => ({
      ...{ name, isMeasured, ...delay },
      lateMs: this.#pool.lateMsAt(index),
      lateEndMs: this.#pool.lateMsAt(index + 1),
    }));
  }

  /** What happened until now in the stage that is going on. */
  presentTotals(index: number): Totals {
    const now = totalsOf(this.#pool.states());
    return totalsBetween(totalsOf(this.#pool.statesAt(index)), now);
  }

  #begin(stage: Stage, index: number, plannedAtMs: number): Begun {
    // No moment is between two stages.
    const startedAtMs = this.#begun.at(-1)?.endedAtMs ?? plannedAtMs;
    const delay = { overtimeMs: 0, stalledMs: 0 };
    const begun = { stage, plannedAtMs, startedAtMs, endedAtMs: undefined, delay };
    this.#stalls.restart();
    this.#begun.push(begun);
    this.#phase = stage.kind;
    this.#pool.send({ kind: 'stage', index, stage, startAtMs: plannedAtMs });
    return begun;
  }

  async #pass(begun: Begun): Promise<void> {
    const dueAtMs = await this.#await(begun);
    begun.endedAtMs = epochMs();
    const overtimeMs = Math.max(0, begun.endedAtMs - dueAtMs);
    begun.delay = { overtimeMs, stalledMs: this.#stalls.sample().longestMs };
  }

  /** Waits for the end of a stage; tells when it had to be, in milliseconds since 1970. */
  async #await({ stage, plannedAtMs }: Begun): Promise<number> {
    const { config, stages, signal, reachMs, log } = this.#deps;
    const pool = this.#pool;
    const either = AbortSignal.any([signal, this.#ended.signal]);
    if (stage.awaitsClients) {
      using _watch = watchForSilence(pool, config, ({ message }) => {
        log.warn(`ending the run early: ${message}`);
        this.#isGivenUp = true;
        this.endStages();
      });
      await pool.waitUntil(
        () => pool.allSaid('ramped'),
        either,
        longestRampMs(stage.lengthMs, config),
      );
      // However long it takes.
      return Number.POSITIVE_INFINITY;
    }
    const allDead = () => pool.states().every(({ exit }) => exit !== undefined);
    const isLast = stage === stages.at(-1);
    const dueAtMs = plannedAtMs + stage.lengthMs - (isLast ? 0 : reachMs);
    const restMs = dueAtMs - epochMs();
    if (restMs > 0) await pool.waitUntil(allDead, either, restMs);
    return dueAtMs;
  }

  /** What is on its way comes, who is comes back, and slow clients read: each for its time at most. */
  async #settle(): Promise<void> {
    const { config, signal, log } = this.#deps;
    const pool = this.#pool;
    this.#phase = 'settle';
    pool.send({ kind: 'end-stages', atMs: this.#begun.at(-1)?.endedAtMs ?? epochMs() });
    await pool.waitUntil(() => pool.allSaid('newest'), signal, arrivalMs);
    const backWithinMs = config.connectTimeoutMs;
    pool.send({ kind: 'settle', targets: pool.newest(), backWithinMs });
    const isSettled = () => pool.allSaid('settled');
    const stuck = new AbortController();
    const either = AbortSignal.any([signal, stuck.signal]);
    using _watch = watchForSilence(pool, config, () => stuck.abort());
    await pool.waitUntil(isSettled, either, arrivalMs + answerMs);
    if (isSettled() || either.aborted) return;
    const readOutMs = config.slowPercent > 0 ? config.slowReadOutMs : 0;
    const restMs = Math.max(backWithinMs, readOutMs - arrivalMs);
    log.info({ forMs: restMs }, 'waiting for clients that return, or read what they left');
    await pool.waitUntil(isSettled, either, restMs);
  }
}
