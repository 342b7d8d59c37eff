/** Whether memory and cores suffice for a run, by what connections were measured to take. */
import { formatBytes, formatCount } from '../../base/units.ts';
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
  const { connections, workers, rampRate, target } = needs;
  const used = Math.min(cores, workers);
  const openMs = openMsPerConnection[target.isTls ? 'tls' : 'plain'];
  const bestMs = (connections * openMs) / used;
  const plannedMs = (1_000 * connections) / rampRate;
  if (bestMs <= plannedMs + maxRampDelayMs) return [];
  const rate = Math.floor((1_000 * used) / openMs);
  const noun = used === 1 ? 'core' : 'cores';
  return [
    {
      what:
        `opening ${formatCount(rampRate)} clients per second takes more than ${used} ${noun} ` +
        `(measured: ${openMs}ms of CPU each)`,
      fix: `use --ramp-rate ${rate}${workers < cores ? ` or --workers ${cores}` : ''}`,
    },
  ];
}
