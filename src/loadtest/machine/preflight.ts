/** Refuses a run that this machine cannot do, before the first connection, and says what helps. */
import { createServer } from 'node:net';
import { availableParallelism, networkInterfaces } from 'node:os';
import { PreflightError } from '../../base/errors.ts';
import { readCgroup } from '../../host/cgroup.ts';
import { coreLacks, memoryLacks } from './capacity.ts';
import { conntrackLacks } from './conntrack.ts';
import { descriptorLacks } from './descriptors.ts';
import type { Lack, Needs, Sight } from './limit.ts';
import { portLacks } from './ports.ts';
import { readProc } from './proc.ts';

/** How this machine is looked at. */
const thisMachine: Sight = {
  readText: readProc,
  cgroupFreeBytes: () => readCgroup()?.memoryFreeBytes(),
  cores: availableParallelism(),
  bindFault,
  addresses: () =>
    Object.values(networkInterfaces())
      .flatMap((infos) => infos ?? [])
      .filter(({ internal, scopeid }) => !internal && !scopeid)
      .map(({ address }) => address),
};

/** Everything that is short, most basic first; empty when the run can be done. */
async function lacksOf(needs: Needs, sight: Partial<Sight> = {}): Promise<Lack[]> {
  const seen = { ...thisMachine, ...sight };
  const lacks = await Promise.all([
    descriptorLacks(needs, seen),
    portLacks(needs, seen),
    conntrackLacks(needs, seen),
    memoryLacks(needs, seen),
  ]);
  return [...lacks.flat(), ...coreLacks(needs, seen)];
}

/** What to do instead of refusing, and how the machine is looked at. */
export interface CheckOptions {
  /** Told of each lack; without it, they end the run. */
  readonly onLack?: ((lack: Lack) => void) | undefined;
  readonly sight?: Partial<Sight> | undefined;
}

/** Throws a PreflightError that names all that is short, each with what to do about it. */
export async function checkLimits(
  needs: Needs,
  { onLack, sight }: CheckOptions = {},
): Promise<void> {
  const lacks = await lacksOf(needs, sight);
  if (lacks.length === 0) return;
  if (onLack !== undefined) return lacks.forEach(onLack);
  throw new PreflightError(lacks.map(({ what }) => what).join('\n'), {
    hint: [...lacks.map(({ fix }) => fix), 'or try it all the same with --force'].join('\n'),
  });
}

/** Binding is what connecting will do; 127.0.0.2 works without being on any list. */
function bindFault(host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port: 0 }, () => server.close(() => resolve(undefined)));
  });
}
