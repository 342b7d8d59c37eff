/** How many local ports a run can have, from what Linux tells of its sockets. Pure. */
import { procAddress } from './proc.ts';

/** The ports that the system gives to connections. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
  /** Ports between the two that are kept for servers. */
  readonly reserved: ReadonlySet<number>;
}

/** `ip_local_port_range` and `ip_local_reserved_ports`; undefined when the first is no range. */
export function readPortRange(range: string, reserved = ''): PortRange | undefined {
  const [low = Number.NaN, high = Number.NaN] = range.trim().split(/\s+/).map(Number);
  if (!(low <= high)) return undefined;
  const kept = new Set<number>();
  for (const part of reserved.trim().split(',').filter(Boolean)) {
    const [first = 0, last = first] = part.split('-').map(Number);
    for (let port = Math.max(first, low); port <= Math.min(last, high); port++) kept.add(port);
  }
  return { low, high, reserved: kept };
}

/** Ports of a range that nobody uses. */
export function freePorts({ low, high, reserved }: PortRange, used: ReadonlySet<number>): number {
  let free = high - low + 1 - reserved.size;
  for (const port of used) if (port >= low && port <= high && !reserved.has(port)) free--;
  return free;
}

/** One end of a connection. */
export interface EndPoint {
  readonly address: string;
  readonly port: number;
}

const waiting = '06';
const wildcards = /^0+$/;

/**
 * Local ports that a new connection to `remote` cannot have, from `/proc/net/tcp` or `tcp6`. Those
 * of sockets that wait for stray packets (TIME_WAIT) can be had again where `reusesWaiting`.
 */
export function portsTowards(table: string, remote: EndPoint, reusesWaiting: boolean): Set<number> {
  const ports = new Set<number>();
  const there = procAddress(remote.address, remote.port);
  for (const row of rowsOf(table)) {
    if (row.remote !== there) continue;
    if (!reusesWaiting || row.state !== waiting) ports.add(row.localPort);
  }
  return ports;
}

/** Local ports that a connection from `source` cannot have, wherever it goes. */
export function portsOf(table: string, source: string): Set<number> {
  const ports = new Set<number>();
  const [address] = procAddress(source, 0).split(':');
  for (const { local, localPort } of rowsOf(table)) {
    if (local === address || wildcards.test(local)) ports.add(localPort);
  }
  return ports;
}

function* rowsOf(table: string) {
  const pattern = /^\s*\d+: ([\dA-F]+):([\dA-F]{4}) ([\dA-F]+:[\dA-F]{4}) ([\dA-F]{2})/gm;
  for (const [, local = '', port = '', remote = '', state = ''] of table.matchAll(pattern)) {
    yield { local, localPort: Number.parseInt(port, 16), remote, state };
  }
}
