/** Whether the processes of a run may open as many sockets as it needs. */
import { formatCount } from '../../base/units.ts';
import { descriptorLimits, reservedDescriptors } from '../../host/descriptors.ts';
import type { Lack, Needs, Sight } from './limit.ts';

/** See `--workers`. */
const maxWorkers = 64;

/** The limit of each worker, which inherits it, and that of the whole system. */
export async function descriptorLacks(needs: Needs, { readText }: Sight): Promise<Lack[]> {
  const [limits, files] = await Promise.all([
    readText('/proc/self/limits'),
    readText('/proc/sys/fs/file-nr'),
  ]);
  return [...workerLacks(needs, limits ?? ''), ...systemLacks(needs, files ?? '')];
}

function workerLacks({ connections, perWorker }: Needs, limits: string): Lack[] {
  const { soft, hard } = descriptorLimits(limits);
  const needed = perWorker + reservedDescriptors;
  if (soft === undefined || needed <= soft) return [];
  const workers = Math.ceil(connections / (soft - reservedDescriptors));
  const others = workers > 0 && workers <= maxWorkers ? `use --workers ${workers}, or ` : '';
  const who = hard !== undefined && needed > hard ? ' as root' : '';
  return [
    {
      what:
        `${formatCount(perWorker)} connections per worker need ${formatCount(needed)} ` +
        `file descriptors, the limit is ${formatCount(soft)}`,
      fix: `${others}run \`ulimit -n ${needed}\`${who} first`,
    },
  ];
}

function systemLacks({ connections, workers }: Needs, files: string): Lack[] {
  const [used, , most] = files.trim().split(/\s+/).map(Number);
  if (used === undefined || most === undefined) return [];
  const needed = used + connections + workers * reservedDescriptors;
  if (needed <= most) return [];
  return [
    {
      what:
        `${formatCount(connections)} connections need ${formatCount(needed)} open files with ` +
        `those there are, this machine has ${formatCount(most)}`,
      fix: `run \`sysctl -w fs.file-max=${needed}\``,
    },
  ];
}
