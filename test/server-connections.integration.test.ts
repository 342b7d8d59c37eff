/** Connections of a server on real sockets: those that are slow, silent, too many, too greedy, or end. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { maskedFrameOf } from '../src/protocol/websocket-frame.ts';
import { TestClient } from './support/client.ts';
import { upgradeText } from './support/raw-websocket.ts';
import { portOf, spawnOdin } from './support/spawn-odin.ts';
import { mode, record, startTestServer } from './support/start-server.ts';

test('an oversized message closes with 1009, an unmasked frame with 1002', async () => {
  await using server = await startTestServer({ maxPayloadBytes: 1024 });
  await using big = await TestClient.open(server.url);
  big.say(`"${'x'.repeat(2_000)}"`);
  expect(await big.closing()).toMatchObject({ code: 1009 });
  const raw = connect(server.server.port, '127.0.0.1');
  raw.write(upgradeText());
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
  await expect.poll(counted).toEqual([1, 1, 0, 1, 1]);
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
  await expect.poll(() => server.metric('ws_connections_behind')).toBe(1);
  slow.socket.resume();
  const events = await slow.events(total);
  expect(events.map((event) => (event['data'] as { n: number }).n)).toEqual(
    Array.from({ length: total }, (_, n) => n),
  );
  await expect.poll(() => server.metric('ws_connections_behind')).toBe(0);
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
  await using server = await startTestServer({ heartbeatMs: '500ms' });
  await using alive = await TestClient.open(server.url);
  const dead = connect(server.server.port, '127.0.0.1');
  dead.write(upgradeText());
  dead.resume();
  await once(dead, 'close');
  expect(alive.closed).toBeUndefined();
  dead.destroy();
});

// A process of its own, and of one mode.
test.skipIf(mode === 'multi')(
  'a server that stood still itself drops nobody for that',
  async () => {
    const args = ['serve', '--port', '0', '--host', '127.0.0.1', '--heartbeat', '500ms'];
    await using odin = spawnOdin(args);
    const port = portOf(await odin.line(/"listening"/));
    await odin.line(/"ready"/);
    await using client = await TestClient.open(`ws://127.0.0.1:${port}/ws`);
    await once(client.socket, 'ping');
    odin.child.kill('SIGSTOP');
    // Longer than a client may be silent.
    await delay(1_500);
    odin.child.kill('SIGCONT');
    for (let n = 0; n < 2; n++) await Promise.race([once(client.socket, 'ping'), client.closing()]);
    expect(client.closed).toBeUndefined();
  },
);

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
  raw.write(upgradeText());
  await once(raw, 'data');
  raw.write(maskedFrameOf(Buffer.from([0x03, 0xe8]), 0x01020304, 0x8));
  await once(raw, 'close');
  await expect.poll(() => server.metric('ws_disconnects_total{reason="client"}')).toBe(1);
  await expect.poll(() => server.metric('ws_close_codes_total{code="1000"}')).toBe(1);
  await using own = await TestClient.open(server.url);
  own.socket.close(4_999);
  await own.closing();
  await expect.poll(() => server.metric('ws_close_codes_total{code="other"}')).toBe(1);
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
  await expect.poll(() => server.metric('ws_current_connections')).toBe(0);
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
  await expect.poll(() => server.metric('ws_dropped_sockets_total')).toBe(1);
});
