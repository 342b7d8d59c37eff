/** Clients that return: missed events first, then live, none twice; what is gone is said. */
import { expect, test } from 'vitest';
import { TestClient } from './support/client.ts';
import { record, startTestServer } from './support/start-server.ts';

const trade = (n: number, key = 'BTC') => record(key, 'TRADE_EXECUTED', { n });
const numbers = (client: TestClient) =>
  client.received.map((event) => (event['data'] as { n: number }).n);
const upTo = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const epochOf = (client: TestClient) => client.messages[0]!['epoch'] as string;

test('a client that returns gets what it missed, then live events, in order and once', async () => {
  await using server = await startTestServer();
  let epoch = '';
  let last = 0;
  {
    await using before = await TestClient.open(server.url);
    epoch = epochOf(before);
    await before.subscribe('BTC.trade');
    await server.publish(...upTo(0, 5).map((n) => trade(n)));
    last = (await before.events(5)).at(-1)!['offset'] as number;
  }
  await server.publish(...upTo(5, 20).map((n) => trade(n)), trade(99, 'ETH'));
  await using client = await TestClient.open(server.url);
  client.say({
    type: 'subscribe',
    data: { channels: ['BTC.trade'], since: { 'BTC.trade': { epoch, offset: last } } },
  });
  await server.publish(...upTo(20, 30).map((n) => trade(n)));
  await client.events(25);
  expect(numbers(client)).toEqual(upTo(5, 30));
  const ack = client.messages.findIndex((message) => message['type'] === 'subscription_ack');
  expect(client.messages[ack]).toMatchObject({
    recovered: { 'BTC.trade': { complete: true, from: last } },
  });
  expect(client.messages.findIndex((message) => message['offset'] !== undefined)).toBeGreaterThan(
    ack,
  );
  const offsets = client.received.map((event) => event['offset']);
  expect(client.received.map((event) => event['prev'])).toEqual([last, ...offsets.slice(0, -1)]);
});

test('what the history no longer holds is read from the broker', async () => {
  await using server = await startTestServer({ historyBytes: '64KiB' });
  await using witness = await TestClient.open(server.url);
  await witness.subscribe('BTC.trade');
  const filler = 'x'.repeat(1_000);
  await server.publish(
    trade(0),
    ...upTo(1, 300).map((n) => record('BTC', 'TRADE_EXECUTED', { n, filler })),
  );
  await witness.events(300);
  await using client = await TestClient.open(server.url);
  client.say({ type: 'subscribe', data: { channels: ['BTC.trade'], since: { 'BTC.trade': 0 } } });
  await client.events(299);
  await server.publish(trade(300));
  await client.events(300);
  expect(numbers(client)).toEqual(upTo(1, 301));
  expect(client.received.map((event) => event['prev'])).toEqual(
    witness.received.slice(0, 300).map((event) => event['offset']),
  );
  expect(await client.next('subscription_ack')).toMatchObject({
    recovered: { 'BTC.trade': { complete: true, from: 0 } },
  });
});

test('what the broker no longer holds either is said, and the newest event comes', async () => {
  await using server = await startTestServer(
    { historyBytes: '64KiB' },
    { embedded: { maxBytes: '64KiB' } },
  );
  await using witness = await TestClient.open(server.url);
  await witness.subscribe('BTC.trade');
  const filler = 'x'.repeat(1_000);
  for (let n = 0; n < 200; n++) {
    await server.publish(record('BTC', 'TRADE_EXECUTED', { n, filler }));
    await witness.events(n + 1);
  }
  await using client = await TestClient.open(server.url);
  client.say({ type: 'subscribe', data: { channels: ['BTC.trade'], since: { 'BTC.trade': 3 } } });
  const ack = await client.next('subscription_ack');
  expect(ack).toMatchObject({ recovered: { 'BTC.trade': { complete: false, from: 3 } } });
  await client.until(() => numbers(client).at(-1) === 199);
  expect(numbers(client)).toEqual(upTo(numbers(client)[0]!, 200));
});

test.each([
  ['another epoch', { epoch: 'other', offset: 2 }],
  ['an offset beyond the end of the log', 1_000_000],
])('%s is never a silent restart', async (_name, position) => {
  await using server = await startTestServer();
  await using witness = await TestClient.open(server.url);
  await witness.subscribe('BTC.trade');
  await server.publish(...upTo(0, 5).map((n) => trade(n)));
  await witness.events(5);
  await using client = await TestClient.open(server.url);
  client.say({
    type: 'subscribe',
    data: { channels: ['BTC.trade'], since: { 'BTC.trade': position } },
  });
  expect(await client.next('subscription_ack')).toMatchObject({
    recovered: { 'BTC.trade': { complete: false } },
  });
  await server.publish(trade(5));
  await client.events(2);
  expect(numbers(client)).toEqual([4, 5]);
});

test('a wildcard resumes by time and by the offsets that were seen', async () => {
  await using server = await startTestServer();
  await using before = await TestClient.open(server.url);
  await before.subscribe('*.trade');
  await server.publish(trade(0, 'BTC'), trade(1, 'ETH'), trade(2, 'BTC'));
  const seen = await before.events(3);
  const offsets = Object.fromEntries(seen.map((event) => [event['channel'], event['offset']]));
  await server.publish(trade(3, 'SOL'), trade(4, 'ETH'));
  await before.events(5);
  await using client = await TestClient.open(server.url);
  const position = { epoch: epochOf(before), ts: seen.at(-1)!['ts'], offsets };
  client.say({
    type: 'subscribe',
    data: { channels: ['*.trade'], since: { '*.trade': position } },
  });
  await client.events(2);
  await server.publish(trade(5, 'DOGE'));
  await client.events(3);
  expect(numbers(client)).toEqual([3, 4, 5]);
  expect(await client.next('subscription_ack')).toMatchObject({
    recovered: { '*.trade': { complete: true } },
  });
});

test('snapshot: the newest event of each new channel comes first', async () => {
  await using server = await startTestServer();
  await using witness = await TestClient.open(server.url);
  await witness.subscribe('*');
  await server.publish(
    trade(0),
    trade(1),
    trade(2, 'ETH'),
    record('BTC', 'PRICE_DELTA_UPDATED', { n: 3 }),
  );
  await witness.events(4);
  await using client = await TestClient.open(server.url);
  client.say({ type: 'subscribe', data: { channels: ['BTC.*', 'SOL.trade'], snapshot: true } });
  await client.next('subscription_ack');
  await server.publish(trade(4));
  await client.events(3);
  expect(numbers(client)).toEqual([1, 3, 4]);
});

test('reconnect of the replaced system works, for v1 too, and names what is wrong', async () => {
  await using server = await startTestServer();
  await using witness = await TestClient.open(server.url);
  await witness.subscribe('BTC.trade');
  await server.publish(...upTo(0, 4).map((n) => trade(n)));
  await witness.events(4);
  await using client = await TestClient.open(server.url, 'v1');
  client.say({ type: 'reconnect', data: { client_id: 'me', last_offset: { 'BTC.trade': 1 } } });
  expect(await client.next('reconnect_ack')).toMatchObject({
    status: 'completed',
    messages_replayed: 2,
  });
  await server.publish(trade(4));
  await client.events(3);
  expect(numbers(client)).toEqual([2, 3, 4]);
  expect(client.received.map((event) => event['seq'])).toEqual([1, 2, 3]);
  client.say({ type: 'reconnect', data: {} });
  expect(await client.next('reconnect_error')).toMatchObject({ code: 'BAD_MESSAGE' });
});

test('replay gives a v1 client its last messages again, with their numbers', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url, 'v1');
  await client.subscribe('BTC.trade');
  await server.publish(...upTo(0, 150).map((n) => trade(n)));
  await client.events(150);
  client.say({ type: 'replay', data: { from_seq: 148, to_seq: 149 } });
  expect(await client.next('replay_ack')).toEqual({
    type: 'replay_ack',
    from_seq: 148,
    to_seq: 149,
    complete: true,
  });
  expect(client.received.slice(150).map((event) => event['seq'])).toEqual([148, 149]);
  expect(client.received.slice(150)).toEqual(client.received.slice(147, 149));
  const from = client.messages.length;
  client.say({ type: 'replay', data: { from: 10, to: 60 } });
  expect(await client.next('replay_ack', from)).toMatchObject({ complete: false });
  client.say({ type: 'replay', data: { from: 5 } });
  expect(await client.next('error')).toMatchObject({ code: 'BAD_MESSAGE' });
});

test('messages that follow a resuming subscribe are answered after it, in order', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await server.publish(trade(0));
  client.say({
    type: 'subscribe',
    id: 1,
    data: { channels: ['NEW.trade'], since: { 'NEW.trade': 3 } },
  });
  client.say({ type: 'heartbeat', id: 2 });
  client.say({ type: 'unsubscribe', id: 3, data: { channels: ['NEW.trade'] } });
  await client.next('unsubscription_ack');
  expect(client.messages.map((message) => message['id']).filter(Boolean)).toEqual([1, 2, 3]);
});

test.each([{ maxMessages: 30 }, { maxBytes: '8KiB' }])(
  'beyond %j a returning client is told so, and gets the newest within it',
  async (recovery) => {
    await using server = await startTestServer({ historyBytes: '64KiB', recovery });
    await using witness = await TestClient.open(server.url);
    await witness.subscribe('BTC.trade');
    const filler = 'x'.repeat(300);
    await server.publish(
      ...upTo(0, 400).map((n) => record('BTC', 'TRADE_EXECUTED', { n, filler })),
    );
    await witness.events(400);
    for (const offset of [300, 0]) {
      await using client = await TestClient.open(server.url);
      const since = { 'BTC.trade': offset };
      client.say({ type: 'subscribe', data: { channels: ['BTC.trade'], since } });
      const ack = await client.next('subscription_ack');
      expect(ack).toMatchObject({ recovered: { 'BTC.trade': { complete: false } } });
      await client.until(() => numbers(client).at(-1) === 399);
      expect(numbers(client)).toEqual(upTo(numbers(client)[0]!, 400));
      expect(numbers(client).length).toBeLessThanOrEqual(30);
      expect(numbers(client).length).toBeGreaterThan(10);
    }
  },
);

test('a client that asks for more than can be had costs another nothing', async () => {
  await using server = await startTestServer({
    historyBytes: '64KiB',
    recovery: { maxMessages: 30 },
  });
  await using witness = await TestClient.open(server.url);
  await witness.subscribe('ETH.trade');
  const filler = 'x'.repeat(500);
  const key = (n: number) => (n % 100 === 50 ? 'ETH' : 'BTC');
  await server.publish(...upTo(0, 600).map((n) => record(key(n), 'TRADE_EXECUTED', { n, filler })));
  const eth = (await witness.events(6)).map((event) => event['offset'] as number);
  await using greedy = await TestClient.open(server.url);
  await using modest = await TestClient.open(server.url);
  greedy.say({ type: 'subscribe', data: { channels: ['BTC.trade'], since: { 'BTC.trade': 0 } } });
  modest.say({
    type: 'subscribe',
    data: { channels: ['ETH.trade'], since: { 'ETH.trade': eth[3] } },
  });
  const [greedyAck, modestAck] = await Promise.all([
    greedy.next('subscription_ack'),
    modest.next('subscription_ack'),
  ]);
  expect(greedyAck).toMatchObject({ recovered: { 'BTC.trade': { complete: false } } });
  expect(modestAck).toMatchObject({ recovered: { 'ETH.trade': { complete: true } } });
  expect((await modest.events(2)).map((event) => event['offset'])).toEqual(eth.slice(4));
});

test('a lagging client that resumes a channel it holds gets nothing twice', async () => {
  await using server = await startTestServer({
    maxBufferedBytes: '16KiB',
    historyBytes: '64MiB',
    throttle: { strategy: 'none' },
  });
  await using client = await TestClient.open(server.url);
  await using quick = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  await quick.subscribe('BTC.trade');
  client.socket.pause();
  const filler = 'x'.repeat(1_000);
  for (let n = 0; n < 8_000; n += 500) {
    await server.publish(
      ...upTo(n, n + 500).map((i) => record('BTC', 'TRADE_EXECUTED', { n: i, filler })),
    );
    await quick.events(n + 500);
  }
  await expect.poll(() => server.metric('ws_connections_behind')).toBe(1);
  client.say({
    type: 'subscribe',
    data: { channels: ['BTC.trade'], since: { 'BTC.trade': 7_990 } },
  });
  // Read sooner, it might have been served beyond the position that it claims.
  const resumed = () => server.metric('odin_recoveries_total{result="complete"}');
  await expect.poll(resumed).toBe(1);
  client.socket.resume();
  await client.next('subscription_ack', 1);
  await client.until(() => numbers(client).at(-1) === 7_999);
  expect(numbers(client).length).toBe(new Set(numbers(client)).size);
});
