import { expect, test } from 'vitest';
import { UsageError } from '../../base/errors.ts';
import { addressKey, clientAddress, readTrustedProxies } from './client-address.ts';

const trusted = readTrustedProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

test.each([
  ['no header', '203.0.113.9', undefined, '203.0.113.9'],
  ['a header from a stranger is not believed', '203.0.113.9', '1.2.3.4', '203.0.113.9'],
  ['a trusted proxy is believed', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
  [
    'what the client wrote itself is not reached',
    '10.1.2.3',
    '1.2.3.4, 203.0.113.9',
    '203.0.113.9',
  ],
  ['a chain of trusted proxies', '10.1.2.3', '203.0.113.9, 192.0.2.7,10.9.9.9', '203.0.113.9'],
  ['a client that pretends to be loopback', '10.1.2.3', '127.0.0.1, 203.0.113.9', '203.0.113.9'],
  ['a header of trusted addresses only', '10.1.2.3', '10.0.0.5', '10.0.0.5'],
  ['a header that is no address', '10.1.2.3', 'unknown', '10.1.2.3'],
  ['garbage behind the proxy', '10.1.2.3', '203.0.113.9, <script>', '10.1.2.3'],
  ['an empty header', '10.1.2.3', '', '10.1.2.3'],
  ['a port', '10.1.2.3', '203.0.113.9:5123', '203.0.113.9'],
  ['brackets and port', '10.1.2.3', '[2001:db8::1]:443', '2001:db8::1'],
  ['an IPv4 address in IPv6 form', '::ffff:10.1.2.3', '::ffff:203.0.113.9', '203.0.113.9'],
  ['a proxy on IPv6', 'fd12::1', '203.0.113.9', '203.0.113.9'],
  ['a zone', 'fe80::1%eth0', undefined, 'fe80::1'],
  ['a socket that is gone', undefined, '1.2.3.4', ''],
])('%s: %s with %j is %s', (_name, socketAddress, header, expected) => {
  expect(clientAddress(socketAddress, header, trusted)).toBe(expected);
});

test('without trusted proxies the header means nothing', () => {
  expect(readTrustedProxies([])).toBeUndefined();
  expect(clientAddress('127.0.0.1', '1.2.3.4', undefined)).toBe('127.0.0.1');
});

test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0', 'localhost', '10.0.0.0/8/9', '10.0.0.0/', '/8'])(
  '%s is no address or network',
  (entry) => {
    expect(() => readTrustedProxies(['10.0.0.1', entry])).toThrow(UsageError);
    expect(() => readTrustedProxies([entry])).toThrow(`"${entry}"`);
  },
);

test.each([
  ['203.0.113.9', '203.0.113.9'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['2001:db8:1::', '2001:db8:1:0::/64'],
  ['::ffff:1:2:3', '0:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
])('%s is counted as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});
