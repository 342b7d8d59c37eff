/** The server on a real NATS: every node everything, foreign records, lost ones, an outage. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { TestClient } from './support/client.ts';
import { openQuietly } from './support/kafka-inbox.ts';
import { describeNats, natsAdmin, natsUrl, ownStream, startNats } from './support/nats.ts';
import { record, startTestServer } from './support/start-server.ts';

const numbers = (client: TestClient) =>
  client.received.map((event) => (event['data'] as { n: number }).n);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const trade = (n: number, key = 'BTC') => record(key, 'TRADE_EXECUTED', { n });

/** A new stream, and what starts servers on it. */
async function prepare(url: string, settings: object = {}) {
  const nats = { ...ownStream(), streamMaxAgeMs: '5m', ...settings };
  await using broker = await openQuietly({ url, nats }, 'prepare');
  await broker.createTopics([]);
  const start = (nodeId: string, server: object = {}) =>
    startTestServer({ nodeId, ...server }, { url, nats });
  return { nats, start };
}

describeNats('on NATS', () => {
  test('two servers each deliver every event, with equal positions', async () => {
    const { start } = await prepare(natsUrl!);
    await using first = await start('node-a');
    await using second = await start('node-b');
    await using one = await TestClient.open(first.url);
    await using two = await TestClient.open(second.url);
    for (const client of [one, two]) await client.subscribe('BTC.*', 'ETH.trade', 'global.*');
    for (const n of upTo(200)) await first.publish(trade(n, n % 2 === 0 ? 'BTC' : 'ETH'));
    await second.publish(record('global.trending', 'TRENDING_UPDATED', { rank: 1, score: 2 }));
    await Promise.all([one.events(201), two.events(201)]);
    expect(numbers(one).slice(0, 200)).toEqual(upTo(200));
    expect(one.received.at(-1)).toMatchObject({ channel: 'global.trending' });
    expect(two.received).toEqual(one.received);
  });

  test('records of subjects that odin does not use are counted, logged and skipped', async () => {
    const { start, nats } = await prepare(natsUrl!);
    await using server = await start('node-a');
    await using client = await TestClient.open(server.url);
    await client.subscribe('*');
    await using admin = await natsAdmin(natsUrl!);
    for (const subject of ['token.BTC.price', 'token.batch.update', 'global.a.b']) {
      admin.connection.publish(`${nats.subjectPrefix}.${subject}`, '{}');
    }
    admin.connection.publish(`${nats.subjectPrefix}.token.BTC.trade`, 'no event');
    await admin.connection.flush();
    await server.publish(trade(0));
    await client.events(1);
    await expect
      .poll(() => server.metric('odin_records_skipped_total{reason="unknown_topic"}'))
      .toBe(3);
    await expect
      .poll(() => server.metric('odin_records_skipped_total{reason="malformed"}'))
      .toBe(1);
  });

  test('who comes back after longer than the history gets the rest from the stream', async () => {
    const { start } = await prepare(natsUrl!);
    await using server = await start('node-a', { historyMs: '1s' });
    await using client = await TestClient.open(server.url);
    await client.subscribe('BTC.trade');
    for (const n of upTo(10)) await server.publish(trade(n), trade(n, 'ETH'));
    await client.events(10);
    // Longer than the history holds.
    await sleep(1_500);
    await server.publish(trade(10));
    const [first] = await client.events(11);
    const { epoch } = (await server.health())['checks']!['broker'] as { epoch: string };
    await using back = await TestClient.open(server.url);
    const since = { 'BTC.trade': { epoch, offset: first!['offset'] } };
    back.say({ type: 'subscribe', data: { channels: ['BTC.trade'], since } });
    const ack = await back.next('subscription_ack');
    expect((ack['recovered'] as Record<string, unknown>)['BTC.trade']).toMatchObject({
      complete: true,
    });
    await back.events(10);
    expect(numbers(back)).toEqual(upTo(11).slice(1));
  });

  test('records that went before they were read are counted once, and break every channel', async () => {
    const { start, nats } = await prepare(natsUrl!);
    // Four events hold the broker for three seconds.
    await using server = await start('node-a', { guard: { maxBrokerRate: 1 } });
    await using client = await TestClient.open(server.url);
    await client.subscribe('*');
    const liquidity = record('BTC', 'LIQUIDITY_ADDED', { n: 1 });
    await server.publish(trade(0), liquidity, trade(2, 'ETH'), trade(3, 'SOL'));
    const [first, second] = await client.events(4);
    await using admin = await natsAdmin(natsUrl!);
    const { streams } = admin.manager;
    while ((await streams.info(nats.stream)).state.consumer_count > 0) await sleep(20);
    for (const n of upTo(10)) await server.publish(trade(n));
    await streams.purge(nats.stream);
    await server.publish(trade(99));
    await client.events(5);
    await expect.poll(() => server.metric('odin_positions_lost_total')).toBe(10);
    const { epoch } = (await server.health())['checks']!['broker'] as { epoch: string };
    await using back = await TestClient.open(server.url);
    const since = {
      'BTC.trade': { epoch, offset: first!['offset'] },
      'BTC.liquidity': { epoch, offset: second!['offset'] },
    };
    back.say({ type: 'subscribe', data: { channels: Object.keys(since), since } });
    const { recovered } = await back.next('subscription_ack');
    expect(recovered).toMatchObject({
      'BTC.trade': { complete: false },
      'BTC.liquidity': { complete: false },
    });
  });

  test('lost and back: the server stays up, says so, and loses nothing', async () => {
    await using nats = await startNats();
    const { start } = await prepare(nats.url);
    await using server = await start('node-a');
    await using client = await TestClient.open(server.url);
    await client.subscribe('BTC.trade');
    const ready = async () => (await fetch(`${server.http}/readyz`)).status;
    await server.publish(trade(0));
    await client.events(1);
    await nats.stop('SIGKILL');
    while ((await ready()) === 200) await sleep(20);
    expect((await server.health())['status']).toBe('degraded');
    const sends = upTo(50).map((n) => server.publish(trade(n + 1)));
    await nats.start();
    await Promise.all(sends);
    await client.until(() => client.received.length >= 51, 30_000);
    while ((await ready()) !== 200) await sleep(20);
    expect(numbers(client)).toEqual(upTo(51));
    const offsets = client.received.map((event) => event['offset']);
    expect(client.received.slice(1).map((event) => event['prev'])).toEqual(offsets.slice(0, -1));
  });

  test('a stream made anew under it makes the server say that it must be restarted', async () => {
    const { start, nats } = await prepare(natsUrl!);
    await using server = await start('node-a');
    await using admin = await natsAdmin(natsUrl!);
    const { config } = await admin.manager.streams.info(nats.stream);
    await admin.manager.streams.delete(nats.stream);
    await admin.manager.streams.add(config);
    const said = async () =>
      JSON.stringify(await (await fetch(`${server.http}/readyz`)).json()).includes('was made anew');
    while (!(await said())) await sleep(50);
  });
});
