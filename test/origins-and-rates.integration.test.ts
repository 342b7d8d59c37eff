/** Which pages may connect, and how fast clients may come and talk, on real sockets. */
import { describe, expect, test } from 'vitest';
import { refusalOf, TestClient } from './support/client.ts';
import { startTestServer } from './support/start-server.ts';

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
