/** What this process uses of what it may use: CPU, memory, and how long its event loop keeps waiting. */
import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { type Cgroup, readCgroup } from './cgroup.ts';
import type { ProcessUsage } from './child.ts';

/** One look at the resources. CPU and delay are those since the look before. */
export interface ResourceSample {
  /** CPU of this process, of all its threads; 100 is {@link ResourceLimits.cpuCores}. */
  readonly cpuPercent: number;
  /** CPU of everything in the cgroup; 100 is its quota. Undefined without a quota. */
  readonly groupCpuPercent: number | undefined;
  /** Resident memory of this process. */
  readonly memoryBytes: number;
  /** 99th percentile of how much later than due the event loop ran, in milliseconds. */
  readonly loopDelayMs: number;
}

/** What 100 % is. */
export interface ResourceLimits {
  /** Cores that can be used: at most one per process, since one thread does the work. */
  readonly cpuCores: number;
  readonly memoryBytes: number;
}

/** Measures the resources. Disposing it ends the measuring of the event loop. */
export interface ResourceMeter extends Disposable {
  readonly limits: ResourceLimits;
  sample(): ResourceSample;
}

/** Where a meter reads, and limits to use instead of those it finds; 0 means: find it. */
interface MeterOptions extends Partial<ResourceLimits> {
  /** Where `/` is; tests have their own. */
  readonly root?: string;
  readonly hostCores?: number;
  /** Processes that do the work, of one core each; 1 unless given. */
  readonly processes?: number;
}

/** What this process used since it started, and its id. */
export function processUsage(): ProcessUsage & { readonly pid: number } {
  return { pid: process.pid, cpuMs: cpuTimeMs(), rssBytes: residentBytes() };
}

let lastResidentBytes = 0;

/** Resident memory. Node opens a file for it: without a descriptor left, it is as it was last. */
function residentBytes(): number {
  try {
    lastResidentBytes = process.memoryUsage.rss();
  } catch {}
  return lastResidentBytes;
}

/** CPU time of all threads of this process since it started, in milliseconds. */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** How often the event loop is looked at, in milliseconds. */
const loopResolutionMs = 10;

/** A meter of this process. A limit that is not given is that of the cgroup, else of the host. */
export function createResourceMeter(options: MeterOptions = {}): ResourceMeter {
  const { root = '/', hostCores = availableParallelism(), processes = 1 } = options;
  const cgroup = readCgroup(root);
  const cores = options.cpuCores || Math.min(cgroup?.cpuCores ?? hostCores, hostCores);
  const hostBytes = readMemTotal(root);
  const found = Math.min(cgroup?.memoryBytes ?? hostBytes, hostBytes);
  const limits = {
    cpuCores: Math.min(processes, cores),
    memoryBytes: options.memoryBytes || found,
  };
  const readCpu = createRate(() => {
    const { user, system } = process.cpuUsage();
    return user + system;
  });
  const readGroup = createGroupRate(cgroup);
  const loop = monitorEventLoopDelay({ resolution: loopResolutionMs });
  loop.enable();
  return {
    limits,
    sample() {
      // It measures from one look to the next, which are a resolution apart at best.
      const loopDelayMs = Math.max(0, loop.percentile(99) / 1e6 - loopResolutionMs);
      loop.reset();
      return {
        cpuPercent: (100 * readCpu()) / 1_000 / limits.cpuCores,
        groupCpuPercent: readGroup(),
        memoryBytes: residentBytes(),
        loopDelayMs: Number.isFinite(loopDelayMs) ? loopDelayMs : 0,
      };
    },
    [Symbol.dispose]: () => void loop.disable(),
  };
}

/** The share of its quota that a cgroup used since the last call, in percent. */
function createGroupRate(cgroup: Cgroup | undefined): () => number | undefined {
  const cores = cgroup?.cpuCores;
  if (cgroup === undefined || cores === undefined || cgroup.cpuUsedMs() === undefined) {
    return () => undefined;
  }
  const rate = createRate(() => cgroup.cpuUsedMs() ?? 0);
  return () => (100 * rate()) / cores;
}

/** How much a growing number grew per millisecond since the last call. */
function createRate(read: () => number): () => number {
  let last = read();
  let lastMs = performance.now();
  return () => {
    const [now, nowMs] = [read(), performance.now()];
    const rate = nowMs > lastMs ? Math.max(0, now - last) / (nowMs - lastMs) : 0;
    [last, lastMs] = [now, nowMs];
    return rate;
  };
}

function readMemTotal(root: string): number {
  try {
    const text = readFileSync(join(root, 'proc/meminfo'), 'utf8');
    const kib = Number(/^MemTotal:\s+(\d+) kB/m.exec(text)?.[1]);
    return kib > 0 ? kib * 1024 : totalmem();
  } catch {
    return totalmem();
  }
}
