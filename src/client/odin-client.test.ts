import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { eventAt, fakeWebSockets } from '../../test/support/fake-web-socket.ts';
import { OdinClient, type OdinClientOptions } from './index.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_763_673_600_000 });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A client on fake sockets, with what it told in the order it told it. */
function world(options: Partial<OdinClientOptions> = {}) {
  const net = fakeWebSockets();
  const client = new OdinClient({
    url: 'ws://odin.test/ws',
    WebSocket: net.WebSocket,
    random: () => 0.5,
    ...options,
  });
  const told: [string, unknown][] = [];
  for (const name of ['gap', 'error', 'throttle', 'skipped', 'token-expired'] as const)
    client.on(name, (value) => told.push([name, value]));
  const states: string[] = [];
  client.on('state', ({ state }) => states.push(state));
  const offsets: number[] = [];
  return {
    ...{ net, client, told, states, offsets },
    take: ({ offset }: { offset: number }) => void offsets.push(offset),
    /** Runs what is due by then. */
    after: (ms = 0) => vi.advanceTimersByTimeAsync(ms),
    async connect(welcome?: Record<string, unknown>) {
      void client.connect();
      await vi.advanceTimersByTimeAsync(0);
      net.last.accept(welcome);
      await vi.advanceTimersByTimeAsync(0);
    },
  };
}

test('subscriptions made in one go are asked for in one message, each channel once', async () => {
  const { client, net, connect } = world();
  client.subscribe('BTC.trade');
  client.subscribe(['odin.token.BTC.trade', 'ETH.favorites']);
  client.subscribe({ bundle: 'PRICE_ONLY', tokens: ['SOL'] });
  await connect();
  expect(net.last.offered).toEqual(['odin.v2', 'odin.v1']);
  expect(net.last.said.map(({ data }) => data)).toEqual([
    { channels: ['BTC.trade', 'ETH.community', 'SOL.trade', 'SOL.analytics'] },
  ]);
});

test('ready tells what is delivered and what is not, and why', async () => {
  const { client, net, connect } = world();
  const subscription = client.subscribe(['BTC.trade', 'nonsense', '*.social']);
  await connect();
  net.last.acknowledge({ rejected: [{ channel: '*.social', code: 'CHANNEL_NOT_ALLOWED' }] });
  await expect(subscription.ready).resolves.toEqual({
    subscribed: ['BTC.trade'],
    rejected: [
      { channel: 'nonsense', code: 'INVALID_CHANNEL' },
      { channel: '*.social', code: 'CHANNEL_NOT_ALLOWED' },
    ],
  });
});

test('an event reaches a subscription once, whatever the number of its channels', async () => {
  const { client, net, connect, offsets, take } = world();
  const types: string[] = [];
  client.on('TRADE_EXECUTED', ({ data }) => types.push(`trade at ${data.price}`));
  client.subscribe(['BTC.trade', 'BTC.*', '*'], take);
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 1, null), eventAt('BTC.trade', 2, 1));
  expect(offsets).toEqual([1, 2]);
  expect(types).toEqual(['trade at 1', 'trade at 2']);
});

test('a channel is given up when the last of its subscribers leaves', async () => {
  const { client, net, connect, after, offsets, take } = world();
  const first = client.subscribe('BTC.trade', take);
  const second = client.subscribe('BTC.trade');
  await connect();
  net.last.acknowledge();
  first.unsubscribe();
  await after();
  expect(net.last.said).toHaveLength(1);
  second.unsubscribe();
  await after();
  expect(net.last.said[1]).toMatchObject({
    type: 'unsubscribe',
    data: { channels: ['BTC.trade'] },
  });
  net.last.tell(eventAt('BTC.trade', 1, null));
  expect(offsets).toEqual([]);
});

test('leaving and coming back in one go says nothing to the server', async () => {
  const { client, net, connect, after, offsets, take } = world();
  const first = client.subscribe('BTC.trade');
  await connect();
  net.last.acknowledge();
  first.unsubscribe();
  client.subscribe('BTC.trade', take);
  await after();
  expect(net.last.said).toHaveLength(1);
  net.last.tell(eventAt('BTC.trade', 1, null));
  expect(offsets).toEqual([1]);
});

test('it returns with its positions, and takes nothing twice', async () => {
  const { client, net, connect, after, offsets, take, told } = world();
  client.subscribe(['BTC.trade', '*.social'], take);
  await connect();
  net.last.acknowledge();
  const ts = Date.now();
  net.last.tell(eventAt('BTC.trade', 7, null), eventAt('ETH.social', 3, null));
  await after(1_000);
  net.last.end();
  await after(1_000);
  net.last.accept();
  await after();
  const { since } = net.last.said[0]!.data!;
  expect(since).toEqual({
    'BTC.trade': { epoch: 'e1', offset: 7 },
    '*.social': { epoch: 'e1', ts, offsets: { 'ETH.social': 3 } },
  });
  net.last.acknowledge({
    recovered: {
      'BTC.trade': { complete: true, from: 7, to: 9 },
      '*.social': { complete: true, from: ts, to: ts },
    },
  });
  net.last.tell(eventAt('BTC.trade', 7, null), eventAt('BTC.trade', 9, 7));
  net.last.tell(eventAt('ETH.social', 3, null), eventAt('ETH.social', 4, 3));
  expect(offsets).toEqual([7, 3, 9, 4]);
  expect(client.stats.duplicates).toBe(2);
  expect(told).toEqual([]);
});

test('a hole is filled before what comes behind it', async () => {
  const { client, net, connect, after, offsets, take, told } = world();
  client.subscribe('*.trade', take);
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 1, null), eventAt('BTC.trade', 4, 3));
  await after();
  expect(net.last.said[1]).toMatchObject({
    type: 'subscribe',
    data: { channels: ['BTC.trade'], since: { 'BTC.trade': { epoch: 'e1', offset: 1 } } },
  });
  net.last.tell(eventAt('BTC.trade', 5, 4));
  net.last.acknowledge({ recovered: { 'BTC.trade': { complete: true, from: 1, to: 5 } } });
  net.last.tell(...[3, 4, 5].map((n) => eventAt('BTC.trade', n, n === 3 ? 1 : n - 1)));
  expect(offsets).toEqual([1, 3, 4, 5]);
  await after();
  // It was asked for by its own name for this only.
  expect(net.last.said[2]).toMatchObject({
    type: 'unsubscribe',
    data: { channels: ['BTC.trade'] },
  });
  expect([told, client.stats.recovered]).toEqual([[], 1]);
});

test('a hole that cannot be filled is a gap, and the stream goes on behind it', async () => {
  const { client, net, connect, after, offsets, take, told } = world();
  client.subscribe('BTC.trade', take);
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 1, null), eventAt('BTC.trade', 4, null));
  await after();
  net.last.acknowledge({ recovered: { 'BTC.trade': { complete: false, from: 1, to: 4 } } });
  net.last.tell(eventAt('BTC.trade', 4, null), eventAt('BTC.trade', 5, 4));
  expect(offsets).toEqual([1, 4, 5]);
  expect(told).toEqual([
    ['gap', { channel: 'BTC.trade', reason: 'broken', after: 1, before: undefined }],
  ]);
});

test('what the server says it skipped is no gap', async () => {
  const { client, net, connect, after, offsets, take, told } = world();
  client.subscribe('BTC.*', take);
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.analytics', 1, null));
  net.last.tell({ type: 'throttle_update', level: 1, rate_percent: 75, message: 'slow' });
  net.last.tell({ type: 'skipped', channels: { 'BTC.analytics': 3 } });
  net.last.tell(eventAt('BTC.analytics', 2, 1), eventAt('BTC.analytics', 6, 5));
  await after();
  expect(offsets).toEqual([1, 2, 6]);
  expect(net.last.said).toHaveLength(1);
  expect(told).toEqual([
    ['throttle', { level: 1, ratePercent: 75, message: 'slow' }],
    ['skipped', { 'BTC.analytics': 3 }],
  ]);
  expect(client.throttle.level).toBe(1);
  net.last.end();
  expect(client.throttle.level).toBe(0);
});

test('another epoch is a gap, and what follows is taken anew', async () => {
  const { client, net, connect, after, offsets, take, told } = world();
  client.subscribe('BTC.trade', take);
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 900, null));
  net.last.end();
  await after(1_000);
  net.last.accept({ epoch: 'e2' });
  await after();
  expect(net.last.said[0]!.data!.since).toEqual({ 'BTC.trade': { epoch: 'e1', offset: 900 } });
  net.last.acknowledge({ recovered: { 'BTC.trade': { complete: false, from: 900, to: 900 } } });
  net.last.tell(eventAt('BTC.trade', 3, null));
  expect(offsets).toEqual([900, 3]);
  expect(told).toEqual([
    ['gap', { channel: 'BTC.trade', reason: 'epoch', after: 900, before: undefined }],
  ]);
  expect(client.subscribe('BTC.trade').positions).toEqual({
    'BTC.trade': { epoch: 'e2', offset: 3 },
  });
});

test('an application goes on where it was by the positions that it kept', async () => {
  const { client, net, connect, offsets, take, told } = world();
  const since = { 'BTC.trade': { epoch: 'e1', offset: 7 } };
  client.subscribe('BTC.trade', take, { since });
  await connect();
  expect(net.last.said[0]!.data!.since).toEqual(since);
  net.last.acknowledge({ recovered: { 'BTC.trade': { complete: true, from: 7, to: 8 } } });
  net.last.tell(eventAt('BTC.trade', 7, 6), eventAt('BTC.trade', 8, 7));
  expect([offsets, told]).toEqual([[8], []]);
});

test('a late subscriber gets the newest event that is known here', async () => {
  const { client, net, connect, after, offsets, take } = world();
  client.subscribe('BTC.trade');
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 7, null));
  client.subscribe('BTC.trade', take, { snapshot: true });
  await after();
  expect(offsets).toEqual([7]);
});

test('a quiet subscription does not age, since the server answers', async () => {
  const { client, net, connect, after } = world();
  client.subscribe('*.creation');
  await connect();
  net.last.acknowledge();
  await after(50_000);
  const now = Date.now();
  net.last.end();
  await after(1_000);
  net.last.accept();
  await after();
  expect(net.last.said[0]!.data!.since).toMatchObject({ '*.creation': { ts: now, offsets: {} } });
});

test('large requests are cut to what the server takes', async () => {
  const { client, net, connect, after } = world();
  const names = Array.from({ length: 150 }, (_, n) => `${'T'.repeat(28)}${n}.liquidity`);
  client.subscribe(names);
  await connect({ limits: { message_bytes: 4_096 } });
  await after();
  const { said } = net.last;
  expect(said.length).toBeGreaterThan(2);
  expect(said.flatMap(({ data }) => data!.channels)).toEqual(names);
  for (const message of said) expect(JSON.stringify(message).length).toBeLessThan(4_096);
});

test('when the server ignores messages for their number, they are said again, later', async () => {
  const { client, net, connect, after, told } = world();
  const { ready } = client.subscribe('BTC.trade');
  await connect();
  net.last.tell({ type: 'error', code: 'RATE_LIMIT_EXCEEDED', message: 'too many' });
  await after(1_000);
  expect(net.last.said).toHaveLength(1);
  await after(3_000);
  expect(net.last.said).toHaveLength(2);
  net.last.acknowledge();
  await expect(ready).resolves.toMatchObject({ subscribed: ['BTC.trade'] });
  expect(told).toEqual([['error', expect.objectContaining({ code: 'RATE_LIMIT_EXCEEDED' })]]);
});

test('a mistake in one handler keeps nothing from the others', async () => {
  const { client, net, connect, offsets, take, told } = world();
  client.subscribe('BTC.trade', () => {
    throw new Error('mine');
  });
  client.subscribe('BTC.trade', take);
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 1, null));
  expect(offsets).toEqual([1]);
  expect(told).toEqual([['error', expect.objectContaining({ code: 'HANDLER_FAILED' })]]);
});

test('a loop ends with its subscription, after what came before', async () => {
  const { client, net, connect } = world({ maxBuffered: 2 });
  const subscription = client.subscribe('BTC.trade');
  await connect();
  net.last.acknowledge();
  net.last.tell(...[1, 2, 3, 4].map((n) => eventAt('BTC.trade', n, n === 1 ? null : n - 1)));
  client.close();
  const got: unknown[] = [];
  for await (const event of subscription)
    got.push(event.type === 'DROPPED' ? event.channels : event.offset);
  expect(got).toEqual([{ 'BTC.trade': 2 }, 3, 4]);
});

test('closing is final: nothing is delivered or tried any more', async () => {
  const { client, net, connect, after, offsets, take, states } = world();
  const subscription = client.subscribe('BTC.trade', take);
  await connect();
  client.close();
  expect(net.last.closedWith).toBe(1000);
  net.last.tell(eventAt('BTC.trade', 1, null));
  net.last.end();
  await after(60_000);
  expect([states.at(-1), net.sockets.length, offsets]).toEqual(['closed', 1, []]);
  await expect(subscription.ready).resolves.toMatchObject({
    rejected: [{ channel: 'BTC.trade', code: 'CLOSED' }],
  });
  expect(() => client.connect()).toThrow('closed');
});
