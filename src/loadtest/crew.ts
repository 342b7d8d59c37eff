/** The contract of who runs the workers of a load test: this machine, or agents on others. */
import type { Log } from '../host/log.ts';
import type { CheckOptions } from './machine/preflight.ts';
import type { AgentSection } from './results/report.ts';
import type { WorkerPlace, WorkerState } from './workers/worker-pool.ts';

/** Everybody who takes part. Disposing it ends agents. */
export interface Crew extends AsyncDisposable {
  readonly places: readonly WorkerPlace[];
  /** Process ids of what was started here to reach agents. */
  readonly pids: readonly number[];
  /** How long a message takes to the farthest, in milliseconds. */
  readonly reachMs: number;
  /** Throws a PreflightError when the machines do not allow so many connections. */
  check(connections: number): Promise<void>;
  /** Throws a RemoteError when somebody is gone already. */
  assertWhole(): void;
  /** What each agent did, from the states of all workers; undefined without agents. */
  agents(states: readonly WorkerState[]): readonly AgentSection[] | undefined;
}

/** What assembling needs of its caller. */
export interface CrewDeps extends CheckOptions {
  /** Ends the assembling; the crew is empty then. */
  readonly signal: AbortSignal;
  readonly log: Log;
}
