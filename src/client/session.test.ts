/** Tests of session.ts through a client: positions, returns with them, and holes between events. */
import { expect, test } from 'vitest';
import { eventAt } from '../../test/support/fake-web-socket.ts';
import { subscribingClient, withFakeClock } from '../../test/support/sdk-world.ts';

withFakeClock();

test('it returns with its positions, and takes nothing twice', async () => {
  const { client, net, connect, after, offsets, take, told } = subscribingClient();
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
  const { client, net, connect, after, offsets, take, told } = subscribingClient();
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
  const { client, net, connect, after, offsets, take, told } = subscribingClient();
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
  const { client, net, connect, after, offsets, take, told } = subscribingClient();
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
  const { client, net, connect, after, offsets, take, told } = subscribingClient();
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
  const { client, net, connect, offsets, take, told } = subscribingClient();
  const since = { 'BTC.trade': { epoch: 'e1', offset: 7 } };
  client.subscribe('BTC.trade', take, { since });
  await connect();
  expect(net.last.said[0]!.data!.since).toEqual(since);
  net.last.acknowledge({ recovered: { 'BTC.trade': { complete: true, from: 7, to: 8 } } });
  net.last.tell(eventAt('BTC.trade', 7, 6), eventAt('BTC.trade', 8, 7));
  expect([offsets, told]).toEqual([[8], []]);
});
