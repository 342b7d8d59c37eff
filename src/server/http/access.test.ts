import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { isLoopback, mayAdminister } from './access.ts';

const from = (remoteAddress: string, headers: Record<string, string> = {}) =>
  ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;

test.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])(
  '%s is this machine',
  (address) => {
    expect(isLoopback(address)).toBe(true);
    expect(mayAdminister(from(address), undefined)).toBe(true);
  },
);

test.each(['10.0.0.1', '::ffff:10.0.0.1', '192.168.1.127', '2001:db8::1', '128.0.0.1', ''])(
  '%s is another machine and needs the token',
  (address) => {
    expect(isLoopback(address)).toBe(false);
    expect(mayAdminister(from(address), undefined)).toBe(false);
    expect(mayAdminister(from(address, { authorization: 'Bearer secret' }), 'secret')).toBe(true);
    expect(mayAdminister(from(address, { authorization: 'Bearer secre' }), 'secret')).toBe(false);
    expect(mayAdminister(from(address, { authorization: 'Bearer secret' }), undefined)).toBe(false);
  },
);

test.each([['x-forwarded-for'], ['forwarded'], ['origin']])(
  'a request with %s is not local, whatever its address',
  (header) => {
    expect(mayAdminister(from('127.0.0.1', { [header]: 'x' }), undefined)).toBe(false);
  },
);

test('a wrong token is refused even on this machine', () => {
  const request = from('127.0.0.1', { authorization: 'Bearer wrong' });
  expect(mayAdminister(request, 'secret')).toBe(false);
});

test.each([
  ['localhost:3004', true],
  ['localhost', true],
  ['127.0.0.1:3004', true],
  ['[::1]:3004', true],
  ['evil.com', false],
  ['127.0.0.1.evil.com', false],
  ['localhost.evil.com:3004', false],
])('a local request for the host %s: %j', (host, expected) => {
  expect(mayAdminister(from('127.0.0.1', { host }), undefined)).toBe(expected);
  const headers = { host, authorization: 'Bearer secret' };
  expect(mayAdminister(from('127.0.0.1', headers), 'secret')).toBe(true);
});
