/** Client address: where a request comes from, as far as that can be believed. */
import { BlockList, isIP } from 'node:net';
import { UsageError } from '../../base/errors.ts';

/** Where proxies that are believed live. */
export type TrustedProxies = BlockList | undefined;

/**
 * Reads `address` and `address/prefix` entries. Throws a UsageError that names the entry that is
 * neither.
 */
export function readTrustedProxies(entries: readonly string[]): TrustedProxies {
  if (entries.length === 0) return undefined;
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix, ...rest] = entry.split('/');
    const family = familyOf(address);
    const bits = prefix === undefined ? undefined : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    const most = family === 'ipv4' ? 32 : 128;
    if (
      family === undefined ||
      rest.length > 0 ||
      (bits !== undefined && !(bits >= 0 && bits <= most))
    )
      throw new UsageError(`server.limits.trustedProxies: "${entry}" is no address or network`, {
        hint: 'write addresses as 10.0.0.1 or fd00::1 and networks as 10.0.0.0/8',
      });
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return list;
}

/**
 * The address of the client. `X-Forwarded-For` is read from the right, where our own proxies
 * write, and only past addresses that are trusted: what a client puts into it is never reached.
 */
export function clientAddress(
  socketAddress: string | undefined,
  forwardedFor: string | string[] | undefined,
  trusted: TrustedProxies,
): string {
  let address = plain(socketAddress ?? '');
  if (trusted === undefined || forwardedFor === undefined) return address;
  const hops = String(forwardedFor).split(',');
  while (isTrusted(address, trusted)) {
    const hop = plain(hops.pop()?.trim() ?? '');
    // Nothing left, or something that is no address: the proxy itself is all that is known.
    if (familyOf(hop) === undefined) return address;
    address = hop;
  }
  return address;
}

/**
 * What one party is counted by: an IPv4 address, or the /64 network of an IPv6 address, since that
 * is what one subscriber usually gets.
 */
export function addressKey(address: string): string {
  if (familyOf(address) !== 'ipv6') return address;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...new Array<string>(missing).fill('0'), ...after];
  return `${groups.slice(0, 4).map(canonicalGroup).join(':')}::/64`;
}

function canonicalGroup(group: string): string {
  return Number.parseInt(group, 16).toString(16);
}

function isTrusted(address: string, trusted: BlockList): boolean {
  const family = familyOf(address);
  return family !== undefined && trusted.check(address, family);
}

/** Without port, brackets, zone and IPv4-in-IPv6. */
function plain(text: string): string {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? text.replace(/^([\d.]+):\d+$/, '$1');
  return bare.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '');
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  return ({ 4: 'ipv4', 6: 'ipv6' } as const)[isIP(address) as 4 | 6];
}
