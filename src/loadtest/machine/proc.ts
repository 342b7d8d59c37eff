/** Files of /proc, and how addresses are written there. */
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';

/** Text of a file; undefined when there is none. */
export type ReadText = (path: string) => Promise<string | undefined>;

/** A file of /proc; undefined on systems that have none: they tell such things elsewhere. */
export function readProc(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** An address as /proc writes it: words of 32 bits, each with its bytes from the back. */
export function procAddress(address: string, port: number): string {
  const bytes = isIPv6(address) ? ipv6Bytes(address) : address.split('.').map(Number);
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    words.push(
      bytes
        .slice(at, at + 4)
        .reverse()
        .map(hex)
        .join(''),
    );
  }
  return `${words.join('')}:${port.toString(16).toUpperCase().padStart(4, '0')}`;
}

function ipv6Bytes(address: string): number[] {
  // A URL writes what ends in IPv4 form without dots, and a zone is none of the address.
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`);
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (part: string) => part.split(':').filter((group) => group !== '');
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = new Array(8 - before.length - after.length).fill('0');
  const all = tail === undefined ? before : [...before, ...zeros, ...after];
  return all.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}
