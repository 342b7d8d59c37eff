/** Finds the parts of a run: the run as a whole, a stage of it, or clients of one kind. */

import { type Told, toldIn } from '../../config/told.ts';
import { Cast } from '../plan/cast.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import { sizeOf } from '../plan/run-size.ts';
import type { Stage } from '../plan/timeline.ts';
import { statesOfGroup, type Totals, totalsOf } from '../workers/totals.ts';
import type { WorkerState } from '../workers/worker-pool.ts';
import type { PartOf, RunPart } from './run-part.ts';

/** A stage that began, and what happened in it. */
export interface StageOutcome {
  readonly stage: Stage;
  /** Since the begin of the run. */
  readonly startMs: number;
  /** Measured; less than planned when the run ended early, more where it waited for clients. */
  readonly lengthMs: number;
  readonly totals: Totals;
}

/** How far a run has come. */
export interface RunCourse {
  readonly begunStages: readonly Stage[];
  /** The stage that is going on, and for how long it has; undefined outside of stages. */
  readonly present:
    | { readonly stage: Stage; readonly index: number; readonly forMs: number }
    | undefined;
  /** Measured length of the stages that count for the run, until now. */
  readonly measuredMs: number;
  /** From the begin of the first stage that counts for the run until now; 0 before. */
  readonly sinceMeasuredMs: number;
  /** What happened until now in the stage number `index`, which is going on. */
  presentTotals(index: number): Totals;
}

/** Clients of one kind, and what happened to them. */
export interface GroupOutcome extends RunPart {
  readonly name: string;
  readonly isGood: boolean;
}

/** Clients of one kind, at one moment of a run. */
export interface KindNow {
  readonly name: string;
  readonly isGood: boolean;
  /** Those that are open. */
  readonly active: number;
  /** Those that the stage comes to. */
  readonly target: number;
}

/** Knows the parts of one run. */
export class RunParts {
  readonly #cast: Cast;
  readonly #stages: readonly Stage[];
  readonly #told: Told;

  constructor(config: LoadTestConfig, stages: readonly Stage[]) {
    this.#cast = new Cast(config, sizeOf(config).peak);
    this.#stages = stages;
    this.#told = toldIn(config);
  }

  /** How often clients that behave come in some stages; in all unless told otherwise. */
  target(stages = this.#stages): number {
    return this.#cast.goodOf(this.#cast.startsIn(stages));
  }

  /** Each kind of clients, when `clients` of all kinds are to be there; empty when there is only one. */
  kinds(states: readonly WorkerState[], clients: number): KindNow[] {
    const { groups } = this.#cast;
    if (groups.length === 1) return [];
    const planned = this.#cast.countsOf(clients);
    return groups.map((group, at) => ({
      ...group,
      active: states.reduce((sum, { report, exit }) => {
        return sum + (exit === undefined ? (report?.groups[at]?.connections.active ?? 0) : 0);
      }, 0),
      target: planned[at] ?? 0,
    }));
  }

  /** Of so many clients of all kinds, those that behave. */
  goodOf(clients: number): number {
    return this.#cast.goodOf(this.#cast.countsOf(clients));
  }

  /**
   * Every kind of clients; empty when there is only one. Those that misbehave are measured until the
   * end of the run, as some read only then what came for them before.
   */
  groups(
    states: readonly WorkerState[],
    { measuredMs, sinceMeasuredMs }: Pick<RunCourse, 'measuredMs' | 'sinceMeasuredMs'>,
  ): GroupOutcome[] {
    const { groups } = this.#cast;
    if (groups.length === 1 && groups[0]?.name === '') return [];
    const starts = this.#cast.startsIn(this.#stages);
    return groups.map(({ name, isGood }, at) => ({
      name,
      isGood,
      totals: totalsOf(statesOfGroup(states, at)),
      scale: {
        target: starts[at] ?? 0,
        holdMs: isGood ? measuredMs : sinceMeasuredMs,
        told: this.#told,
      },
    }));
  }

  /** The parts of a run that is over. */
  atEnd(
    whole: RunPart,
    outcomes: readonly StageOutcome[],
    groups: readonly GroupOutcome[],
  ): PartOf {
    const parts = new Map<string, RunPart>(groups.map((group) => [group.name, group]));
    for (const { stage, lengthMs, totals } of outcomes) {
      const scale = { target: this.target([stage]), holdMs: lengthMs, told: this.#told };
      parts.set(stage.name, { totals, scale });
    }
    return (scope) => (scope === undefined ? whole : parts.get(scope));
  }

  /** The parts of a run that goes on: of its stages only the present one. */
  now(run: RunCourse, states: readonly WorkerState[], totals: Totals): PartOf {
    const holdMs = run.measuredMs;
    return (scope) => {
      if (scope === undefined) {
        return {
          totals,
          scale: { target: this.target(run.begunStages), holdMs, told: this.#told },
        };
      }
      const { present } = run;
      if (present?.stage.name === scope) {
        const target = this.target([present.stage]);
        return {
          totals: run.presentTotals(present.index),
          scale: { target, holdMs: present.forMs, told: this.#told },
        };
      }
      return this.groups(states, run).find(({ name }) => name === scope);
    };
  }
}
