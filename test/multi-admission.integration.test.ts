/** A node of several processes behind one port: who gets in, where, and what is counted once. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { refusalOf, TestClient } from './support/client.ts';
import { jwtSecret, tokenFor } from './support/jwt.ts';
import { Crowd, knock } from './support/knock.ts';
import { upgradeText } from './support/raw-websocket.ts';
import { multi, shardOf, slotsOf, statusOf } from './support/shards.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';
import { makeCertificate } from './support/tls.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const nobody = { inUse: 0, pending: 0 };

async function untilSlots(server: TestServer, slots: { inUse: number; pending: number }) {
  await expect.poll(() => slotsOf(server)).toEqual(slots);
}

test('900 clients are spread evenly', async () => {
  await using server = await startTestServer({ ...multi, maxConnections: 1_000 });
  using crowds = new DisposableStack();
  // More on their way at once would go where there is room for them on the way.
  for (let n = 0; n < 3; n++) crowds.use(await Crowd.of(server.server.port, 300));
  const unevenness = async () => {
    const { shards } = await statusOf(server);
    return Math.max(...shards.map(({ connections }) => Math.abs(connections - 300)));
  };
  await expect.poll(unevenness).toBeLessThanOrEqual(3);
});

test('a burst of 1 000 fills 300 places and no more, and 100 that leave let 100 in', async () => {
  await using server = await startTestServer({ ...multi, maxConnections: 300 });
  const { port } = server.server;
  using first = await Crowd.of(port, 1_000);
  expect(first.inside).toHaveLength(300);
  expect(first.most).toBe(300);
  expect(first.refused).toHaveLength(700);
  for (const { status, answer } of first.refused) {
    expect(status).toBe(503);
    expect(answer).toMatch(/\r\nRetry-After: 5\r\n/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] as string)).toMatchObject({
      code: 'AT_CAPACITY',
    });
  }
  // A shard that does not answer soon is counted as it was.
  await expect
    .poll(() => statusOf(server))
    .toMatchObject({
      shards: [{ connections: 100 }, { connections: 100 }, { connections: 100 }],
      connections: { refused: { AT_CAPACITY: 700 } },
    });
  for (const { socket } of first.inside.slice(0, 100)) socket.destroy();
  await untilSlots(server, { inUse: 200, pending: 0 });
  using second = await Crowd.of(port, 200);
  expect(second.inside).toHaveLength(100);
  expect(first.inside.slice(100).every(({ socket }) => !socket.destroyed)).toBe(true);
  await untilSlots(server, { inUse: 300, pending: 0 });
});

test('who says nothing holds a place only for the time of a handshake', async () => {
  await using server = await startTestServer({
    ...multi,
    maxConnections: 30,
    limits: { handshakeMs: '4s' },
  });
  const silent = upTo(30).map(() => connect(server.server.port, '127.0.0.1'));
  await untilSlots(server, { inUse: 30, pending: 30 });
  const { status } = await knock(server.server.port);
  expect(status).toBe(503);
  await untilSlots(server, nobody);
  using crowd = await Crowd.of(server.server.port, 40);
  expect(crowd.inside).toHaveLength(30);
  for (const socket of silent) socket.destroy();
});

test('who resets at once leaves nothing behind', async () => {
  await using server = await startTestServer({ ...multi, maxConnections: 60 });
  for (let round = 0; round < 10; round++) {
    const opened = upTo(60).map(() => connect(server.server.port, '127.0.0.1'));
    const reset = (socket: Socket) =>
      new Promise<void>((resolve) => {
        socket.on('error', () => undefined).once('close', () => resolve());
        socket.once('connect', () => socket.resetAndDestroy());
      });
    await Promise.all(opened.map(reset));
  }
  await untilSlots(server, nobody);
  using crowd = await Crowd.of(server.server.port, 70);
  expect(crowd.inside).toHaveLength(60);
});

test('a probe that stays connected holds no place', async () => {
  await using server = await startTestServer({ ...multi, maxConnections: 3 });
  const probe = connect(server.server.port, '127.0.0.1');
  probe.write('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
  await new Promise((resolve) => probe.once('data', resolve));
  await untilSlots(server, nobody);
  using crowd = await Crowd.of(server.server.port, 4);
  expect(crowd.inside).toHaveLength(3);
  probe.destroy();
});

test('who asks for something plain and for a place in one go gets one place, and no more than there are', async () => {
  await using server = await startTestServer({ ...multi, maxConnections: 3 });
  const sockets = upTo(6).map(() => connect(server.server.port, '127.0.0.1'));
  const statuses: string[] = [];
  for (const socket of sockets) {
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
    });
    socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\n\r\n${upgradeText()}`);
    const status = () => /HTTP\/1\.1 (101|503) /.exec(answer)?.[1];
    await expect.poll(status).toBeDefined();
    statuses.push(status() as string);
  }
  expect(statuses).toEqual(['101', '101', '101', '503', '503', '503']);
  await untilSlots(server, { inUse: 3, pending: 0 });
  for (const socket of sockets) socket.destroy();
  await untilSlots(server, nobody);
});

test('clients that differ only in the address that they reach are told apart', async () => {
  await using server = await startTestServer({
    ...{ ...multi, shards: { count: 1 } },
    host: '0.0.0.0',
  });
  const { port } = server.server;
  const open = async (host: string, localPort: number) => {
    const socket = connect({ port, host, localAddress: '127.0.0.1', localPort });
    await once(socket, 'connect');
    return socket;
  };
  const first = await open('127.0.0.1', 0);
  const second = await open('127.0.0.2', first.localPort as number);
  await untilSlots(server, { inUse: 2, pending: 2 });
  for (const socket of [first, second]) {
    socket.write(upgradeText());
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
  }
  await untilSlots(server, { inUse: 2, pending: 0 });
  second.destroy();
  await untilSlots(server, { inUse: 1, pending: 0 });
  first.destroy();
  await untilSlots(server, nobody);
});

test('one address has its rate over all shards, whatever proxy it comes through', async () => {
  await using server = await startTestServer({
    ...multi,
    limits: { ipBurst: 5, ipRate: 0.001, trustedProxies: ['127.0.0.1'] },
  });
  const { port } = server.server;
  using ann = await Crowd.of(port, 20, 'X-Forwarded-For: 192.0.2.1');
  expect(ann.inside).toHaveLength(5);
  expect(new Set(ann.refused.map(({ status }) => status))).toEqual(new Set([429]));
  using bob = await Crowd.of(port, 5, 'X-Forwarded-For: 192.0.2.2');
  expect(bob.inside).toHaveLength(5);
  const refusedLines = () => server.logLines.filter(({ audit }) => audit === 'connect_refused');
  await expect.poll(() => refusedLines().length).toBeGreaterThan(0);
  const refused = refusedLines();
  for (const line of refused) {
    expect(line).toMatchObject({ address: '192.0.2.1', code: 'IP_RATE_LIMITED' });
  }
  await untilSlots(server, { inUse: 10, pending: 0 });
});

test('a user has so many devices over all shards, and a place that was left is free', async () => {
  await using server = await startTestServer({
    ...multi,
    auth: { secret: jwtSecret, devicesPerUser: 4 },
  });
  const url = `${server.url}?token=${await tokenFor()}`;
  await using clients = new AsyncDisposableStack();
  const opened: TestClient[] = [];
  for (let n = 0; n < 4; n++) opened.push(clients.use(await TestClient.open(url)));
  const shards = await Promise.all(
    opened.map(async (client) => shardOf(await client.next('welcome'))),
  );
  expect(new Set(shards).size).toBe(3);
  expect(await refusalOf(url)).toMatchObject({ status: 429, body: { code: 'TOO_MANY_DEVICES' } });
  await opened[0]?.[Symbol.asyncDispose]();
  await expect.poll(async () => (await slotsOf(server)).inUse).toBe(3);
  await using _again = await TestClient.open(url);
});

test('over TLS the primary refuses too, says whom in the log, and gives places back', async () => {
  await using certificate = await makeCertificate();
  const { certFile, keyFile, ca } = certificate;
  await using server = await startTestServer({
    ...multi,
    maxConnections: 3,
    tls: { certFile, keyFile },
  });
  await using clients = new AsyncDisposableStack();
  const opened: TestClient[] = [];
  for (let n = 0; n < 3; n++) {
    const client = clients.use(await TestClient.open(server.url, 'v2', { ca }));
    opened.push(client);
    await client.subscribe('*');
    await server.publish(record('BTC'));
    await client.events(1);
  }
  const refused = await refusalOf(server.url, { ca });
  expect(refused).toMatchObject({ status: 503, body: { code: 'AT_CAPACITY' } });
  expect(refused.headers['retry-after']).toBe('5');
  await expect
    .poll(() => server.logLines.find(({ audit }) => audit === 'connect_refused'))
    .toMatchObject({ code: 'AT_CAPACITY', address: '127.0.0.1' });
  await opened[0]?.[Symbol.asyncDispose]();
  const again = () => TestClient.open(server.url, 'v2', { ca }).catch(() => undefined);
  await expect.poll(async () => clients.use(await again())).toBeDefined();
});

test('close codes reach clients as they are', async () => {
  await using server = await startTestServer({
    ...multi,
    maxPayloadBytes: '1KiB',
    auth: { secret: jwtSecret },
  });
  const seconds = Math.floor(Date.now() / 1_000) + 2;
  const url = `${server.url}?token=${await tokenFor()}`;
  const brief = `${server.url}?token=${await tokenFor({ exp: seconds, sub: 'bob' })}`;
  await using expiring = await TestClient.open(brief);
  await using talking = await TestClient.open(url);
  talking.say('x'.repeat(2_000));
  expect(await talking.closing()).toMatchObject({ code: 1009 });
  expect(await expiring.closing()).toMatchObject({ code: 4501 });
  await using leaving = await TestClient.open(url);
  await server.server[Symbol.asyncDispose]();
  expect(await leaving.closing()).toMatchObject({ code: 1001 });
});

test('sockets that say nothing keep clients out for a second at most, not for as long as they may', async () => {
  await using server = await startTestServer({ ...multi, maxConnections: 30 });
  const { port } = server.server;
  const silent = upTo(30).map(() => connect(port, '127.0.0.1').on('error', () => {}));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  await untilSlots(server, { inUse: 30, pending: 30 });
  const enter = async () => {
    const client = await TestClient.open(server.url).catch(() => undefined);
    await client?.[Symbol.asyncDispose]();
    return client !== undefined;
  };
  // Their time to upgrade is ten seconds.
  await expect.poll(enter, { timeout: 8_000 }).toBe(true);
  for (const socket of silent) socket.destroy();
  await untilSlots(server, nobody);
});
