/** Whether memory and cores suffice for a run, by what connections were measured to take. */
import { formatBytes, formatCount, formatDuration } from '../../base/units.ts';
import type { Lack, Needs, Sight } from './limit.ts';

const kib = 1024;

/**
 * Measured with Node 24 on Linux x64, 10 000 idle connections of one worker: what its own memory
 * and the kernel's grew by, per connection.
 */
const bytesPerConnection = { plain: 10 * kib, tls: 57 * kib };
/** Measured likewise: a worker without connections, and the room for what it notes of events. */
const bytesPerWorker = 60 * kib * kib;

/** CPU time of a worker from dialing a client until it is subscribed, measured likewise. */
const openMsPerConnection = { plain: 0.1, tls: 0.65 };
/** A ramp that must be late by more than this, whatever the server does, is not worth trying. */
const maxRampDelayMs = 2_000;

/** Memory against what is available, for this machine and for the cgroup. */
export async function memoryLacks(needs: Needs, sight: Sight): Promise<Lack[]> {
  const { connections, workers, target } = needs;
  const meminfo = (await sight.readText('/proc/meminfo')) ?? '';
  const available = Number(/^MemAvailable:\s+(\d+) kB/m.exec(meminfo)?.[1]) * kib;
  const left = sight.cgroupFreeBytes() ?? Number.POSITIVE_INFINITY;
  const free = Number.isNaN(available) ? left : Math.min(available, left);
  const each = bytesPerConnection[target.isTls ? 'tls' : 'plain'];
  const needed = workers * bytesPerWorker + connections * each;
  if (needed <= free) return [];
  const most = Math.floor((free - workers * bytesPerWorker) / each);
  return [
    {
      what:
        `${formatCount(connections)} connections need about ${formatBytes(needed)} of memory ` +
        `(measured: ${formatBytes(each)} each, ${formatBytes(bytesPerWorker)} per worker), ` +
        `${formatBytes(free)} ${free === left ? 'are left of the cgroup’s limit' : 'are available'}`,
      fix:
        most > 0 ? `use --connections ${most}, or more memory` : 'free memory, or use more of it',
    },
  ];
}

/** Cores against how fast clients are to be opened. */
export function coreLacks(needs: Needs, { cores }: Sight): Lack[] {
  const { workers, ramps, target } = needs;
  const used = Math.min(cores, workers);
  const openMs = openMsPerConnection[target.isTls ? 'tls' : 'plain'];
  const steep = ramps.find(
    ({ clients, lengthMs }) => (clients * openMs) / used > lengthMs + maxRampDelayMs,
  );
  if (steep === undefined) return [];
  const neededMs = Math.ceil((steep.clients * openMs) / used);
  const noun = used === 1 ? 'core' : 'cores';
  return [
    {
      what:
        `opening ${formatCount(steep.clients)} clients takes ${used} ${noun} at least ` +
        `${formatDuration(neededMs)} (measured: ${openMs}ms of CPU each), ` +
        `not ${formatDuration(Math.round(steep.lengthMs))}`,
      fix:
        `let them come over a longer time: --ramp-rate ${Math.floor((1_000 * used) / openMs)}` +
        (workers < cores ? ` or --workers ${cores}` : ''),
    },
  ];
}
