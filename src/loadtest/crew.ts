/** Who runs the workers of a load test: this machine, or agents on others. */
import { availableParallelism } from 'node:os';
import type { Log } from '../host/log.ts';
import { unlessAborted } from '../host/signals.ts';
import type { AgentSection } from './agents/agent-section.ts';
import { prepareMachine } from './machine/machine.ts';
import type { CheckOptions } from './machine/preflight.ts';
import { Cast } from './plan/cast.ts';
import { type LoadTestConfig, workerCount } from './plan/plan.ts';
import { sizeOf } from './plan/run-size.ts';
import { clientsOfWorker } from './plan/timeline.ts';
import { targetWithoutAddress } from './socket/target.ts';
import { launchWorker, type WorkerPlace, type WorkerState } from './workers/worker-pool.ts';

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

/**
 * Makes sure that all machines can do their part. Throws a PreflightError when one cannot, and a
 * RemoteError when the server's name cannot be resolved or an agent cannot be had.
 */
export async function assembleCrew(config: LoadTestConfig, deps: CrewDeps): Promise<Crew> {
  if (config.agents.length === 0) return await localCrew(config, deps, deps.signal);
  const { assembleFleet } = await import('./agents/agent-fleet.ts');
  return await assembleFleet(config, deps);
}

async function localCrew(
  config: LoadTestConfig,
  options: CheckOptions,
  signal: AbortSignal,
): Promise<Crew> {
  const { stages, peak, first } = sizeOf(config);
  const workers = workerCount(config, peak, availableParallelism());
  const prepare = (connections: number) => {
    const perWorker = clientsOfWorker(connections, 0, workers);
    return prepareMachine(config, { connections, perWorker, workers }, options);
  };
  const common = await targetWithoutAddress(config);
  // A name service may take its time, and nobody can call it back.
  const address = await unlessAborted(prepare(first), signal);
  const places =
    address === undefined
      ? []
      : new Cast(config, peak).sharesOf(stages, workers).map((share) => ({
          ...share,
          target: { ...common, address },
          clockAheadMs: 0,
          agent: undefined,
          launch: launchWorker,
        }));
  return {
    places,
    pids: [],
    reachMs: 0,
    async check(connections) {
      await prepare(connections);
    },
    assertWhole() {},
    agents: () => undefined,
    async [Symbol.asyncDispose]() {},
  };
}
