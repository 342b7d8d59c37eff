/** The server on real sockets: both protocols, all channel forms, slow clients, bad input. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { StatusReport } from '../src/protocol/status-report.ts';
import { maskedFrameOf } from '../src/protocol/websocket-frame.ts';
import { TestClient } from './support/client.ts';
import { mode, record, servingProcesses, startTestServer } from './support/start-server.ts';

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

test('an oversized message closes with 1009, an unmasked frame with 1002', async () => {
  await using server = await startTestServer({ maxPayloadBytes: 1024 });
  await using big = await TestClient.open(server.url);
  big.say(`"${'x'.repeat(2_000)}"`);
  expect(await big.closing()).toMatchObject({ code: 1009 });
  const raw = connect(server.server.port, '127.0.0.1');
  raw.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await once(raw, 'data');
  const answers: Buffer[] = [];
  raw.on('data', (chunk) => answers.push(chunk));
  raw.write(Buffer.from([0x81, 0x02, 0x68, 0x69]));
  await once(raw, 'close');
  expect(Buffer.concat(answers).subarray(0, 4)).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xea]));
  const counted = () =>
    Promise.all(
      [
        'ws_disconnects_total{reason="messageTooBig"}',
        'ws_disconnects_total{reason="protocolError"}',
        'ws_disconnects_total{reason="client"}',
        'ws_close_codes_total{code="1009"}',
        'ws_close_codes_total{code="1002"}',
      ].map((name) => server.metric(name)),
    );
  await expect.poll(counted, { timeout: 5_000 }).toEqual([1, 1, 0, 1, 1]);
});

test('a client that stops reading is served from the history later, and loses nothing', async () => {
  await using server = await startTestServer({ maxBufferedBytes: '16KiB', historyBytes: '64MiB' });
  await using slow = await TestClient.open(server.url);
  await using quick = await TestClient.open(server.url);
  await slow.subscribe('*');
  await quick.subscribe('*');
  slow.socket.pause();
  const filler = 'x'.repeat(1_000);
  const total = 12_000;
  for (let n = 0; n < total; n += 500) {
    const batch = Array.from({ length: 500 }, (_, i) =>
      record('BTC', 'TRADE_EXECUTED', { n: n + i, filler }),
    );
    await server.publish(...batch);
    await quick.events(n + 500);
  }
  expect(await server.metric('ws_connections_behind')).toBe(1);
  slow.socket.resume();
  const events = await slow.events(total);
  expect(events.map((event) => (event['data'] as { n: number }).n)).toEqual(
    Array.from({ length: total }, (_, n) => n),
  );
  expect(await server.metric('ws_connections_behind')).toBe(0);
  await server.publish(record('BTC', 'TRADE_EXECUTED', { n: total }));
  expect((await slow.events(total + 1)).length).toBe(total + 1);
});

test('a client that lags past the history is closed with 4001', async () => {
  await using server = await startTestServer({ maxBufferedBytes: '16KiB', historyBytes: '1MiB' });
  await using slow = await TestClient.open(server.url);
  await using quick = await TestClient.open(server.url);
  await slow.subscribe('*');
  await quick.subscribe('*');
  slow.socket.pause();
  const filler = 'x'.repeat(1_000);
  // Until it is behind the history; the close frame waits for it, but not for long.
  const isClosed = async () => (await server.metric('ws_disconnects_total{reason="tooSlow"}')) > 0;
  for (let n = 0; n < 60_000 && !(await isClosed()); n += 500) {
    await server.publish(
      ...Array.from({ length: 500 }, () => record('BTC', 'TRADE_EXECUTED', { filler })),
    );
    await quick.events(n + 500);
  }
  slow.socket.resume();
  expect(await slow.closing()).toMatchObject({ code: 4001 });
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

test('connections above the limit get 503 with Retry-After before the upgrade', async () => {
  await using server = await startTestServer({ maxConnections: 1 });
  await using _first = await TestClient.open(server.url);
  const second = new WebSocket(server.url);
  const [, response] = await once(second, 'unexpected-response');
  expect(response.statusCode).toBe(503);
  expect(response.headers['retry-after']).toBe('5');
  let body = '';
  for await (const chunk of response) body += chunk;
  expect(JSON.parse(body)).toMatchObject({ code: 'AT_CAPACITY', retry_after_ms: 5_000 });
});

test('a silent client is dropped after two heartbeats, one that answers pings stays', async () => {
  await using server = await startTestServer({ heartbeatMs: '100ms' });
  await using alive = await TestClient.open(server.url);
  const dead = connect(server.server.port, '127.0.0.1');
  dead.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  dead.resume();
  await once(dead, 'close');
  expect(alive.closed).toBeUndefined();
  dead.destroy();
});

test('stopping closes clients with 1001', async () => {
  const server = await startTestServer();
  await using client = await TestClient.open(server.url);
  const closing = client.closing();
  await server[Symbol.asyncDispose]();
  expect(await closing).toMatchObject({ code: 1001 });
});

test("a masked close frame is answered and counted as the client's own", async () => {
  await using server = await startTestServer();
  const raw = connect(server.server.port, '127.0.0.1');
  raw.write(
    'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
  );
  await once(raw, 'data');
  raw.write(maskedFrameOf(Buffer.from([0x03, 0xe8]), 0x01020304, 0x8));
  await once(raw, 'close');
  await expect
    .poll(() => server.metric('ws_disconnects_total{reason="client"}'), { timeout: 5_000 })
    .toBe(1);
  expect(await server.metric('ws_close_codes_total{code="1000"}')).toBe(1);
  await using own = await TestClient.open(server.url);
  own.socket.close(4_999);
  await own.closing();
  await expect
    .poll(() => server.metric('ws_close_codes_total{code="other"}'), { timeout: 5_000 })
    .toBe(1);
});

test('/metrics shows what docs/metrics.md names, with a latency for every event', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe('*');
  await server.publish(record('BTC'), record('ETH'));
  await client.events(2);
  const text = await (await fetch(`${server.http}/metrics`)).text();
  const shown = [...text.matchAll(/^# HELP ((?:ws|odin)_\w+) /gm)].map(([, name]) => name);
  const [page = ''] = readFileSync('docs/metrics.md', 'utf8').split('## Of a load test');
  const named = [...page.matchAll(/^\| `(\w+)`/gm)].map(([, name]) => name);
  expect(shown.toSorted()).toEqual(named.toSorted());
  expect(await server.metric('odin_delivery_latency_seconds_count')).toBe(2 * servingProcesses);
  expect(await server.metric('odin_delivery_latency_seconds_bucket{le="+Inf"}')).toBe(
    2 * servingProcesses,
  );
  expect(await server.metric('odin_delivery_latency_seconds_bucket{le="30"}')).toBe(
    2 * servingProcesses,
  );
});

test('/api/status counts what the node did, with a latency for every event', async () => {
  await using server = await startTestServer({ maxConnections: 9 });
  const status = async () =>
    (await (await fetch(`${server.http}/api/status`)).json()) as StatusReport;
  const before = await status();
  expect(before).toMatchObject({
    ...{ schemaVersion: 1, node: 'test-node', ready: true, drain: null },
    connections: { current: 0, max: 9, accepted: 0, refused: {}, closed: {} },
    messages: { ingested: 0, delivered: 0 },
    broker: { kind: 'embedded', connected: true, lag_records: 0, last_error: null },
  });
  await using client = await TestClient.open(server.url);
  const refused = new WebSocket(`${server.url}/elsewhere`);
  await once(refused, 'unexpected-response');
  await client.subscribe('*');
  await server.publish(record('BTC'), record('ETH'));
  await client.events(2);
  const after = await status();
  expect(after).toMatchObject({
    connections: { current: 1, accepted: 1, refused: { NOT_FOUND: 1 } },
    messages: { ingested: 2, delivered: 2 },
    history: { events: 2, warm: true },
  });
  const shards = mode === 'multi' ? [0, 1, 2] : [];
  expect(after.mode).toBe(mode);
  expect(after.shards).toMatchObject(shards.map((shard) => ({ shard, state: 'serving' })));
  const { count, buckets, p50_ms, max_ms } = after.latency;
  expect(count).toBe(2 * servingProcesses);
  expect(buckets.at(-1)).toEqual({ le_ms: null, count });
  expect(p50_ms).toBeGreaterThan(0);
  expect(max_ms).toBeGreaterThanOrEqual(p50_ms as number);
  expect(after.monotonic_ms).toBeGreaterThan(before.monotonic_ms);
  expect(after.process.cpu_ms).toBeGreaterThanOrEqual(before.process.cpu_ms);
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
  expect(await server.metric('odin_records_skipped_total{reason="malformed"}')).toBe(1);
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

test('metrics do not grow with what there is to see', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  await client.subscribe('*');
  const series = async () => {
    const text = await (await fetch(`${server.http}/metrics`)).text();
    return text.split('\n').filter((line) => /^(ws|odin)_/.test(line)).length;
  };
  await server.publish(record('T0'));
  await client.events(1);
  const before = await series();
  await server.publish(...Array.from({ length: 500 }, (_, n) => record(`T${n}`)));
  await client.events(501);
  await using _other = await TestClient.open(server.url);
  expect(await series()).toBe(before);
});

test('a client that asks and never reads the answers is closed', async () => {
  await using server = await startTestServer();
  await using client = await TestClient.open(server.url);
  client.socket.pause();
  const closed = client.closing();
  const message = JSON.stringify({
    type: 'subscribe',
    channels: Array.from({ length: 200 }, (_, n) => `no channel ${n}`),
  });
  let isClosed = false;
  client.socket.on('error', () => {});
  const witness = setInterval(async () => {
    isClosed = (await server.metric('ws_unread_replies_total')) > 0;
  }, 50);
  while (!isClosed) {
    for (let i = 0; i < 50; i++) client.socket.send(message, () => {});
    await new Promise(setImmediate);
  }
  clearInterval(witness);
  client.socket.resume();
  client.socket.terminate();
  await closed;
  await expect.poll(() => server.metric('ws_current_connections'), { timeout: 5_000 }).toBe(0);
});

test('who sends many requests in one go without taking the answers is cut off; a few are answered', async () => {
  await using server = await startTestServer();
  const ask = async (count: number) => {
    const socket = connect(server.server.port, '127.0.0.1');
    socket.on('error', () => {});
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(count - 1));
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await closed;
    return text.split('HTTP/1.1 200').length - 1;
  };
  expect(await ask(4)).toBe(4);
  expect(await ask(1_000)).toBeLessThan(5);
  expect(await server.metric('ws_dropped_sockets_total')).toBe(1);
});
