/** The server on real sockets: both protocols, all channel forms, bad input. */
import { expect, test } from 'vitest';
import { TestClient } from './support/client.ts';
import { record, startTestServer } from './support/start-server.ts';

test('a v2 client is welcomed, subscribes and gets its events in order with positions', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  expect(client.messages[0]).toMatchObject({
    type: 'welcome',
    protocol: 'odin.v2',
    node: 'test-node',
  });
  const ack = await client.subscribe('BTC.trade', 'odin.token.ETH.favorites', 'nonsense');
  expect(ack).toEqual({
    type: 'subscription_ack',
    subscribed: ['BTC.trade', 'ETH.community'],
    count: 2,
    rejected: [{ channel: 'nonsense', code: 'INVALID_CHANNEL' }],
  });
  await server.publish(
    record('BTC', 'TRADE_EXECUTED', { n: 1 }),
    record('SOL', 'TRADE_EXECUTED', { n: 2 }),
    record('ETH', 'FAVORITE_TOGGLED', { n: 3 }),
    record('BTC', 'BUY_COMPLETED', { n: 4 }),
  );
  const [first, second, third] = await client.events(3);
  expect(first).toMatchObject({
    channel: 'BTC.trade',
    type: 'TRADE_EXECUTED',
    priority: 'CRITICAL',
    prev: null,
    data: { n: 1 },
  });
  expect(second).toMatchObject({ channel: 'ETH.community', priority: 'LOW', data: { n: 3 } });
  expect(third).toMatchObject({ channel: 'BTC.trade', prev: first!['offset'], data: { n: 4 } });
  expect(first).not.toHaveProperty('seq');
});

test('a v1 client gets one numbered event per message and no welcome', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url, 'v1');
  const frames: string[] = [];
  client.socket.on('message', (data) => frames.push(data.toString()));
  await client.subscribe('*');
  await server.publish(record('BTC'), record('ETH'), record('SOL'));
  const events = await client.events(3);
  expect(events.map((event) => event['seq'])).toEqual([1, 2, 3]);
  expect(client.messages[0]).toMatchObject({ type: 'subscription_ack' });
  expect(frames.every((frame) => !frame.includes('\n'))).toBe(true);
});

test.each([
  [['BTC.*'], ['BTC.trade', 'BTC.analytics']],
  [['*.trade'], ['BTC.trade', 'ETH.trade']],
  [['*'], ['BTC.trade', 'ETH.trade', 'BTC.analytics']],
  [
    ['*', 'BTC.trade', 'BTC.*'],
    ['BTC.trade', 'ETH.trade', 'BTC.analytics'],
  ],
])('subscription %j receives each matching event once', async (channels, expected) => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe(...channels);
  await server.publish(
    record('BTC'),
    record('ETH'),
    record('BTC', 'PRICE_DELTA_UPDATED'),
    record('END', 'TOKEN_CREATED'),
  );
  await using witness = await TestClient.open(server.url);
  await witness.subscribe('BTC.metadata');
  await client.subscribe('BTC.metadata');
  await server.publish(record('BTC', 'METADATA_UPDATED'));
  await client.until(() => client.received.at(-1)?.['channel'] === 'BTC.metadata');
  const got = client.received
    .map((event) => event['channel'])
    .filter((name) => name !== 'END.creation');
  expect(got).toEqual([...expected, 'BTC.metadata']);
});

test('a bundle subscribes to its categories for each token; unsubscribe takes channels back', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  client.say({ type: 'subscribe', id: 7, data: { bundle: 'PRICE_ONLY', tokens: ['BTC', 'ETH'] } });
  const ack = await client.next('subscription_ack');
  expect(ack).toMatchObject({ id: 7, count: 4 });
  expect(ack['subscribed']).toEqual(['BTC.trade', 'BTC.analytics', 'ETH.trade', 'ETH.analytics']);
  client.say({ type: 'unsubscribe', channels: ['BTC.trade', 'SOL.trade'] });
  expect(await client.next('unsubscription_ack')).toEqual({
    type: 'unsubscription_ack',
    unsubscribed: ['BTC.trade'],
    count: 3,
  });
  await server.publish(record('BTC'), record('ETH'));
  expect((await client.events(1)).map((event) => event['channel'])).toEqual(['ETH.trade']);
});

test('subscriptions beyond the limit are rejected one by one', async () => {
  await using server = await startTestServer({ maxSubscriptions: 2 });
  await using client = await TestClient.open(server.url);
  const ack = await client.subscribe('A.trade', 'B.trade', 'C.trade');
  expect(ack).toMatchObject({
    count: 2,
    rejected: [{ channel: 'C.trade', code: 'SUBSCRIPTION_LIMIT' }],
  });
});

test.each([
  ['not json', 'BAD_JSON'],
  ['[1]', 'BAD_MESSAGE'],
  ['{"data":{}}', 'BAD_MESSAGE'],
  ['{"type":"subscribe","data":{"channels":"BTC.trade"}}', 'BAD_MESSAGE'],
  ['{"type":"subscribe","data":{"bundle":"NOPE","tokens":["BTC"]}}', 'BAD_MESSAGE'],
  ['{"type":"dance"}', 'UNKNOWN_TYPE'],
])('%s is answered with %s and the connection stays', async (text, code) => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  client.say(text);
  expect(await client.next('error')).toMatchObject({ code });
  client.say({ type: 'heartbeat', id: 'x' });
  expect(await client.next('pong')).toMatchObject({ id: 'x', ts: expect.any(Number) });
});

test('binary messages are answered with an error, fragmented text is put together', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  client.socket.send(Buffer.from([1, 2, 3]));
  expect(await client.next('error')).toMatchObject({ code: 'BINARY_NOT_SUPPORTED' });
  client.socket.send('{"type":"heart', { fin: false });
  client.socket.send('beat","id":1}', { fin: true });
  expect(await client.next('pong')).toMatchObject({ id: 1 });
});

test('clients that change their subscriptions under load miss and double nothing they hold', async () => {
  await using server = await startTestServer({ flushIntervalMs: '20ms' });
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  let published = 0;
  for (let round = 0; round < 200; round++) {
    const batch = [record('BTC', 'TRADE_EXECUTED', { n: published++ }), record('ETH')];
    const sent = server.publish(...batch);
    client.say({
      type: round % 2 === 0 ? 'subscribe' : 'unsubscribe',
      channels: ['ETH.trade', `T${round}.trade`],
    });
    await sent;
    if (round % 10 === 0)
      await client.next('subscription_ack', client.messages.length - 1).catch(() => {});
  }
  await client.until(
    () => client.received.filter((event) => event['channel'] === 'BTC.trade').length >= published,
  );
  const numbers = client.received
    .filter((event) => event['channel'] === 'BTC.trade')
    .map((event) => (event['data'] as { n: number }).n);
  expect(numbers).toEqual(Array.from({ length: published }, (_, n) => n));
});

test.each([
  [
    'channels that are no text',
    '{"type":"subscribe","channels":[{"toString":1},7,null,["x"]]}',
    'subscription_ack',
  ],
  [
    'deep nesting',
    `{"type":"subscribe","channels":[${'['.repeat(7_000)}${']'.repeat(7_000)}]}`,
    'subscription_ack',
  ],
  ['channels that are one text', '{"type":"subscribe","data":{"channels":"BTC.trade"}}', 'error'],
])('%s from a client harm nobody', async (_name, text, reply) => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  client.say(text);
  const answer = await client.next(reply);
  if (reply === 'error') expect(answer['message']).toContain('must be a list');
  else
    expect(
      (answer['rejected'] as { code: string }[]).every(({ code }) => code === 'INVALID_CHANNEL'),
    ).toBe(true);
  expect((await server.health())['status']).toBe('healthy');
});

test('a record that cannot be written again costs none of its neighbours', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  const deep = `{"type":"TRADE_EXECUTED","timestamp":1,"data":{"x":${'['.repeat(6_000)}${']'.repeat(6_000)}}}`;
  await server.publish(
    record('BTC', 'TRADE_EXECUTED', { n: 1 }),
    { ...record('BTC'), value: deep },
    record('BTC', 'TRADE_EXECUTED', { n: 2 }),
  );
  expect((await client.events(2)).map((event) => event['data'])).toEqual([{ n: 1 }, { n: 2 }]);
  await expect.poll(() => server.metric('odin_records_skipped_total{reason="malformed"}')).toBe(1);
});

test('an event comes although none follows it, also after records that are none', async () => {
  await using server = await startTestServer({ flushIntervalMs: '2s' });
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  const event = (n: number) => record('BTC', 'TRADE_EXECUTED', { n });
  await server.publish(...Array.from({ length: 60 }, () => ({ ...event(0), value: 'no event' })));
  await server.publish(event(1));
  await client.events(1);
  // Right behind a flush, where it may have to wait for the next.
  await server.publish(event(2));
  await server.publish(event(3));
  expect((await client.events(3)).map(({ data }) => (data as { n: number }).n)).toEqual([1, 2, 3]);
});
