/** Makes sure, before the first connection, that this machine can do its part of a run. */

import type { LoadTestConfig } from '../plan/plan.ts';
import { peakOf, stagesOf, startsIn } from '../plan/timeline.ts';
import { endpointOf, resolveAddress } from '../socket/target.ts';
import { type CheckOptions, checkLimits } from './preflight.ts';

/** What of a run is done on one machine. */
export interface Share {
  readonly connections: number;
  /** Connections of the worker that has most. */
  readonly perWorker: number;
  readonly workers: number;
}

/**
 * Finds the server, and checks that the limits of this machine allow what is needed: returns the
 * server's address, which is looked up once, for all clients. Throws a RemoteError when the host
 * name cannot be resolved, and a PreflightError when the limits are too low.
 */
export async function prepareMachine(
  config: LoadTestConfig,
  share: Share,
  options: CheckOptions = {},
): Promise<string> {
  const { sourceIps } = config;
  const address = await resolveAddress(config);
  const target = { ...endpointOf(config), address, sourceIps };
  const stages = stagesOf(config);
  // A limit search goes beyond the number of clients that it begins with, at the same rate.
  const part = Math.min(1, share.connections / peakOf(stages));
  const ramps = stages.map((stage) => {
    return { clients: Math.ceil(part * startsIn(stage)), lengthMs: stage.lengthMs };
  });
  await checkLimits({ ...share, ramps, target }, options);
  return address;
}
