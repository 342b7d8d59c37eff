/** The crew of a load test that runs on this machine alone. */
import { availableParallelism } from 'node:os';
import { unlessAborted } from '../host/signals.ts';
import type { Crew, CrewDeps } from './crew.ts';
import { prepareMachine } from './machine/machine.ts';
import { Cast } from './plan/cast.ts';
import { type LoadTestConfig, workerCount } from './plan/plan.ts';
import { sizeOf } from './plan/run-size.ts';
import { clientsOfWorker } from './plan/timeline.ts';
import { targetWithoutAddress } from './socket/target.ts';
import { launchWorker } from './workers/worker-pool.ts';

/**
 * Makes sure that this machine can do its part. Throws a PreflightError when it cannot, and a
 * RemoteError when the server's name cannot be resolved.
 */
export async function localCrew(config: LoadTestConfig, deps: CrewDeps): Promise<Crew> {
  const { stages, peak, first } = sizeOf(config);
  const workers = workerCount(config, peak, availableParallelism());
  const prepare = (connections: number) => {
    const perWorker = clientsOfWorker(connections, 0, workers);
    return prepareMachine(config, { connections, perWorker, workers }, deps);
  };
  const common = await targetWithoutAddress(config);
  // A name service may take its time, and nobody can call it back.
  const address = await unlessAborted(prepare(first), deps.signal);
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
