/** Tests of preflight.ts and of the limits that it looks at. */
import { expect, test } from 'vitest';
import { PreflightError } from '../../base/errors.ts';
import type { Needs, Sight } from './limit.ts';
import { checkLimits } from './preflight.ts';

const mib = 1024 ** 2;
const files = {
  '/proc/self/limits':
    'Limit                     Soft Limit           Hard Limit           Units     \n' +
    'Max open files            20000                40000                files     \n',
  '/proc/sys/fs/file-nr': '4000\t0\t2000000\n',
  '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
  '/proc/sys/net/ipv4/ip_local_reserved_ports': '\n',
  '/proc/sys/net/ipv4/tcp_tw_reuse': '2\n',
  '/proc/net/tcp': '',
  '/proc/net/tcp6': '',
  '/proc/sys/net/netfilter/nf_conntrack_count': '1000\n',
  '/proc/sys/net/netfilter/nf_conntrack_max': '262144\n',
  '/proc/meminfo': 'MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n',
};

/** A machine with limits as they usually are, but for `changes`. */
function sightOf(
  changes: Partial<Record<keyof typeof files, string>> = {},
  more: Partial<Sight> = {},
): Sight {
  const all: Record<string, string> = { ...files, ...changes };
  return {
    readText: async (path) => all[path],
    cgroupFreeBytes: () => undefined,
    cores: 4,
    bindFault: async () => undefined,
    addresses: () => ['10.0.0.5', 'fd00::5'],
    ...more,
  };
}

function needsOf(connections: number, changes: Partial<Needs & Needs['target']> = {}): Needs {
  const { address = '10.0.0.9', port = 3_004, sourceIps = [], isTls = false, ...more } = changes;
  const target = { address, port, sourceIps, isTls };
  const workers = more.workers ?? 2;
  const perWorker = Math.ceil(connections / workers);
  const ramps = [{ clients: connections, lengthMs: 2 * connections }];
  return { connections, perWorker, workers, ramps, target, ...more };
}

async function complaintsOf(needs: Needs, sight: Sight) {
  const error: unknown = await checkLimits(needs, { sight }).catch((thrown) => thrown);
  if (error === undefined) return undefined;
  expect(error).toBeInstanceOf(PreflightError);
  const { message, hint = '' } = error as PreflightError;
  expect(hint).toMatch(/--force$/);
  return { message, hint: hint.split('\n').slice(0, -1).join('\n') };
}

test('a run that fits is let through, up to the last port', async () => {
  expect(await complaintsOf(needsOf(28_232), sightOf())).toBeUndefined();
});

test('too few descriptors are refused with the commands that help', async () => {
  expect(await complaintsOf(needsOf(20_000, { workers: 1 }), sightOf())).toEqual({
    message: '20 000 connections per worker need 20 100 file descriptors, the limit is 20 000',
    hint: 'use --workers 2, or run `ulimit -n 20100` first',
  });
  const unlimited = { '/proc/self/limits': 'Max open files unlimited unlimited files\n' };
  expect(await complaintsOf(needsOf(20_000, { workers: 1 }), sightOf(unlimited))).toBeUndefined();
  const busy = { '/proc/sys/fs/file-nr': '99000\t0\t100000\n' };
  expect((await complaintsOf(needsOf(1_000), sightOf(busy)))?.hint).toBe(
    'run `sysctl -w fs.file-max=100200`',
  );
});

test('ports count per source address, and what is in use or reserved does not', async () => {
  expect(await complaintsOf(needsOf(28_233), sightOf())).toEqual({
    message:
      '28 233 connections to one address need as many local ports, ' +
      'this machine has 28 232 free (32768–60999)',
    hint:
      'run `sysctl -w net.ipv4.ip_local_port_range="1024 65535"` for 64 512 ports, ' +
      'or give 2 addresses of this machine with --source-ip',
  });
  const two = { sourceIps: ['10.0.0.5', '10.0.0.6'] };
  expect(await complaintsOf(needsOf(56_464, { ...two, workers: 4 }), sightOf())).toBeUndefined();
  const reserved = { '/proc/sys/net/ipv4/ip_local_reserved_ports': '40000-40009\n' };
  expect(
    (await complaintsOf(needsOf(56_464, { ...two, workers: 4 }), sightOf(reserved)))?.message,
  ).toMatch(/^28 232 connections from each of 2 --source-ip .* has 28 222 free/);
  const used = { '/proc/net/tcp': '   0: 0500000A:9C40 0900000A:0BBC 06 \n' };
  expect((await complaintsOf(needsOf(28_232), sightOf(used)))?.message).toMatch(/28 231 free/);
});

test('on loopback, and with enough addresses of its own, the fix names them', async () => {
  const hintFor = async (address: string, addresses: string[]) =>
    (
      await complaintsOf(
        needsOf(70_000, { address, workers: 4 }),
        sightOf({}, { addresses: () => addresses }),
      )
    )?.hint;
  expect(await hintFor('127.0.0.1', [])).toBe('use --source-ip 127.0.0.1,127.0.0.2,127.0.0.3');
  const own = ['fd00::5', '10.0.0.5', '10.0.0.6', '10.0.0.7', '10.0.0.8'];
  expect(await hintFor('10.0.0.9', own)).toBe('use --source-ip 10.0.0.5,10.0.0.6,10.0.0.7');
});

test('an address that this machine has not is named', async () => {
  const bindFault = async (address: string) =>
    address === '10.9.9.9' ? 'EADDRNOTAVAIL' : undefined;
  const sourceIps = ['10.0.0.5', '10.9.9.9'];
  expect(await complaintsOf(needsOf(10, { sourceIps }), sightOf({}, { bindFault }))).toEqual({
    message: '--source-ip: 10.9.9.9 cannot be used (EADDRNOTAVAIL)',
    hint: 'give addresses of this machine, or add it: `ip addr add 10.9.9.9 dev …`; it has 10.0.0.5',
  });
});

test('the table of a firewall that tracks anything has to have room', async () => {
  const full = { '/proc/sys/net/netfilter/nf_conntrack_max': '2000\n' };
  expect(await complaintsOf(needsOf(1_001), sightOf(full))).toMatchObject({
    hint: 'run `sysctl -w net.netfilter.nf_conntrack_max=2048`',
  });
  const off = { ...full, '/proc/sys/net/netfilter/nf_conntrack_count': '0\n' };
  expect(await complaintsOf(needsOf(1_001), sightOf(off))).toBeUndefined();
});

test('memory is that of the machine or of the cgroup, and TLS takes more of it', async () => {
  const cgroupFreeBytes = () => 600 * mib;
  const sight = sightOf({}, { cgroupFreeBytes });
  expect(await complaintsOf(needsOf(20_000), sight)).toBeUndefined();
  const found = await complaintsOf(needsOf(20_000, { isTls: true }), sight);
  expect(found?.message).toMatch(
    /^20 000 connections need about .* are left of the cgroup’s limit$/,
  );
  const most = Number(/--connections (\d+)/.exec(found?.hint ?? '')?.[1]);
  expect(await complaintsOf(needsOf(most, { isTls: true }), sight)).toBeUndefined();
  expect(await complaintsOf(needsOf(most + 1, { isTls: true }), sight)).toBeDefined();
  const small = { '/proc/meminfo': 'MemAvailable: 100000 kB\n' };
  expect((await complaintsOf(needsOf(10), sightOf(small)))?.message).toMatch(/are available$/);
});

test('a ramp that no core can keep up with is refused, unless it is soon over', async () => {
  const ramp = (clients: number) => [
    { clients: 5, lengthMs: 0 },
    { clients, lengthMs: 280 },
  ];
  expect(await complaintsOf(needsOf(1_000, { ramps: ramp(1_000) }), sightOf())).toBeUndefined();
  expect(
    await complaintsOf(
      needsOf(28_000, { ramps: ramp(28_000), workers: 1 }),
      sightOf({ '/proc/self/limits': '' }),
    ),
  ).toEqual({
    message:
      'opening 28 000 clients takes 1 core at least 2s800ms (measured: 0.1ms of CPU each), not 280ms',
    hint: 'let them come over a longer time: --ramp-rate 10000 or --workers 4',
  });
});

test('all that is short is told at once, or with --force only told', async () => {
  const needs = needsOf(28_233, { workers: 1 });
  const found = await complaintsOf(needs, sightOf());
  expect(found?.message.split('\n')).toHaveLength(2);
  expect(found?.hint.split('\n')).toHaveLength(2);
  const told: string[] = [];
  await checkLimits(needs, { sight: sightOf(), onLack: ({ what }) => told.push(what) });
  expect(told.join('\n')).toBe(found?.message);
});

test('a system without /proc is not refused', async () => {
  const sight = sightOf({}, { readText: async () => undefined });
  expect(await complaintsOf(needsOf(1e6, { workers: 64 }), sight)).toBeUndefined();
});

test('this machine is looked at as it is', async () => {
  await checkLimits(needsOf(10, { address: '127.0.0.1', sourceIps: ['127.0.0.1'] }));
});
