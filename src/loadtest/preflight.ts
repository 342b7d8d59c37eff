/** Refuses a run that this machine cannot do: descriptors and ports, before the first connection. */
import { PreflightError } from '../base/errors.ts';
import { formatCount } from '../base/units.ts';

/** Text of a file; undefined when there is none. */
export type ReadText = (path: string) => Promise<string | undefined>;

/** What a run needs of the machine. */
export interface Needs {
  readonly connections: number;
  /** Connections of the worker that has most. */
  readonly perWorker: number;
}

/** Descriptors of a process besides its connections: the runtime, pipes, the log. */
const reservedDescriptors = 100;

/**
 * Checks limits where the system tells them (Linux). Throws a PreflightError that says what to do.
 */
export async function checkLimits(needs: Needs, readText: ReadText): Promise<void> {
  const limits = await readText('/proc/self/limits');
  const range = await readText('/proc/sys/net/ipv4/ip_local_port_range');
  if (limits !== undefined) checkDescriptors(needs, limits);
  if (range !== undefined) checkPorts(needs, range);
}

function checkDescriptors({ perWorker }: Needs, limits: string): void {
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  // Also undefined for "unlimited".
  if (soft === undefined) return;
  const needed = perWorker + reservedDescriptors;
  if (needed <= Number(soft)) return;
  throw new PreflightError(
    `${formatCount(perWorker)} connections per worker need ${formatCount(needed)} ` +
      `file descriptors, the limit is ${formatCount(Number(soft))}`,
    { hint: `run \`ulimit -n ${needed}\` first, or use more --workers` },
  );
}

function checkPorts({ connections }: Needs, range: string): void {
  const [low, high] = range.trim().split(/\s+/).map(Number);
  if (low === undefined || high === undefined) return;
  const ports = high - low + 1;
  if (connections <= ports) return;
  throw new PreflightError(
    `${formatCount(connections)} connections to one address need as many local ports, ` +
      `this machine has ${formatCount(ports)} (${low}–${high})`,
    {
      hint:
        'run `sysctl -w net.ipv4.ip_local_port_range="1024 65535"` for 64 512 ports, ' +
        'or test from several machines',
    },
  );
}
