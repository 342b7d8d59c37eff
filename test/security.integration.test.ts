/** Who may connect and what they may see, on real sockets: tokens, origins, devices, limits. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { refusalOf, TestClient } from './support/client.ts';
import { jwtSecret, secondsFromNow, tokenFor } from './support/jwt.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';

const handshake = (path: string) =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';

const withAuth = { auth: { secret: jwtSecret } };

async function openWith(server: TestServer, token: string): Promise<TestClient> {
  return TestClient.open(`${server.url}?token=${token}`);
}

describe('tokens', () => {
  test('an unauthenticated client gets a refusal and not one byte more', async () => {
    await using server = await startTestServer(withAuth);
    await using ann = await openWith(server, await tokenFor());
    await ann.subscribe('*');
    const raw = connect(server.server.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    raw.on('data', (chunk) => chunks.push(chunk));
    const closed = once(raw, 'close');
    raw.write(Buffer.from(`${handshake('/ws')}\x81\x80\x00\x00\x00\x00`, 'latin1'));
    await server.publish(record('BTC'));
    await ann.events(1);
    await closed;
    const text = Buffer.concat(chunks).toString('latin1');
    const [head = '', body = ''] = text.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 401 /);
    expect(head).toContain('WWW-Authenticate: Bearer');
    expect(JSON.parse(body)).toEqual({
      error: 'token is missing, invalid or expired',
      code: 'INVALID_TOKEN',
      retry_after_ms: 0,
    });
    const metrics = await (await fetch(`${server.http}/metrics`)).text();
    const health = await (await fetch(`${server.http}/health`)).text();
    for (const open of [metrics, health]) expect(open).not.toMatch(/\bann\b|BTC|127\.0\.0\.1/);
  });

  test.each<[string, () => Promise<string>]>([
    ['expired', () => tokenFor({ exp: secondsFromNow(-1) })],
    ['signed by somebody else', () => tokenFor({}, 'another secret that is also long enough')],
    ['without user', () => tokenFor({ sub: '' })],
    ['that is none', async () => 'nonsense'],
  ])('a token %s is refused with 401', async (_name, make) => {
    await using server = await startTestServer(withAuth);
    const refused = await refusalOf(`${server.url}?token=${await make()}`);
    expect(refused).toMatchObject({ status: 401, body: { code: 'INVALID_TOKEN' } });
    expect(refused.headers['retry-after']).toBeUndefined();
    expect(await server.metric('ws_refused_total{code="INVALID_TOKEN"}')).toBe(1);
    expect(await server.metric('ws_connections_total')).toBe(0);
  });

  test('a token comes as ?token=, ?auth= or bearer, and is in no log line', async () => {
    await using server = await startTestServer(withAuth);
    const token = await tokenFor();
    const headers = { authorization: `Bearer ${token}` };
    await using _byToken = await openWith(server, token);
    await using _byAuth = await TestClient.open(`${server.url}?auth=${token}`);
    await using byBearer = await TestClient.open(server.url, 'v2', { headers });
    const bad = `${token}x`;
    await refusalOf(`${server.url}?token=${bad}`);
    byBearer.say({ type: 'refresh_token', token: bad });
    expect(await byBearer.next('error')).toMatchObject({ code: 'INVALID_TOKEN' });
    await expect.poll(() => JSON.stringify(server.logLines)).toContain('connect_refused');
    const log = JSON.stringify(server.logLines);
    expect(log).not.toContain(token.split('.')[2]);
    expect(log).not.toContain(token.split('.')[1]);
    expect(JSON.stringify(byBearer.messages)).not.toContain(token);
  });

  test('a token for BTC.* sees BTC and nothing else, however it asks', async () => {
    await using server = await startTestServer(withAuth);
    await using all = await openWith(server, await tokenFor({ sub: 'bob' }));
    await all.subscribe('*');
    await server.publish(record('ETH'), record('BTC'));
    await all.events(2);
    await using ann = await openWith(server, await tokenFor({ channels: ['BTC.*'] }));
    const notAllowed = (channel: string) => ({ channel, code: 'CHANNEL_NOT_ALLOWED' });
    const ack = await ann.subscribe('*', '*.trade', 'ETH.trade', 'odin.token.ETH.trade', 'ETH.*');
    expect(ack).toMatchObject({
      subscribed: [],
      count: 0,
      rejected: ['*', '*.trade', 'ETH.trade', 'ETH.*'].map(notAllowed),
    });
    ann.say({ type: 'subscribe', data: { bundle: 'PRICE_ONLY', tokens: ['BTC', 'ETH'] }, id: 1 });
    const asked = ann.messages.length;
    expect(await ann.next('subscription_ack', asked)).toMatchObject({
      subscribed: ['BTC.trade', 'BTC.analytics'],
      rejected: ['ETH.trade', 'ETH.analytics'].map(notAllowed),
    });
    const since = { 'ETH.trade': 0, '*.trade': { ts: 0, offsets: {} } };
    const channels = Object.keys(since);
    ann.say({ type: 'subscribe', data: { channels, since, snapshot: true }, id: 2 });
    ann.say({ type: 'reconnect', data: { client_id: 'x', last_offset: { 'ETH.trade': 0 } } });
    await ann.next('reconnect_ack');
    await server.publish(record('ETH'), record('BTC', 'TRADE_EXECUTED', { last: true }));
    await ann.until(() => ann.received.length > 0);
    expect(ann.received.map((event) => event['channel'])).toEqual(['BTC.trade']);
    const resumed = ann.messages.filter(({ recovered }) => recovered !== undefined);
    expect(resumed.map(({ recovered }) => recovered)).toEqual([{}, {}]);
    expect(await server.metric('ws_subscriptions_rejected_total')).toBe(9);
  });

  test('a connection ends with 4501 when its token expires', async () => {
    await using server = await startTestServer(withAuth);
    const exp = secondsFromNow(2);
    await using client = await openWith(server, await tokenFor({ exp }));
    await client.subscribe('*');
    expect(await client.closing()).toMatchObject({ code: 4501 });
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000);
    await expect
      .poll(() => server.logLines.filter(({ audit }) => audit === 'disconnected_by_policy'))
      .toMatchObject([{ reason: 'tokenExpired', user: 'ann' }]);
    await expect.poll(() => server.metric('ws_disconnects_total{reason="tokenExpired"}')).toBe(1);
    await expect.poll(() => server.metric('ws_users')).toBe(0);
  });

  test('a refreshed token keeps the connection beyond the old one', async () => {
    await using server = await startTestServer(withAuth);
    const exp = secondsFromNow(2);
    await using refreshed = await openWith(server, await tokenFor({ exp }));
    await using forgotten = await openWith(server, await tokenFor({ exp, sub: 'bob' }));
    await refreshed.subscribe('BTC.trade');
    const later = secondsFromNow(60);
    refreshed.say({
      type: 'refresh_token',
      id: 7,
      data: { token: await tokenFor({ exp: later }) },
    });
    expect(await refreshed.next('refresh_ack')).toEqual({
      type: 'refresh_ack',
      id: 7,
      expires_at: later * 1_000,
      dropped: [],
    });
    expect(await forgotten.closing()).toMatchObject({ code: 4501 });
    await server.publish(record('BTC'));
    await refreshed.events(1);
    expect(refreshed.closed).toBeUndefined();
  });

  test('a refresh takes over the new grants: what they do not allow ends at once', async () => {
    await using server = await startTestServer(withAuth);
    await using client = await openWith(server, await tokenFor());
    await client.subscribe('*.trade', 'BTC.trade', 'ETH.trade');
    client.say({ type: 'refresh_token', token: await tokenFor({ channels: ['BTC.*'] }) });
    expect(await client.next('refresh_ack')).toMatchObject({ dropped: ['*.trade', 'ETH.trade'] });
    await server.publish(record('ETH'), record('SOL'), record('BTC'));
    expect((await client.events(1)).map((event) => event['channel'])).toEqual(['BTC.trade']);
    const ack = await client.subscribe('ETH.trade');
    expect(ack).toMatchObject({ rejected: [{ code: 'CHANNEL_NOT_ALLOWED' }] });
  });

  test('a refresh also ends what a returning client was still owed', async () => {
    const settings = { maxBufferedBytes: '16KiB', throttle: { strategy: 'none' } };
    await using server = await startTestServer({ ...withAuth, ...settings });
    const filler = 'x'.repeat(2_000);
    const batch = Array.from({ length: 500 }, () => record('ETH', 'TRADE_EXECUTED', { filler }));
    for (let n = 0; n < 8; n++) await server.publish(...batch);
    await expect.poll(() => server.metric('odin_events_ingested_total')).toBe(4_000);
    await using client = await openWith(server, await tokenFor());
    client.say({ type: 'subscribe', data: { channels: ['ETH.trade'], since: { 'ETH.trade': 0 } } });
    await client.next('subscription_ack');
    client.socket.pause();
    await expect.poll(() => server.metric('ws_connections_behind')).toBe(1);
    client.say({ type: 'refresh_token', token: await tokenFor({ channels: ['BTC.*'] }) });
    await expect.poll(() => server.metric('ws_refreshed_tokens_total')).toBe(1);
    client.socket.resume();
    await client.next('refresh_ack');
    client.say({ type: 'heartbeat' });
    await client.subscribe('BTC.trade');
    await server.publish(record('BTC'));
    await client.until(() => client.received.at(-1)?.['channel'] === 'BTC.trade');
    const acknowledged = client.messages.findIndex(({ type }) => type === 'refresh_ack');
    const after = client.messages.slice(acknowledged).filter(({ offset }) => offset !== undefined);
    expect(after.map(({ channel }) => channel)).toEqual(['BTC.trade']);
    expect(client.received.length).toBeLessThan(4_000);
  });

  test('of two refreshes at once the second is put off', async () => {
    await using server = await startTestServer(withAuth);
    await using client = await openWith(server, await tokenFor());
    const token = await tokenFor({ channels: ['BTC.*'] });
    client.say({ type: 'refresh_token', id: 1, token });
    client.say({ type: 'refresh_token', id: 2, token });
    expect(await client.next('refresh_ack')).toMatchObject({ id: 1 });
    expect(await client.next('error')).toMatchObject({ id: 2, code: 'REFRESH_PENDING' });
    expect(await server.metric('ws_refreshed_tokens_total')).toBe(1);
    client.say({ type: 'refresh_token', id: 3 });
    const refused = client.messages.length;
    expect(await client.next('error', refused)).toMatchObject({ id: 3, code: 'BAD_MESSAGE' });
  });

  test("nobody goes on with another user's token, or where no tokens are taken", async () => {
    await using server = await startTestServer(withAuth);
    await using client = await openWith(server, await tokenFor());
    client.say({ type: 'refresh_token', token: await tokenFor({ sub: 'bob' }), id: 1 });
    expect(await client.next('error')).toMatchObject({ code: 'INVALID_TOKEN', id: 1 });
    client.say({ type: 'heartbeat' });
    await client.next('pong');
    await using open = await startTestServer();
    await using stranger = await TestClient.open(open.url);
    stranger.say({ type: 'refresh_token', token: await tokenFor() });
    expect(await stranger.next('error')).toMatchObject({ code: 'INVALID_TOKEN' });
  });

  test('a user has so many devices, and a place is free again when one leaves', async () => {
    await using server = await startTestServer({ auth: { secret: jwtSecret, devicesPerUser: 2 } });
    const url = `${server.url}?token=${await tokenFor()}`;
    const opening = await Promise.allSettled(Array.from({ length: 6 }, () => TestClient.open(url)));
    const [first, second, ...more] = opening.flatMap((one) =>
      one.status === 'fulfilled' ? [one.value] : [],
    );
    expect(more).toEqual([]);
    const refused = await refusalOf(url);
    expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY_DEVICES' } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    await using _bob = await openWith(server, await tokenFor({ sub: 'bob' }));
    await first?.[Symbol.asyncDispose]();
    await expect.poll(() => server.metric('ws_current_connections')).toBe(2);
    await using _third = await TestClient.open(url);
    // A handshake that fails after the token was good gives its place back.
    await second?.[Symbol.asyncDispose]();
    await expect.poll(() => server.metric('ws_current_connections')).toBe(2);
    const broken = connect(server.server.port, '127.0.0.1');
    broken.write(handshake(`/ws?token=${await tokenFor()}`).replace('Version: 13', 'Version: 7'));
    broken.resume();
    await once(broken, 'close');
    await using _fourth = await TestClient.open(url);
  });
});

/** Publishes keys, or does not answer at all. */
async function startJwks({ answers }: { answers: boolean }) {
  const server = createServer((_request, response) => {
    if (!answers) return;
    response.statusCode = 500;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const rsToken = `${Buffer.from('{"alg":"RS256","kid":"k"}').toString('base64url')}.e30.AAAA`;

describe('handshakes that wait', () => {
  test('without keys to check with, clients are told to come back', async () => {
    await using jwks = await startJwks({ answers: false });
    await using broken = await startJwks({ answers: true });
    const limits = { handshakeMs: '300ms' };
    await using slow = await startTestServer({ auth: { jwksUrl: jwks.url }, limits });
    await using failing = await startTestServer({ auth: { jwksUrl: broken.url } });
    for (const { url } of [slow, failing]) {
      const refused = await refusalOf(`${url}?token=${rsToken}`);
      expect(refused).toMatchObject({ status: 503, body: { code: 'AUTH_UNAVAILABLE' } });
      expect(refused.headers['retry-after']).toBe('5');
    }
    await expect.poll(() => slow.metric('ws_pending_handshakes')).toBe(0);
  });

  test('they hold their places exactly, and give them back when the client leaves', async () => {
    await using jwks = await startJwks({ answers: false });
    const limits = { handshakeMs: '3s' };
    const settings = { auth: { jwksUrl: jwks.url }, maxConnections: 2, limits };
    await using server = await startTestServer(settings);
    const path = `/ws?token=${rsToken}`;
    const waiting = [1, 2].map(() => connect(server.server.port, '127.0.0.1'));
    for (const socket of waiting) socket.write(handshake(path));
    await expect.poll(() => server.metric('ws_pending_handshakes')).toBe(2);
    expect((await refusalOf(`${server.url}?token=${rsToken}`)).body).toMatchObject({
      code: 'AT_CAPACITY',
    });
    for (const socket of waiting) socket.resetAndDestroy();
    await expect.poll(() => server.metric('ws_abandoned_handshakes_total')).toBe(2);
    await expect.poll(() => server.metric('ws_pending_handshakes')).toBe(0);
    expect((await refusalOf(`${server.url}?token=${rsToken}`)).body).toMatchObject({
      code: 'AUTH_UNAVAILABLE',
    });
  });

  test('a server that stops does not wait for them', async () => {
    await using jwks = await startJwks({ answers: false });
    await using server = await startTestServer({ auth: { jwksUrl: jwks.url } });
    const refused = refusalOf(`${server.url}?token=${rsToken}`);
    await expect.poll(() => server.metric('ws_pending_handshakes')).toBe(1);
    const startedMs = Date.now();
    await server.server[Symbol.asyncDispose]();
    // Of the ten seconds that they may take.
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    expect((await refused).body).toMatchObject({ code: 'DRAINING' });
  });

  test('half-open handshakes do not keep clients out, and are ended', async () => {
    await using server = await startTestServer({ limits: { handshakeMs: '3s' } });
    const lines = handshake('/ws');
    const loris: Socket[] = [];
    for (let n = 0; n < 300; n++) {
      const socket = connect(server.server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      // Nothing at all, half a request line, half of the headers.
      socket.write(lines.slice(0, [0, 9, 120][n % 3]));
      loris.push(socket);
    }
    // once() would reject on the reset that some of them get.
    const ended = Promise.all(
      loris.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
    const drip = setInterval(() => {
      for (const socket of loris) if (socket.writable) socket.write('x');
    }, 100);
    await using client = await TestClient.open(server.url);
    client.say({ type: 'heartbeat' });
    await client.next('pong');
    expect(loris.filter(({ destroyed }) => !destroyed)).not.toEqual([]);
    await ended;
    clearInterval(drip);
    expect(client.closed).toBeUndefined();
  });

  test('a refused client that does not close its side costs no descriptor', async () => {
    await using server = await startTestServer(withAuth);
    const count = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = count();
    const sockets = Array.from({ length: 20 }, () =>
      connect({ port: server.server.port, host: '127.0.0.1', allowHalfOpen: true }),
    );
    for (const socket of sockets) {
      socket.write(handshake('/ws'));
      socket.resume();
      await once(socket, 'end');
    }
    // Connections of earlier requests may end meanwhile.
    await expect.poll(count).toBeLessThanOrEqual(before + sockets.length);
    for (const socket of sockets) socket.destroy();
  });
});

describe('origins and rates', () => {
  test('only pages of allowed origins connect; who sends no origin is no page', async () => {
    const origins = ['https://app.example.com', 'http://localhost:5173/'];
    await using server = await startTestServer({ auth: { origins } });
    for (const origin of [
      'https://app.example.com',
      'HTTPS://app.example.com:443',
      'http://localhost:5173',
    ]) {
      await using _client = await TestClient.open(server.url, 'v2', { origin });
    }
    await using _noPage = await TestClient.open(server.url);
    const evil = [
      'https://evil.com',
      'http://app.example.com',
      'https://app.example.com.evil.com',
      'null',
    ];
    for (const origin of evil) {
      const refused = await refusalOf(server.url, { origin });
      expect(refused).toMatchObject({ status: 403, body: { code: 'ORIGIN_NOT_ALLOWED' } });
    }
    await expect
      .poll(() => server.logLines.filter(({ audit }) => audit === 'connect_refused'))
      .toHaveLength(4);
  });

  test('an address that connects too fast is told when to come back', async () => {
    await using server = await startTestServer({ limits: { ipRate: 0.1, ipBurst: 2 } });
    await using _first = await TestClient.open(server.url);
    await using _second = await TestClient.open(server.url);
    // Nobody is exempt, and what a client writes into a header changes nothing.
    const claim = (address: string) => ({ headers: { 'x-forwarded-for': address } });
    const refused = await refusalOf(server.url, claim('198.51.100.1'));
    expect((await refusalOf(server.url, claim('127.0.0.1'))).status).toBe(429);
    expect(refused).toMatchObject({ status: 429, body: { code: 'IP_RATE_LIMITED' } });
    const waitMs = Number(refused.body['retry_after_ms']);
    expect(waitMs).toBeGreaterThan(1_000);
    expect(waitMs).toBeLessThanOrEqual(10_000);
    expect(refused.headers['retry-after']).toBe(String(Math.ceil(waitMs / 1_000)));
  });

  test('behind a trusted proxy each client has its own rate, whatever it claims to be', async () => {
    const limits = { ipRate: 0.1, ipBurst: 1, trustedProxies: '127.0.0.1' };
    await using server = await startTestServer({ limits });
    const from = (header: string) => ({ headers: { 'x-forwarded-for': header } });
    await using _one = await TestClient.open(server.url, 'v2', from('198.51.100.1'));
    await using _two = await TestClient.open(server.url, 'v2', from('198.51.100.2'));
    const spoofed = await refusalOf(server.url, from('203.0.113.77, 198.51.100.1'));
    expect(spoofed.body).toMatchObject({ code: 'IP_RATE_LIMITED' });
    const sixes = '2001:db8:1:2:3::1';
    await using _six = await TestClient.open(server.url, 'v2', from(sixes));
    expect((await refusalOf(server.url, from('2001:db8:1:2:4::9'))).status).toBe(429);
    const lines = () => server.logLines.filter(({ audit }) => audit === 'connect_refused');
    await expect
      .poll(() => lines().map(({ address }) => address))
      .toEqual(['198.51.100.1', '2001:db8:1:2:4::9']);
  });

  test('all together may connect only so fast', async () => {
    await using server = await startTestServer({ limits: { globalRate: 0.1, globalBurst: 2 } });
    await using _first = await TestClient.open(server.url);
    await using _second = await TestClient.open(server.url);
    expect(await refusalOf(server.url)).toMatchObject({
      status: 429,
      body: { code: 'GLOBAL_RATE_LIMITED' },
    });
  });

  test('a client that talks too fast is ignored, and closed with 4502 when it goes on', async () => {
    await using server = await startTestServer({ limits: { messageRate: 1, messageBurst: 5 } });
    await using client = await TestClient.open(server.url);
    for (let n = 0; n < 8; n++) client.say({ type: 'heartbeat', id: n });
    await client.until(() => client.messages.filter(({ type }) => type === 'error').length === 3);
    expect(client.messages.filter(({ type }) => type === 'pong')).toHaveLength(5);
    expect(client.messages.at(-1)).toMatchObject({ code: 'RATE_LIMIT_EXCEEDED' });
    expect(client.closed).toBeUndefined();
    await using flood = await TestClient.open(server.url);
    for (let n = 0; n < 1_000; n++) flood.say({ type: 'heartbeat' });
    expect(await flood.closing()).toMatchObject({ code: 4502 });
    expect(flood.messages.filter(({ type }) => type === 'error').length).toBeLessThan(100);
    await using pings = await TestClient.open(server.url);
    for (let n = 0; n < 1_000; n++) pings.socket.ping();
    expect(await pings.closing()).toMatchObject({ code: 4502 });
    await expect.poll(() => server.metric('ws_disconnects_total{reason="abuse"}')).toBe(2);
  });

  test('what a client of the load tester says stays within the default limit', async () => {
    await using server = await startTestServer({ limits: { messageRate: 10 } });
    await using client = await TestClient.open(server.url);
    for (let n = 0; n < 100; n++) client.say({ type: 'heartbeat' });
    await client.until(() => client.messages.filter(({ type }) => type === 'pong').length === 100);
    expect(await server.metric('ws_rate_limited_messages_total')).toBe(0);
  });
});
