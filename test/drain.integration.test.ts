/** Letting clients go: their notices, the rate, the budget, and what load balancers see meanwhile. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { TestClient } from './support/client.ts';
import { odin } from './support/fake-host.ts';
import { freePort } from './support/free-port.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const numbers = (client: TestClient) =>
  client.received.map((event) => (event['data'] as { n: number }).n);

/** Clients, every third of them of the old protocol, with the time of their closing. */
async function openMany(url: string, count: number) {
  const clients = await Promise.all(
    upTo(count).map((n) => TestClient.open(url, n % 3 === 0 ? 'v1' : 'v2')),
  );
  const closedMs = clients.map((client) =>
    client.closing().then(({ code }) => ({ code, atMs: performance.now() })),
  );
  return {
    clients,
    closings: () => Promise.all(closedMs),
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
    },
  };
}

async function askToDrain(server: TestServer, init: RequestInit = {}) {
  const response = await fetch(`${server.http}/api/drain`, { method: 'POST', ...init });
  return { status: response.status, body: (await response.json()) as Record<string, never> };
}

/** Most closings in any window of a length. */
function mostWithin(times: readonly number[], windowMs: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.max(
    ...sorted.map((from, at) => sorted.slice(at).filter((time) => time < from + windowMs).length),
  );
}

test('each client is told its own time, gets events until then, and is closed 1001', async () => {
  await using server = await startTestServer();
  await using many = await openMany(server.url, 300);
  for (const client of many.clients) await client.subscribe('BTC.trade');
  const startedMs = performance.now();
  const { status, body } = await askToDrain(server);
  expect(status).toBe(202);
  expect(body).toMatchObject({ drain: { reason: 'drain', clients: 300, budget_ms: 25_000 } });
  const stillThere = async () => (await server.metric('odin_drain_remaining')) > 0;
  let published = 0;
  while (await stillThere()) {
    await server.publish(record('BTC', 'TRADE_EXECUTED', { n: published++ }));
    await delay(20);
  }
  await server.server.drained;
  const closings = await many.closings();
  expect(new Set(closings.map(({ code }) => code))).toEqual(new Set([1001]));
  for (const [index, client] of many.clients.entries()) {
    const notices = client.messages.filter((message) => message['type'] === 'reconnect_notice');
    expect(notices).toMatchObject([{ after_ms: expect.any(Number), reason: 'drain' }]);
    const lateMs = closings[index]!.atMs - startedMs - (notices[0]!['after_ms'] as number);
    // A busy machine may be late, but nobody is closed before the time that was told.
    expect(lateMs).toBeGreaterThan(-50);
    expect(lateMs).toBeLessThan(2_000);
    expect(numbers(client)).toEqual(upTo(numbers(client).length));
  }
  expect(numbers(many.clients.at(-1)!).length).toBeGreaterThan(numbers(many.clients[0]!).length);
  const times = closings.map(({ atMs }) => atMs - startedMs);
  // One each 10 ms; what a busy machine held up comes together.
  expect(Math.max(...times)).toBeGreaterThan(2_500);
  expect(Math.max(...times)).toBeLessThan(10_000);
  expect(mostWithin(times, 1_000)).toBeLessThan(225);
});

test('while clients are let go, probes say so and new clients are refused', async () => {
  await using server = await startTestServer();
  await using many = await openMany(server.url, 200);
  await askToDrain(server);
  const ready = await fetch(`${server.http}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ reasons: ['server is going away'] });
  expect((await fetch(`${server.http}/livez`)).status).toBe(200);
  const late = new WebSocket(server.url);
  const [, response] = await once(late, 'unexpected-response');
  expect(response.statusCode).toBe(503);
  expect(response.headers['retry-after']).toBe('1');
  let body = '';
  for await (const chunk of response) body += chunk;
  expect(JSON.parse(body)).toMatchObject({ code: 'DRAINING' });
  expect((await server.health())['checks']).toMatchObject({
    drain: { reason: 'drain', clients: 200, remaining: expect.any(Number) },
  });
  await expect.poll(() => server.metric('odin_draining')).toBe(1);
  const again = await askToDrain(server);
  expect(again).toMatchObject({ status: 202, body: { drain: { clients: 200 } } });
  await many.closings();
  await server.server.drained;
  const lines = server.logLines.filter((line) => line['audit'] === 'drain');
  expect(lines.map((line) => line['msg'])).toEqual(['drain started', 'drain finished']);
  expect(lines[1]).toMatchObject({ clients: 200, cutOff: 0 });
});

test('ten clients are let go long before the budget is spent', async () => {
  const server = await startTestServer();
  await using many = await openMany(server.url, 10);
  const startedMs = performance.now();
  await server[Symbol.asyncDispose]();
  // Of 25 s that it may take.
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  for (const { code } of await many.closings()) expect(code).toBe(1001);
  for (const client of many.clients) {
    expect(client.messages.at(-1)).toMatchObject({ type: 'reconnect_notice', reason: 'shutdown' });
  }
});

test('many clients and one that takes nothing are gone when the budget is spent', async () => {
  const drain = { budgetMs: '1s' };
  const server = await startTestServer({ drain, maxBufferedBytes: '16KiB' });
  await using stuck = await TestClient.open(server.url);
  await using quick = await TestClient.open(server.url);
  for (const client of [stuck, quick]) await client.subscribe('BTC.trade');
  stuck.socket.pause();
  const filler = 'x'.repeat(1_000);
  for (let published = 0; (await server.metric('ws_connections_behind')) === 0; published += 500) {
    const batch = upTo(500).map(() => record('BTC', 'TRADE_EXECUTED', { filler }));
    await server.publish(...batch);
    await quick.events(published);
  }
  await using many = await openMany(server.url, 400);
  const startedMs = performance.now();
  await server[Symbol.asyncDispose]();
  const tookMs = performance.now() - startedMs;
  expect(tookMs).toBeGreaterThan(950);
  expect(tookMs).toBeLessThan(10_000);
  for (const { code } of await many.closings()) expect(code).toBe(1001);
  const finished = server.logLines.find((line) => line['msg'] === 'drain finished');
  expect(finished).toMatchObject({ clients: 402, cutOff: 1 });
});

test('a drain is over when the clients that were told have left by themselves', async () => {
  await using server = await startTestServer();
  await using many = await openMany(server.url, 200);
  for (const { socket } of many.clients) {
    socket.on('message', (data) => {
      if (data.toString().includes('reconnect_notice')) socket.close();
    });
  }
  const startedMs = performance.now();
  await askToDrain(server);
  await server.server.drained;
  // Of 25 s that it may take.
  expect(performance.now() - startedMs).toBeLessThan(15_000);
  await expect
    .poll(() => server.metric('ws_disconnects_total{reason="client"}'))
    .toBeGreaterThan(150);
});

test('only an operator may ask for a drain', async () => {
  await using server = await startTestServer({ adminToken: 'a-long-admin-token' });
  const headers = { 'X-Forwarded-For': '203.0.113.9' };
  expect(await askToDrain(server, { headers })).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN' },
  });
  expect((await fetch(`${server.http}/api/drain`)).status).toBe(405);
  expect((await fetch(`${server.http}/readyz`)).status).toBe(200);
  const withToken = { ...headers, Authorization: 'Bearer a-long-admin-token' };
  expect((await askToDrain(server, { headers: withToken })).status).toBe(202);
  await server.server.drained;
});

test('`odin serve` ends with 0 when it was drained on request', async () => {
  const port = await freePort();
  const stop = new AbortController();
  const ended = odin(`serve --host 127.0.0.1 --port ${port} --log-format json`, {
    signal: stop.signal,
  });
  const http = `http://127.0.0.1:${port}`;
  const isReady = () =>
    fetch(`${http}/readyz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  while (!(await isReady())) await delay(20);
  await using client = await TestClient.open(`ws://127.0.0.1:${port}/ws`);
  expect((await fetch(`${http}/api/drain`, { method: 'POST' })).status).toBe(202);
  expect(await client.closing()).toMatchObject({ code: 1001 });
  const { exitCode, stderr } = await ended;
  expect(exitCode).toBe(0);
  expect(stderr).toContain('"msg":"stopped"');
});

test('connections have a lifetime when one is set, each a little different', async () => {
  const drain = { maxLifetimeMs: '1s' };
  await using server = await startTestServer({ drain, heartbeatMs: '1s' });
  const startedMs = performance.now();
  await using many = await openMany(server.url, 60);
  const closings = await many.closings();
  expect(new Set(closings.map(({ code }) => code))).toEqual(new Set([4002]));
  const times = closings.map(({ atMs }) => atMs - startedMs);
  expect(Math.min(...times)).toBeGreaterThan(795);
  expect(Math.max(...times)).toBeLessThan(10_000);
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(200);
  await expect.poll(() => server.metric('ws_disconnects_total{reason="lifetimeReached"}')).toBe(60);
});
