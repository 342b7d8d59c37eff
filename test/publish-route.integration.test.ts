/** `POST /api/publish` on a real server: who may, what is taken, what is answered. */
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { TestClient } from './support/client.ts';
import { startTestServer } from './support/start-server.ts';

const line = (n: number) =>
  JSON.stringify({ key: 'BTC', type: 'TRADE_EXECUTED', timestamp: 1_000 + n, data: { n } });
const ndjson = { 'content-type': 'application/x-ndjson' };

async function post(http: string, body: string, headers: Record<string, string> = ndjson) {
  const response = await fetch(`${http}/api/publish`, { method: 'POST', body, headers });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

test('valid lines are taken, each bad one is named with its reason', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  const bad = [
    '{"key":"BTC"}',
    'nope',
    '{"key":"B.C","type":"TRADE_EXECUTED","timestamp":1,"data":{}}',
    '{"type":"TRADE_EXECUTED","timestamp":1,"data":{}}',
  ];
  const { status, body } = await post(server.http, [line(1), ...bad, line(2)].join('\n'));
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: 'BAD_RECORDS', accepted: 2 });
  expect((body['rejected'] as { line: number; reason: string }[]).map((row) => row.line)).toEqual([
    2, 3, 4, 5,
  ]);
  expect((await client.events(2)).map((event) => event['data'])).toEqual([{ n: 1 }, { n: 2 }]);
});

test('a JSON array is taken too; other types and methods are refused', async () => {
  await using server = await startTestServer();
  expect(
    await post(server.http, `[${line(1)},${line(2)}]`, { 'content-type': 'application/json' }),
  ).toEqual({ status: 200, body: { accepted: 2 } });
  expect(await post(server.http, line(1), { 'content-type': 'text/plain' })).toMatchObject({
    status: 415,
  });
  const get = await fetch(`${server.http}/api/publish`);
  expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
});

test('a batch that is sent again is answered again and not taken again', async () => {
  await using server = await startTestServer();
  const headers = { ...ndjson, 'x-odin-producer': 'p', 'x-odin-batch': '1' };
  const answers = await Promise.all([
    post(server.http, line(1), headers),
    post(server.http, line(1), headers),
  ]);
  answers.push(await post(server.http, line(1), headers));
  expect(answers).toEqual(Array(3).fill({ status: 200, body: { accepted: 1 } }));
  await expect.poll(() => server.metric('odin_events_ingested_total')).toBe(1);
  await post(server.http, line(2), { ...headers, 'x-odin-batch': '2' });
  await expect.poll(() => server.metric('odin_events_ingested_total')).toBe(2);
});

test('a body above 1 MiB is answered with 413', async () => {
  await using server = await startTestServer();
  const { status, body } = await post(server.http, `${line(1)}\n`.repeat(20_000));
  expect(status).toBe(413);
  expect(body).toMatchObject({ code: 'TOO_LARGE' });
});

test('web pages and proxies on this machine need the admin token', async () => {
  await using server = await startTestServer({ adminToken: 'let-me-in' });
  expect(
    await post(server.http, line(1), { ...ndjson, origin: 'http://evil.example' }),
  ).toMatchObject({ status: 403 });
  expect(
    await post(server.http, line(1), { ...ndjson, 'x-forwarded-for': '127.0.0.1' }),
  ).toMatchObject({ status: 403 });
  expect(
    await post(server.http, line(1), { ...ndjson, authorization: 'Bearer wrong' }),
  ).toMatchObject({ status: 403 });
  const authorization = 'Bearer let-me-in';
  expect(
    await post(server.http, line(1), { ...ndjson, authorization, 'x-forwarded-for': '10.0.0.9' }),
  ).toMatchObject({ status: 200 });
});

test('the status is for whoever may administer the server, by GET or HEAD', async () => {
  await using server = await startTestServer({ adminToken: 'let-me-in' });
  const ask = async (init: RequestInit = {}) => {
    const response = await fetch(`${server.http}/api/status`, init);
    const text = await response.text();
    return { response, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
  };
  expect((await ask({ headers: { 'x-forwarded-for': '127.0.0.1' } })).response.status).toBe(403);
  const refused = await ask({ headers: { authorization: 'Bearer wrong' } });
  expect([refused.response.status, refused.body['code']]).toEqual([403, 'FORBIDDEN']);
  const headers = { authorization: 'Bearer let-me-in', 'x-forwarded-for': '10.0.0.9' };
  expect((await ask({ headers })).response.status).toBe(200);
  const posted = await ask({ method: 'POST' });
  expect([posted.response.status, posted.response.headers.get('allow')]).toEqual([
    405,
    'GET, HEAD',
  ]);
  const head = await ask({ method: 'HEAD' });
  expect([head.response.status, head.response.headers.get('cache-control'), head.body]).toEqual([
    200,
    'no-store',
    {},
  ]);
});

test('health, readiness, liveness and unknown paths answer in JSON', async () => {
  await using server = await startTestServer();
  expect(await server.health()).toMatchObject({
    status: 'healthy',
    node: 'test-node',
    checks: {
      broker: { kind: 'embedded', connected: true, lag_records: 0 },
      capacity: { current: 0, max: 12_000 },
    },
    warnings: [],
  });
  const status = async (path: string) => {
    const response = await fetch(`${server.http}${path}`);
    return [response.status, await response.json()];
  };
  expect(await status('/livez')).toEqual([200, { status: 'alive' }]);
  expect(await status('/readyz')).toEqual([200, { ready: true, reasons: [] }]);
  expect(await status('/nothing')).toMatchObject([404, { code: 'NOT_FOUND' }]);
  expect(await status('/ws')).toMatchObject([426, { code: 'UPGRADE_REQUIRED' }]);
  for (const path of ['/livez', '/metrics', '/', '/ops']) {
    const { status, headers } = await fetch(`${server.http}${path}`, { method: 'POST' });
    expect([path, status, headers.get('allow')]).toEqual([path, 405, 'GET, HEAD']);
  }
  const posted = await fetch(`${server.http}/nothing`, { method: 'POST' });
  expect(posted.status).toBe(404);
});

test('a handshake that is none is refused in JSON', async () => {
  await using server = await startTestServer();
  const socket = connect(server.server.port, '127.0.0.1');
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n',
  );
  let text = '';
  for await (const chunk of socket) text += chunk;
  expect(text).toMatch(/^HTTP\/1.1 400 /);
  expect(text).toContain('"code":"BAD_HANDSHAKE"');
});
