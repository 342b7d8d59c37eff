/** Cgroups as Linux shows them: both versions, limits above, and paths that a container cannot see. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readCgroup } from './cgroup.ts';
import { createResourceMeter } from './usage.ts';

const gib = 1024 ** 3;
const unlimited = '9223372036854771712';

/** A tree of files where `/` would be. */
function fakeRoot(files: Readonly<Record<string, string>>) {
  const root = mkdtempSync(join(tmpdir(), 'odin-cgroup-'));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `${text}\n`);
  };
  for (const [path, text] of Object.entries(files)) write(path, text);
  const remove = () => rmSync(root, { recursive: true });
  return { root, write, [Symbol.dispose]: remove };
}

const self = 'proc/self/cgroup';
const v2 = 'sys/fs/cgroup';

test.each([
  [
    'version 2 in a container',
    {
      [self]: '0::/',
      [`${v2}/cpu.max`]: '150000 100000',
      [`${v2}/cpu.stat`]: 'usage_usec 2500000\nuser_usec 1',
      [`${v2}/memory.max`]: String(2 * gib),
    },
    { version: 2, cpuCores: 1.5, memoryBytes: 2 * gib, usedMs: 2_500 },
  ],
  [
    'version 2 without limits',
    { [self]: '0::/', [`${v2}/cpu.max`]: 'max 100000', [`${v2}/memory.max`]: 'max' },
    { version: 2, cpuCores: undefined, memoryBytes: undefined, usedMs: undefined },
  ],
  [
    'version 2, where a cgroup above is tighter',
    {
      [self]: '0::/system.slice/odin.service',
      [`${v2}/system.slice/odin.service/cpu.max`]: '200000 100000',
      [`${v2}/system.slice/odin.service/cpu.stat`]: 'usage_usec 1000',
      [`${v2}/system.slice/odin.service/memory.max`]: String(3 * gib),
      [`${v2}/system.slice/cpu.max`]: '50000 100000',
      [`${v2}/system.slice/cpu.stat`]: 'nr_periods 3\nusage_usec 7000',
      [`${v2}/system.slice/memory.max`]: String(gib),
    },
    { version: 2, cpuCores: 0.5, memoryBytes: gib, usedMs: 7 },
  ],
  [
    "version 2 with the host's path, which a container does not see",
    {
      [self]: '0::/kubepods/pod1/abc',
      [`${v2}/cpu.max`]: '25000 100000',
      [`${v2}/cpu.stat`]: 'usage_usec 9000',
      [`${v2}/memory.max`]: String(gib / 2),
    },
    { version: 2, cpuCores: 0.25, memoryBytes: gib / 2, usedMs: 9 },
  ],
  [
    'version 1 in a container',
    {
      [self]: '11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/',
      [`${v2}/cpu/cpu.cfs_quota_us`]: '80000',
      [`${v2}/cpu/cpu.cfs_period_us`]: '40000',
      [`${v2}/cpuacct/cpuacct.usage`]: '3000000000',
      [`${v2}/memory/memory.limit_in_bytes`]: String(gib),
    },
    { version: 1, cpuCores: 2, memoryBytes: gib, usedMs: 3_000 },
  ],
  [
    'version 1 without limits',
    {
      [self]: '4:memory:/\n1:cpu:/',
      [`${v2}/cpu/cpu.cfs_quota_us`]: '-1',
      [`${v2}/cpu/cpu.cfs_period_us`]: '100000',
      [`${v2}/memory/memory.limit_in_bytes`]: unlimited,
    },
    { version: 1, cpuCores: undefined, memoryBytes: undefined, usedMs: undefined },
  ],
  [
    'version 1, where a cgroup above has the limit',
    {
      [self]: '4:memory:/a/b\n1:cpu:/a/b',
      [`${v2}/memory/a/b/memory.limit_in_bytes`]: unlimited,
      [`${v2}/memory/a/memory.limit_in_bytes`]: String(gib),
      [`${v2}/memory/memory.limit_in_bytes`]: unlimited,
      [`${v2}/cpu/a/b/cpu.cfs_quota_us`]: '-1',
      [`${v2}/cpu/a/cpu.cfs_quota_us`]: '50000',
      [`${v2}/cpu/a/cpu.cfs_period_us`]: '100000',
      [`${v2}/cpuacct/a/cpuacct.usage`]: '1000000',
    },
    { version: 1, cpuCores: 0.5, memoryBytes: gib, usedMs: 1 },
  ],
])('reads %s', (_title, files, expected) => {
  using fake = fakeRoot(files as Record<string, string>);
  const cgroup = readCgroup(fake.root);
  const { version, cpuCores, memoryBytes } = cgroup!;
  expect({ version, cpuCores, memoryBytes, usedMs: cgroup!.cpuUsedMs() }).toEqual(expected);
});

test('finds no cgroup where there is none', () => {
  using fake = fakeRoot({ 'proc/meminfo': 'MemTotal: 1 kB' });
  expect(readCgroup(fake.root)).toBeUndefined();
});

const meminfo = { 'proc/meminfo': `MemTotal:       ${4 * 1024 ** 2} kB\nMemFree: 1 kB` };

test.each([
  ['the host, at most one core', meminfo, {}, { cpuCores: 1, memoryBytes: 4 * gib }],
  [
    'the cgroup',
    {
      ...meminfo,
      [self]: '0::/',
      [`${v2}/cpu.max`]: '50000 100000',
      [`${v2}/memory.max`]: String(gib),
    },
    {},
    { cpuCores: 0.5, memoryBytes: gib },
  ],
  [
    'the host, where the cgroup may have more than there is',
    { ...meminfo, [self]: '0::/', [`${v2}/memory.max`]: String(64 * gib) },
    {},
    { cpuCores: 1, memoryBytes: 4 * gib },
  ],
  [
    'what is configured',
    { ...meminfo, [self]: '0::/', [`${v2}/cpu.max`]: '50000 100000' },
    { cpuCores: 0.25, memoryBytes: gib },
    { cpuCores: 0.25, memoryBytes: gib },
  ],
  [
    'one core, where two are configured',
    meminfo,
    { cpuCores: 2, memoryBytes: 0 },
    { cpuCores: 1, memoryBytes: 4 * gib },
  ],
])('a hundred percent is that of %s', (_title, files, given, expected) => {
  using fake = fakeRoot(files as Record<string, string>);
  using meter = createResourceMeter({ ...given, root: fake.root, hostCores: 8 });
  expect(meter.limits).toEqual(expected);
});

test('memory is all that is resident, not only the heap', () => {
  using meter = createResourceMeter();
  const before = meter.sample().memoryBytes;
  const bytes = 64 * 1024 ** 2;
  const buffer = Buffer.alloc(bytes, 1);
  expect(meter.sample().memoryBytes - before).toBeGreaterThan(0.75 * bytes);
  expect(buffer.length).toBe(bytes);
});

test('a meter measures the CPU of this process, of its cgroup, and a blocked event loop', async () => {
  using fake = fakeRoot({
    ...meminfo,
    [self]: '0::/',
    [`${v2}/cpu.max`]: '200000 100000',
    [`${v2}/cpu.stat`]: 'usage_usec 0',
  });
  const [createdMs, usedBefore] = [performance.now(), process.cpuUsage()];
  using meter = createResourceMeter({ root: fake.root, hostCores: 8 });
  // The loop must have been looked at before it is blocked.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const startMs = performance.now();
  while (performance.now() - startMs < 300);
  // The meter looks at it again.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const elapsedUs = (performance.now() - startMs) * 1_000;
  fake.write(`${v2}/cpu.stat`, `usage_usec ${Math.round(elapsedUs)}`);
  const sample = meter.sample();
  const { user, system } = process.cpuUsage(usedBefore);
  const allUs = (performance.now() - createdMs) * 1_000;
  expect(sample.loopDelayMs).toBeGreaterThan(200);
  // What a busy machine leaves for it, of one core.
  expect(Math.abs(sample.cpuPercent - (100 * (user + system)) / allUs)).toBeLessThan(15);
  // One of two cores while it was busy, and none in the time before.
  expect(Math.abs((sample.groupCpuPercent ?? 0) - (50 * elapsedUs) / allUs)).toBeLessThan(15);
  expect(sample.memoryBytes).toBeGreaterThan(10 * 1024 ** 2);
});

test('a cgroup without any memory left has a limit all the same', () => {
  using files = fakeRoot({
    [self]: '0::/',
    [`${v2}/memory.max`]: String(gib),
    [`${v2}/memory.current`]: String(gib),
    [`${v2}/memory.stat`]: 'inactive_file 0',
  });
  expect(readCgroup(files.root)?.memoryFreeBytes()).toBe(1);
  files.write(`${v2}/memory.stat`, 'inactive_file 4096');
  expect(readCgroup(files.root)?.memoryFreeBytes()).toBe(4_096);
});
