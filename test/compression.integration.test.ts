/** permessage-deflate on real sockets, inflated by the `ws` client: what it is given and what it saves. */
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { ClientOptions } from 'ws';
import type { OutgoingRecord } from '../src/broker/broker.ts';
import { categoryFacts } from '../src/events/categories.ts';
import { eventTypes } from '../src/events/event-types.ts';
import { createMarket } from '../src/publisher/market.ts';
import { TestClient } from './support/client.ts';
import { record, servingProcesses, startTestServer } from './support/start-server.ts';

const compression = { compression: { enabled: true } };
const plain: ClientOptions = { perMessageDeflate: false };

/** The publisher's own events, the same on every run. */
function marketEvents(): () => OutgoingRecord {
  const market = createMarket(1, ['BTC', 'ETH', 'SOL', 'DOGE']);
  return () => {
    const event = market.nextEvent(Date.now());
    const { topic } = categoryFacts[eventTypes[event.type].category];
    const key = 'token' in event.data ? String(event.data.token) : 'BTC';
    return { topic, key, timestampMs: event.timestamp, value: JSON.stringify(event) };
  };
}

/** Bytes that reached a client, headers and all. */
function bytesReceived({ socket }: TestClient): number {
  return (socket as unknown as { _socket: Socket })._socket.bytesRead;
}

async function openMany(
  count: number,
  url: string,
  options?: ClientOptions,
): Promise<TestClient[]> {
  return Promise.all(Array.from({ length: count }, () => TestClient.open(url, 'v2', options)));
}

test('clients that offer it save more than 55 % of the bytes of single events, and lose nothing', async () => {
  await using server = await startTestServer(compression);
  await using clients = new AsyncDisposableStack();
  // Each process shares among its own: it takes as many clients for each as for one.
  const deflated = await openMany(20 * servingProcesses, server.url);
  const others = await openMany(2, server.url, plain);
  for (const client of [...deflated, ...others]) {
    clients.use(client);
    await client.subscribe('*');
  }
  expect(deflated[0]!.socket.extensions).toBe('permessage-deflate');
  expect(others[0]!.socket.extensions).toBe('');
  const before = [...deflated, ...others].map(bytesReceived);
  const next = marketEvents();
  const total = 400;
  for (let n = 0; n < total; n++) {
    await server.publish(next());
    // One at a time: each event is a flush of its own, which is the hardest case.
    await others[0]!.events(n + 1);
  }
  for (const client of [...deflated, ...others]) await client.events(total);
  const texts = (client: TestClient) => JSON.stringify(client.received);
  for (const client of deflated) expect(texts(client)).toBe(texts(others[0]!));
  const used = [...deflated, ...others].map((client, i) => bytesReceived(client) - before[i]!);
  const plainBytes = used.at(-1)!;
  const usedDeflated = used.slice(0, deflated.length);
  // Those of one process get the same bytes.
  expect(new Set(usedDeflated).size).toBeLessThanOrEqual(servingProcesses);
  for (const bytes of usedDeflated) expect(bytes / plainBytes).toBeLessThan(0.45);
  const saved = await server.metric('odin_compression_saved_bytes_total');
  const expected = usedDeflated.reduce((sum, bytes) => sum + plainBytes - bytes, 0);
  // Processes may join other events than the one of the plain client did.
  expect(Math.abs(saved / expected - 1)).toBeLessThanOrEqual(servingProcesses === 1 ? 0 : 0.01);
  const flushes = await server.metric('odin_compression_flushes_total{result="deflated"}');
  expect(flushes).toBeGreaterThanOrEqual(total);
  expect(flushes).toBeLessThanOrEqual(total * servingProcesses);
  expect(await server.metric('odin_deflate_cpu_seconds_total')).toBeGreaterThan(0);
});

test('clients that come later, lag, change subscriptions or want no context inflate everything', async () => {
  await using server = await startTestServer({ ...compression, maxBufferedBytes: '16KiB' });
  await using clients = new AsyncDisposableStack();
  const noContext = { perMessageDeflate: { serverNoContextTakeover: true } };
  const all = [...(await openMany(18, server.url)), ...(await openMany(2, server.url, noContext))];
  for (const client of all) {
    clients.use(client);
    await client.subscribe('*.trade');
  }
  const lagging = all[3]!;
  let published = 0;
  const filler = 'x'.repeat(600);
  const publish = async (count: number) => {
    const batch = Array.from({ length: count }, (_, i) =>
      record('BTC', 'TRADE_EXECUTED', { n: published + i, filler: `${filler}${Math.random()}` }),
    );
    published += count;
    await server.publish(...batch);
    await all[0]!.events(published);
  };
  const startedAt = new Map<TestClient, number>();
  for (let round = 0; round < 60; round++) {
    await publish(round % 7);
    if (round === 20) lagging.socket.pause();
    if (round % 10 === 5) {
      const late = clients.use(await TestClient.open(server.url));
      await late.subscribe('*.trade');
      startedAt.set(late, published);
      all.push(late);
    }
    if (round % 9 === 4) await all[5]!.subscribe(`T${round}.social`);
  }
  // Deflated so well, it takes a lot to fill a socket: noise does not deflate.
  while ((await server.metric('ws_connections_behind')) === 0) {
    const noise = Buffer.from(
      Array.from({ length: 12_000 }, () => Math.floor(Math.random() * 256)),
    );
    const batch = Array.from({ length: 100 }, (_, i) =>
      record('BTC', 'TRADE_EXECUTED', { n: published + i, noise: noise.toString('base64') }),
    );
    published += batch.length;
    await server.publish(...batch);
    await all[0]!.events(published);
  }
  lagging.socket.resume();
  await lagging.events(published);
  await publish(5);
  for (const client of all) {
    const from = startedAt.get(client) ?? 0;
    await client.events(published - from);
    const numbers = client.received.map(({ data }) => (data as { n: number }).n);
    expect(numbers).toEqual(Array.from({ length: published - from }, (_, n) => from + n));
  }
});

test('v1 clients, and all clients of a server without compression, get plain frames', async () => {
  await using off = await startTestServer();
  await using on = await startTestServer(compression);
  await using plainV2 = await TestClient.open(off.url);
  await using v1 = await TestClient.open(on.url, 'v1');
  expect(plainV2.socket.extensions).toBe('');
  expect(v1.socket.extensions).toBe('');
  await v1.subscribe('*');
  await on.publish(record('BTC'));
  expect(await v1.events(1)).toMatchObject([{ seq: 1 }]);
});

test.each([
  'permessage-deflate; server_max_window_bits=9',
  'permessage-deflate; unheard_of=1',
  'permessage-deflate; client_max_window_bits=99',
  ';;;',
])(
  'an offer that odin cannot keep (%s) leaves the client uncompressed, not refused',
  async (offer) => {
    await using server = await startTestServer(compression);
    await using client = await TestClient.open(server.url, 'v2', {
      ...plain,
      headers: { 'sec-websocket-extensions': offer },
    });
    expect(client.socket.extensions).toBe('');
    await client.subscribe('*');
    await server.publish(record('BTC'));
    expect(await client.events(1)).toHaveLength(1);
  },
);

test('what clients send deflated is understood, within the limit of its inflated size', async () => {
  await using server = await startTestServer(compression);
  const options = { perMessageDeflate: { threshold: 0 } };
  await using client = await TestClient.open(server.url, 'v2', options);
  const channels = Array.from({ length: 150 }, (_, i) => `TOKEN${i}.trade`);
  expect(await client.subscribe(...channels)).toMatchObject({ count: 150 });
  for (let i = 0; i < 20; i++) client.say({ type: 'heartbeat', id: i });
  await client.until(() => client.messages.some(({ id }) => id === 19));
  client.say(`"${'x'.repeat(10_000_000)}"`);
  expect(await client.closing()).toMatchObject({ code: 1009 });
  await using next = await TestClient.open(server.url);
  expect(await next.subscribe('BTC.trade')).toMatchObject({ count: 1 });
});
