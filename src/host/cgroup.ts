/** What the cgroup of this process may use and has used; version 2 and version 1. */
import { readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';

/** The limits of a cgroup. A limit of any cgroup above it counts too. */
export interface Cgroup {
  readonly version: 1 | 2;
  /** Cores that its quota gives; undefined when there is none. */
  readonly cpuCores: number | undefined;
  /** Undefined when there is no limit. */
  readonly memoryBytes: number | undefined;
  /** What is left of the tightest limit, in bytes, with caches that the kernel would give up. */
  memoryFreeBytes(): number | undefined;
  /** CPU time that everything under the quota has used, in milliseconds; undefined without quota. */
  cpuUsedMs(): number | undefined;
}

/** Version 1 writes "no limit" as the largest page-aligned number of 63 bits. */
const noLimitBytes = 2 ** 62;

/** A quota and where the use that counts against it is found. */
interface Quota {
  readonly cores: number;
  readonly usedMs: () => number | undefined;
}

/** The cgroup of this process; undefined where there is none. `root` is where `/` is. */
export function readCgroup(root = '/'): Cgroup | undefined {
  const lines = readText(join(root, 'proc/self/cgroup'))?.split('\n') ?? [];
  const entries = lines.map((line) => {
    const [, controllers = '', ...path] = line.split(':');
    return { controllers: controllers.split(','), path: path.join(':') };
  });
  const pathOf = (controller: string) =>
    entries.find(({ controllers }) => controllers.includes(controller))?.path;
  const [cpu, memory, unified] = [pathOf('cpu'), pathOf('memory'), pathOf('')];
  if (cpu !== undefined || memory !== undefined) return versionOne(root, cpu, memory);
  // An empty line at the end of the file has no path.
  return unified ? versionTwo(root, unified) : undefined;
}

function versionTwo(root: string, path: string): Cgroup {
  const dirs = upwards(join(root, 'sys/fs/cgroup'), path);
  const quota = least(
    dirs.flatMap((dir) => {
      const cores = quotaCores(...((readText(join(dir, 'cpu.max')) ?? '').split(' ') as [string]));
      const usedMs = () => {
        const usage = /^usage_usec (\d+)/m.exec(readText(join(dir, 'cpu.stat')) ?? '')?.[1];
        return usage === undefined ? undefined : Number(usage) / 1_000;
      };
      return cores === undefined ? [] : [{ cores, usedMs }];
    }),
  );
  const files = { limit: 'memory.max', used: 'memory.current', cache: 'inactive_file' };
  return cgroupOf(2, quota, dirs, files);
}

function versionOne(root: string, cpu: string | undefined, memory: string | undefined): Cgroup {
  const mount = (controller: string) => join(root, 'sys/fs/cgroup', controller);
  const dirs = cpu === undefined ? [] : upwards(mount('cpu'), cpu);
  const quota = least(
    dirs.flatMap((dir) => {
      const cores = quotaCores(
        readText(join(dir, 'cpu.cfs_quota_us')) ?? '',
        readText(join(dir, 'cpu.cfs_period_us')),
      );
      // Usually one mount with two names.
      const usageFile = join(dir.replace(mount('cpu'), mount('cpuacct')), 'cpuacct.usage');
      const usedMs = () => {
        const usage = readText(usageFile);
        return usage === undefined ? undefined : Number(usage) / 1e6;
      };
      return cores === undefined ? [] : [{ cores, usedMs }];
    }),
  );
  const memoryDirs = memory === undefined ? [] : upwards(mount('memory'), memory);
  const files = {
    limit: 'memory.limit_in_bytes',
    used: 'memory.usage_in_bytes',
    cache: 'total_inactive_file',
  };
  return cgroupOf(1, quota, memoryDirs, files);
}

/** Where a version tells of memory: two files, and a line of `memory.stat`. */
type MemoryFiles = Readonly<Record<'limit' | 'used' | 'cache', string>>;

function cgroupOf(
  version: 1 | 2,
  quota: Quota | undefined,
  memoryDirs: readonly string[],
  files: MemoryFiles,
): Cgroup {
  const memoryBytes = leastBytes(memoryDirs.map((dir) => readText(join(dir, files.limit))));
  const cpuUsedMs = () => quota?.usedMs();
  const memoryFreeBytes = () => leastBytes(memoryDirs.map((dir) => freeBytes(dir, files)));
  return { version, cpuCores: quota?.cores, memoryBytes, memoryFreeBytes, cpuUsedMs };
}

function freeBytes(dir: string, { limit, used, cache }: MemoryFiles): number | undefined {
  const most = leastBytes([readText(join(dir, limit))]);
  const taken = Number(readText(join(dir, used)));
  if (most === undefined || Number.isNaN(taken)) return undefined;
  const stat = readText(join(dir, 'memory.stat')) ?? '';
  const cached = Number(new RegExp(`^${cache} (\\d+)`, 'm').exec(stat)?.[1] ?? 0);
  // With nothing left there still is a limit: 0 would read as none.
  return Math.max(1, most - taken + cached);
}

/**
 * The directories of a cgroup and of all above it. In a container the path may be the host's, which
 * is not to be seen there: then only the mount itself is left, and that is the container's own.
 */
function upwards(mount: string, path: string): string[] {
  const dirs: string[] = [];
  for (let at = posix.normalize(path); ; at = posix.dirname(at)) {
    const dir = join(mount, at);
    if (statSync(dir, { throwIfNoEntry: false })?.isDirectory()) dirs.push(dir);
    if (at === '/' || at === '.') return dirs;
  }
}

/** Cores of a quota and a period in microseconds; undefined for `max`, -1 and nonsense. */
function quotaCores(quota: string, period = '100000'): number | undefined {
  const cores = Number(quota) / Number(period);
  return quota !== '' && Number.isFinite(cores) && cores > 0 ? cores : undefined;
}

function least(quotas: readonly Quota[]): Quota | undefined {
  return quotas.toSorted((a, b) => a.cores - b.cores)[0];
}

function leastBytes(texts: readonly (string | number | undefined)[]): number | undefined {
  const limits = texts.map(Number).filter((bytes) => bytes > 0 && bytes < noLimitBytes);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // No such controller, or it may not be read: the same as no limit.
    return undefined;
  }
}
