/** Whether there are as many local ports as connections, at each address that they come from. */
import { isIPv6 } from 'node:net';
import { formatCount } from '../../base/units.ts';
import type { Lack, Needs, Sight } from './limit.ts';
import { freePorts, type PortRange, portsOf, portsTowards, readPortRange } from './local-ports.ts';

/** The most ports that the range can be widened to: `1024 65535`. */
const widestPorts = 64_512;
const widen = 'run `sysctl -w net.ipv4.ip_local_port_range="1024 65535"` for 64 512 ports';

/** One lack for addresses that cannot be used, and one for addresses with too few ports. */
export async function portLacks(needs: Needs, sight: Sight): Promise<Lack[]> {
  const unusable = await addressLacks(needs, sight);
  const { readText } = sight;
  const range = readPortRange(
    (await readText('/proc/sys/net/ipv4/ip_local_port_range')) ?? '',
    await readText('/proc/sys/net/ipv4/ip_local_reserved_ports'),
  );
  return range === undefined ? unusable : [...unusable, ...(await rangeLacks(needs, sight, range))];
}

async function addressLacks({ target }: Needs, { bindFault, addresses }: Sight): Promise<Lack[]> {
  const faults = await Promise.all(target.sourceIps.map(bindFault));
  const unusable = target.sourceIps.filter((_, at) => faults[at] !== undefined);
  if (unusable.length === 0) return [];
  const known = addresses().filter((address) => isIPv6(address) === isIPv6(target.address));
  const own = known.length === 0 ? '' : `; it has ${known.join(', ')}`;
  return [
    {
      what: `--source-ip: ${unusable.join(', ')} cannot be used (${faults.find(Boolean)})`,
      fix: `give addresses of this machine, or add it: \`ip addr add ${unusable[0]} dev …\`${own}`,
    },
  ];
}

async function rangeLacks(needs: Needs, sight: Sight, range: PortRange): Promise<Lack[]> {
  const { connections, target } = needs;
  const table =
    (await sight.readText(`/proc/net/${isIPv6(target.address) ? 'tcp6' : 'tcp'}`)) ?? '';
  const sources = new Set(target.sourceIps);
  const perSource = Math.ceil(connections / Math.max(1, sources.size));
  const reuses = await reusesWaiting(target.address, sight);
  const free =
    sources.size === 0
      ? [freePorts(range, portsTowards(table, target, reuses))]
      : [...sources].map((source) => freePorts(range, portsOf(table, source)));
  const least = Math.min(...free);
  if (perSource <= least) return [];
  const from = sources.size === 0 ? 'to one address' : `from each of ${sources.size} --source-ip`;
  const span = `${range.low}–${range.high}`;
  return [
    {
      what:
        `${formatCount(perSource)} connections ${from} need as many local ports, ` +
        `this machine has ${formatCount(least)} free (${span})`,
      fix: fixesOf(needs, sight, range).join(', or '),
    },
  ];
}

/** Whether ports of connections that have just ended can be had: see `tcp_tw_reuse`. */
async function reusesWaiting(address: string, { readText }: Sight): Promise<boolean> {
  const reuse = (await readText('/proc/sys/net/ipv4/tcp_tw_reuse'))?.trim();
  return reuse === '1' || (reuse === '2' && isLoopback(address));
}

function fixesOf({ connections, target }: Needs, sight: Sight, range: PortRange): string[] {
  const sources = Math.max(1, new Set(target.sourceIps).size);
  const ports = freePorts(range, new Set());
  const widest = widestPorts - range.reserved.size;
  const isEnough = ports < widest && Math.ceil(connections / sources) <= widest;
  const wanted = Math.max(sources + 1, Math.ceil(connections / Math.max(1, ports)));
  const list = listOf(target.address, wanted, sight);
  return [
    ...(isEnough ? [widen] : []),
    list === undefined
      ? `give ${wanted} addresses of this machine with --source-ip`
      : `use --source-ip ${list}`,
  ];
}

/** Addresses to connect from, as many as are wanted; undefined when this machine has not so many. */
function listOf(address: string, count: number, { addresses }: Sight): string | undefined {
  if (isLoopback(address) && !isIPv6(address)) {
    return Array.from({ length: count }, (_, at) => `127.0.0.${at + 1}`).join();
  }
  const own = addresses().filter((other) => isIPv6(other) === isIPv6(address));
  return own.length < count ? undefined : own.slice(0, count).join();
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
