/** Tests of odin-client.ts: what is asked for, and who is told of what comes. */
import { expect, test } from 'vitest';
import { eventAt } from '../../test/support/fake-web-socket.ts';
import { subscribingClient, withFakeClock } from '../../test/support/sdk-world.ts';

withFakeClock();

test('subscriptions made in one go are asked for in one message, each channel once', async () => {
  const { client, net, connect } = subscribingClient();
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
  const { client, net, connect } = subscribingClient();
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
  const { client, net, connect, offsets, take } = subscribingClient();
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
  const { client, net, connect, after, offsets, take } = subscribingClient();
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
  const { client, net, connect, after, offsets, take } = subscribingClient();
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

test('a late subscriber gets the newest event that is known here', async () => {
  const { client, net, connect, after, offsets, take } = subscribingClient();
  client.subscribe('BTC.trade');
  await connect();
  net.last.acknowledge();
  net.last.tell(eventAt('BTC.trade', 7, null));
  client.subscribe('BTC.trade', take, { snapshot: true });
  await after();
  expect(offsets).toEqual([7]);
});

test('a quiet subscription does not age, since the server answers', async () => {
  const { client, net, connect, after } = subscribingClient();
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
  const { client, net, connect, after } = subscribingClient();
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
  const { client, net, connect, after, told } = subscribingClient();
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
  const { client, net, connect, offsets, take, told } = subscribingClient();
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
  const { client, net, connect } = subscribingClient({ maxBuffered: 2 });
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
  const { client, net, connect, after, offsets, take, states } = subscribingClient();
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
