/** Tests of handshake.ts. */
import { expect, test } from 'vitest';
import {
  acceptOf,
  createKey,
  flawOf,
  parseAnswer,
  retryAfterMs,
  upgradeRequest,
} from './handshake.ts';
import type { Target } from './target.ts';

const target: Target = {
  address: '127.0.0.1',
  port: 80,
  host: 'example',
  path: '/ws?token=1',
  sourceIps: [],
  headers: [],
  tokens: [],
  subprotocols: [],
};
/** The example of RFC 6455 §1.3. */
const key = 'dGhlIHNhbXBsZSBub25jZQ==';
const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';

function answerOf(...lines: string[]) {
  const answer = parseAnswer(['HTTP/1.1 101 Switching Protocols', ...lines].join('\r\n'), '');
  if (answer === undefined) throw new Error('not HTTP');
  return answer;
}

test('the key of the standard has the answer of the standard', () => {
  expect(acceptOf(key)).toBe(accept);
  expect(Buffer.from(createKey(), 'base64')).toHaveLength(16);
});

test('subprotocols are asked for where there are any', () => {
  expect(upgradeRequest({ ...target, subprotocols: ['odin.v2', 'b'] }, 0, key)).toContain(
    'Sec-WebSocket-Protocol: odin.v2, b\r\n',
  );
  expect(upgradeRequest(target, 0, key)).not.toContain('Sec-WebSocket-Protocol');
  expect(upgradeRequest(target, 0, key)).toMatch(
    /^GET \/ws\?token=1 HTTP\/1\.1\r\nHost: example\r\n/,
  );
});

test('headers are sent as they were given, and tokens in turn', () => {
  const headers = ['Origin: https://example.com', 'host: other'];
  const dressed = { ...target, headers, tokens: ['a.a.a', 'b.b.b'] };
  const lines = (client: number) => upgradeRequest(dressed, client, key).split('\r\n');
  expect(lines(0).slice(1, 4)).toEqual([...headers, 'Authorization: Bearer a.a.a']);
  expect(lines(3)[3]).toBe('Authorization: Bearer b.b.b');
});

test('a good answer is accepted whatever the case of its headers', () => {
  const lines = ['UPGRADE: WebSocket', 'connection: upgrade', `sec-WebSocket-accept:${accept} `];
  expect(flawOf(answerOf(...lines), key, [])).toBeUndefined();
  expect(flawOf(answerOf(...lines), key, ['odin.v2'])).toBe('bad-subprotocol');
  const v2 = answerOf(...lines, 'Sec-WebSocket-Protocol: odin.v2');
  expect(flawOf(v2, key, ['odin.v2'])).toBeUndefined();
  expect(flawOf(v2, key, [])).toBe('bad-subprotocol');
});

test('a wrong accept, no upgrade and an extension nobody asked for are flaws', () => {
  const upgrade = 'Upgrade: websocket';
  const good = `Sec-WebSocket-Accept: ${accept}`;
  expect(flawOf(answerOf(upgrade, 'Sec-WebSocket-Accept: x'), key, [])).toBe('bad-accept');
  expect(flawOf(answerOf(good), key, [])).toBe('bad-response');
  const extended = answerOf(upgrade, good, 'Sec-WebSocket-Extensions: permessage-deflate');
  expect(flawOf(extended, key, [])).toBe('bad-response');
});

test('what is not HTTP/1.1 is no answer', () => {
  expect(parseAnswer('SSH-2.0-OpenSSH', '')).toBeUndefined();
  expect(parseAnswer('HTTP/1.1 101x', '')).toBeUndefined();
});

test('only 429 and 503 with Retry-After invite a retry', () => {
  const wait = (head: string) => retryAfterMs(parseAnswer(head, '') as never);
  expect(wait('HTTP/1.1 503 Busy\r\nRetry-After: 5')).toBe(5_000);
  expect(wait('HTTP/1.1 429 Slow\r\nretry-after: Mon, 01 Jan 2001 00:00:00 GMT')).toBe(0);
  expect(wait('HTTP/1.1 503 Busy')).toBeUndefined();
  expect(wait('HTTP/1.1 503 Busy\r\nRetry-After: soon')).toBeUndefined();
  expect(wait('HTTP/1.1 401 No\r\nRetry-After: 5')).toBeUndefined();
});
