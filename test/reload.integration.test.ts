/** Settings that change while clients are connected: who is there stays, who comes is judged anew. */
import { expect, test } from 'vitest';
import { UsageError } from '../src/base/errors.ts';
import { refusalOf, TestClient } from './support/client.ts';
import { jwtSecret, tokenFor } from './support/jwt.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';

const trade = (n: number) => record('BTC', 'TRADE_EXECUTED', { n });

/** Whether a server goes on delivering to a client. */
async function getsEvents(server: TestServer, client: TestClient): Promise<void> {
  const before = client.received.length;
  await server.publish(trade(before));
  await client.events(before + 1);
}

test('fewer connections close nobody and refuse the next; more let them in again', async () => {
  await using server = await startTestServer({ maxConnections: 3 });
  await using first = await TestClient.open(server.url);
  await using second = await TestClient.open(server.url);
  await using third = await TestClient.open(server.url);
  for (const client of [first, second, third]) await client.subscribe('BTC.trade');
  expect(server.reload({ maxConnections: 2 })).toEqual({
    changed: ['server.maxConnections: 3 → 2'],
    needRestart: [],
  });
  for (const client of [first, second, third]) await getsEvents(server, client);
  const refused = await refusalOf(server.url);
  expect(refused).toMatchObject({ status: 503, body: { code: 'AT_CAPACITY' } });
  await third[Symbol.asyncDispose]();
  await expect.poll(() => server.metric('ws_current_connections')).toBe(2);
  expect((await refusalOf(server.url)).body).toMatchObject({ code: 'AT_CAPACITY' });
  await expect.poll(() => server.metric('ws_max_connections')).toBe(2);
  expect((await server.health())['checks']).toMatchObject({ capacity: { current: 2, max: 2 } });
  server.reload({ maxConnections: 4 });
  await using _third = await TestClient.open(server.url);
  await using _fourth = await TestClient.open(server.url);
  expect((await refusalOf(server.url)).body).toMatchObject({ code: 'AT_CAPACITY' });
  await expect.poll(() => server.metric('ws_max_connections')).toBe(4);
});

test('fewer subscriptions take none away, and more may be added again', async () => {
  await using server = await startTestServer({ maxSubscriptions: 3 });
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade', 'ETH.trade', 'SOL.trade');
  server.reload({ maxSubscriptions: 2 });
  expect(await client.subscribe('BTC.trade', 'ODIN.trade')).toMatchObject({
    subscribed: ['BTC.trade'],
    count: 3,
    rejected: [{ channel: 'ODIN.trade', code: 'SUBSCRIPTION_LIMIT' }],
  });
  await getsEvents(server, client);
  await using other = await TestClient.open(server.url);
  expect(other.messages[0]).toMatchObject({ limits: { subscriptions: 2 } });
  server.reload({ maxSubscriptions: 4 });
  expect(await client.subscribe('ODIN.trade')).toMatchObject({ count: 4 });
});

test('rates of connections change for addresses that are known, and keep what was taken', async () => {
  const slow = { ipRate: 0.001, ipBurst: 3 };
  await using server = await startTestServer({ limits: slow });
  await using _first = await TestClient.open(server.url);
  await using _second = await TestClient.open(server.url);
  server.reload({ limits: { ...slow, ipBurst: 2 } });
  expect((await refusalOf(server.url)).body).toMatchObject({ code: 'IP_RATE_LIMITED' });
  server.reload({ limits: slow });
  await using _third = await TestClient.open(server.url);
  expect((await refusalOf(server.url)).body).toMatchObject({ code: 'IP_RATE_LIMITED' });
  server.reload({ limits: { globalRate: 0.001, globalBurst: 1 } });
  await using _fourth = await TestClient.open(server.url);
  expect((await refusalOf(server.url)).body).toMatchObject({ code: 'GLOBAL_RATE_LIMITED' });
  server.reload({});
  await using _fifth = await TestClient.open(server.url);
});

test('the message limit changes for clients that are connected', async () => {
  await using server = await startTestServer({ limits: { messageRate: 0 } });
  await using client = await TestClient.open(server.url);
  const say = async (count: number) => {
    const before = client.messages.length;
    for (let n = 0; n < count; n++) client.say({ type: 'heartbeat' });
    await client.until(() => client.messages.length === before + count);
    return client.messages.slice(before).map(({ type }) => type);
  };
  expect(new Set(await say(20))).toEqual(new Set(['pong']));
  server.reload({ limits: { messageRate: 0.001, messageBurst: 5 } });
  expect(await say(7)).toEqual([...Array(5).fill('pong'), 'error', 'error']);
  server.reload({ limits: { messageRate: 0.001, messageBurst: 6 } });
  expect(await say(2)).toEqual(['pong', 'error']);
  server.reload({ limits: { messageRate: 0 } });
  expect(new Set(await say(20))).toEqual(new Set(['pong']));
});

test('origins, trusted proxies and devices per user are those of the newest configuration', async () => {
  const auth = { secret: jwtSecret, devicesPerUser: 1 };
  await using server = await startTestServer({ auth });
  const url = `${server.url}?token=${await tokenFor()}`;
  await using _first = await TestClient.open(url);
  expect((await refusalOf(url)).body).toMatchObject({ code: 'TOO_MANY_DEVICES' });
  server.reload({ auth: { ...auth, devicesPerUser: 2, origins: ['https://app.example.com'] } });
  const foreign = { origin: 'https://other.example.com' };
  expect((await refusalOf(url, foreign)).body).toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' });
  await using _second = await TestClient.open(url, 'v2', { origin: 'https://app.example.com' });
  const limits = { ipRate: 0.001, ipBurst: 1, trustedProxies: ['127.0.0.1'] };
  server.reload({ auth: { ...auth, devicesPerUser: 0 }, limits });
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });
  await using _third = await TestClient.open(url, 'v2', from('192.0.2.1'));
  await using _fourth = await TestClient.open(url, 'v2', from('192.0.2.2'));
  expect((await refusalOf(url, from('192.0.2.1'))).body).toMatchObject({ code: 'IP_RATE_LIMITED' });
});

test('a broker rate that is raised lets go of a broker that would be held for an hour', async () => {
  await using server = await startTestServer({ guard: { maxBrokerRate: 1 } });
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  await server.publish(...Array.from({ length: 2_000 }, (_, n) => trade(n)));
  await client.events(2_000);
  await server.publish(trade(2_000));
  await expect.poll(() => server.metric('odin_broker_paused')).toBe(1);
  server.reload({ guard: { maxBrokerRate: 0 } });
  expect(await client.events(2_001)).toHaveLength(2_001);
});

test('a value that is no good changes nothing, and what needs a restart is said', async () => {
  await using server = await startTestServer({ maxConnections: 1 });
  await using _client = await TestClient.open(server.url);
  const bad = { maxConnections: 5, limits: { trustedProxies: ['proxy.example.com'] } };
  expect(() => server.reload(bad)).toThrow(UsageError);
  expect((await refusalOf(server.url)).body).toMatchObject({ code: 'AT_CAPACITY' });
  const outcome = server.reload({ maxConnections: 1, heartbeatMs: '9s', adminToken: 'secret' });
  expect(outcome.changed).toEqual([]);
  expect(outcome.needRestart.toSorted()).toEqual([
    'server.adminToken: unset → ********',
    'server.heartbeatMs: 25000 → 9000',
  ]);
});
