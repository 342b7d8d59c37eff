/** Who may connect and what they may see, on real sockets: tokens, their grants, devices. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { refusalOf, TestClient } from './support/client.ts';
import { jwtSecret, secondsFromNow, tokenFor } from './support/jwt.ts';
import { upgradeText } from './support/raw-websocket.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';

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
    raw.write(Buffer.from(`${upgradeText()}\x81\x80\x00\x00\x00\x00`, 'latin1'));
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
    await expect.poll(() => server.metric('ws_refused_total{code="INVALID_TOKEN"}')).toBe(1);
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
    await expect.poll(() => server.metric('ws_subscriptions_rejected_total')).toBe(9);
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
    await expect.poll(() => server.metric('ws_refreshed_tokens_total')).toBe(1);
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
    broken.write(upgradeText(`/ws?token=${await tokenFor()}`).replace('Version: 13', 'Version: 7'));
    broken.resume();
    await once(broken, 'close');
    await using _fourth = await TestClient.open(url);
  });
});
