/** Sections of the status report: channels, slow clients, partitions, the machine; in both modes. */
import { expect, test } from 'vitest';
import type { StatusReport } from '../src/protocol/status-report.ts';
import { TestClient } from './support/client.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';

const filler = 'x'.repeat(1_000);

async function statusOf(server: TestServer, query = ''): Promise<StatusReport> {
  const response = await fetch(`${server.http}/api/status${query}`);
  expect(response.status).toBe(200);
  return (await response.json()) as StatusReport;
}

const modes = [
  ['single', { mode: 'single' }],
  ['multi', { mode: 'multi', shards: { count: 2 } }],
] as const;

test.each(modes)(
  'mode %s lists the busiest channels with all their subscribers',
  async (_, mode) => {
    await using server = await startTestServer(mode);
    await using clients = new AsyncDisposableStack();
    // On every shard there is somebody.
    const wishes = ['BTC.trade', 'BTC.*', '*.trade', '*', 'ETH.trade', 'ETH.trade'];
    for (const wish of wishes) {
      const client = clients.use(await TestClient.open(server.url));
      await client.subscribe(wish);
    }
    await server.publish(record('ETH'), ...Array.from({ length: 30 }, () => record('BTC')));
    const all = clients.use(await TestClient.open(server.url));
    await all.subscribe('BTC.trade', 'BTC.*');
    const {
      channels,
      clients: slow,
      partitions,
      machine,
    } = await statusOf(server, '?sections=channels,machine');
    expect(channels?.rows.map(({ channel, subscribers }) => [channel, subscribers])).toEqual([
      // One client has two subscriptions that match, and counts once.
      ['BTC.trade', 5],
      ['ETH.trade', 4],
    ]);
    const [busiest, other] = channels!.rows;
    expect(busiest!.events_per_s / other!.events_per_s).toBeCloseTo(30, 0);
    expect(channels).toMatchObject({ left_out: 0, window_s: expect.any(Number) });
    expect([slow, partitions]).toEqual([undefined, undefined]);
    expect(machine!.cpus).toBeGreaterThan(0);
    expect(machine!.memory_free_bytes).toBeLessThan(machine!.memory_bytes);
  },
);

test.each(modes)('mode %s counts no channel for what it read back', async (_, mode) => {
  await using server = await startTestServer(mode);
  await server.publish(...Array.from({ length: 30 }, () => record('BTC')));
  await server.restart();
  await using client = await TestClient.open(server.url);
  await client.subscribe('*');
  const started = await statusOf(server, '?sections=channels');
  expect(started.history.events).toBe(30);
  expect(started.channels).toMatchObject({ rows: [], left_out: 0 });
  await server.publish(record('ETH'));
  await client.events(1);
  const { channels } = await statusOf(server, '?sections=channels');
  expect(channels!.rows.map(({ channel }) => channel)).toEqual(['ETH.trade']);
});

test.each(modes)('mode %s lists a client that lags, and how far', async (_, mode) => {
  const settings = { ...mode, maxBufferedBytes: '16KiB', historyBytes: '64MiB' };
  await using server = await startTestServer(settings);
  await using slow = await TestClient.open(server.url);
  await using quick = await TestClient.open(server.url);
  await slow.subscribe('BTC.trade', 'ETH.trade');
  await quick.subscribe('*');
  expect((await statusOf(server, '?sections=clients')).clients).toEqual({ rows: [], left_out: 0 });
  slow.socket.pause();
  let published = 0;
  while ((await statusOf(server)).connections.behind === 0) {
    expect(published).toBeLessThan(100_000);
    await server.publish(
      ...Array.from({ length: 400 }, () => record('BTC', 'TRADE_EXECUTED', { filler })),
    );
    published += 400;
    await quick.events(published);
  }
  await server.publish(record('BTC', 'TRADE_EXECUTED', { filler }));
  await quick.events(published + 1);
  const { clients } = await statusOf(server, '?sections=clients');
  const [welcome] = slow.messages;
  expect(clients).toMatchObject({
    left_out: 0,
    rows: [
      {
        client: welcome!['client_id'],
        user: null,
        address: '127.0.0.1',
        subscriptions: 2,
        behind: true,
      },
    ],
  });
  const [row] = clients!.rows;
  expect(row!.lag_events).toBeGreaterThan(0);
  expect(row!.buffered_bytes).toBeGreaterThan(16 * 1024);
  slow.socket.resume();
  await slow.events(published + 1);
});

test('partitions are where this node reads, and unknown sections are named', async () => {
  await using server = await startTestServer({ mode: 'single' });
  await using client = await TestClient.open(server.url);
  await client.subscribe('*');
  await server.publish(record('BTC'), record('BTC'), record('BTC', 'LIQUIDITY_ADDED'));
  await client.events(3);
  const { partitions } = await statusOf(server, '?sections=partitions');
  const rows = partitions!.rows.toSorted((a, b) => (a.topic < b.topic ? -1 : 1));
  expect(rows).toEqual([
    { topic: 'odin.liquidity', partition: 0, next: 1, high: 1, lag_records: 0 },
    { topic: 'odin.trades', partition: 0, next: 2, high: 2, lag_records: 0 },
  ]);
  const refused = await fetch(`${server.http}/api/status?sections=channels,rows`);
  expect(refused.status).toBe(400);
  expect(await refused.json()).toMatchObject({
    error: 'no section "rows": there are channels, clients, partitions, machine',
  });
});
