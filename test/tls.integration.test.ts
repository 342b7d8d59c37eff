/** The port with TLS: events, slow clients, administration and the certificate files. */
import { once } from 'node:events';
import { request } from 'node:https';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { UsageError } from '../src/base/errors.ts';
import { TestClient } from './support/client.ts';
import { record, startTestServer } from './support/start-server.ts';
import { makeCertificate } from './support/tls.ts';

/** One HTTPS request; resolves with status and body. */
function call(
  port: number,
  path: string,
  { ca, method = 'GET', headers = {}, body = '' }: CallOptions,
): Promise<{ status: number | undefined; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number | undefined;
    body: string;
  }>();
  const options = { host: '127.0.0.1', port, path, method, ca, headers, agent: false as const };
  const exchange = request(options, async (response) => {
    let text = '';
    for await (const chunk of response) text += chunk;
    resolve({ status: response.statusCode, body: text });
  });
  exchange.on('error', reject);
  exchange.end(body);
  return promise;
}

interface CallOptions {
  readonly ca: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

describe('with a certificate', () => {
  test('clients of both protocols get their events over wss, and others get nothing', async () => {
    await using certificate = await makeCertificate();
    const { certFile, keyFile, ca } = certificate;
    await using server = await startTestServer({ tls: { certFile, keyFile } });
    expect(server.url).toMatch(/^wss:/);
    expect(server.logLines.find(({ msg }) => msg === 'listening')).toMatchObject({
      url: server.url,
    });
    await using v2 = await TestClient.open(server.url, 'v2', { ca });
    await using v1 = await TestClient.open(server.url, 'v1', { ca });
    await v2.subscribe('*');
    await v1.subscribe('*');
    await server.publish(record('BTC'), record('ETH'), record('SOL'));
    expect((await v2.events(3)).map(({ channel }) => channel)).toEqual(
      ['BTC', 'ETH', 'SOL'].map((token) => `${token}.trade`),
    );
    expect((await v1.events(3)).map(({ seq }) => seq)).toEqual([1, 2, 3]);
    const plain = new WebSocket(server.url.replace('wss:', 'ws:'));
    const failed = await new Promise((resolve) => plain.once('error', resolve));
    expect(failed).toBeInstanceOf(Error);
    const untrusting = new WebSocket(server.url);
    expect(await new Promise((resolve) => untrusting.once('error', resolve))).toMatchObject({
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
  });

  test('a client that stops reading is served later and loses nothing', async () => {
    await using certificate = await makeCertificate();
    const { certFile, keyFile, ca } = certificate;
    const settings = { maxBufferedBytes: '16KiB', throttle: { strategy: 'none' } };
    await using server = await startTestServer({ ...settings, tls: { certFile, keyFile } });
    await using slow = await TestClient.open(server.url, 'v2', { ca });
    await using quick = await TestClient.open(server.url, 'v2', { ca });
    await slow.subscribe('*');
    await quick.subscribe('*');
    slow.socket.pause();
    const filler = 'x'.repeat(1_000);
    const total = 10_000;
    for (let n = 0; n < total; n += 500) {
      const batch = Array.from({ length: 500 }, (_, i) =>
        record('BTC', 'TRADE_EXECUTED', { n: n + i, filler }),
      );
      await server.publish(...batch);
      await quick.events(n + 500);
    }
    const metrics = async () => (await call(server.server.port, '/metrics', { ca })).body;
    await expect.poll(metrics).toContain('ws_connections_behind 1');
    slow.socket.resume();
    const events = await slow.events(total);
    expect(events.map((event) => (event['data'] as { n: number }).n)).toEqual(
      Array.from({ length: total }, (_, n) => n),
    );
  });

  test('a server that stops does not wait for unfinished TLS handshakes', async () => {
    await using certificate = await makeCertificate();
    const { certFile, keyFile } = certificate;
    const server = await startTestServer({ tls: { certFile, keyFile } });
    const sockets = [1, 2, 3].map(() => connect(server.server.port, '127.0.0.1'));
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.resume();
      await once(socket, 'connect');
      socket.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
    }
    // once() would reject on the reset that is to be expected.
    const closed = sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    const startedMs = Date.now();
    await server[Symbol.asyncDispose]();
    // Of the ten seconds that they may take.
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    await Promise.all(closed);
  });

  test('administration works with the token alone', async () => {
    await using certificate = await makeCertificate();
    const { certFile, keyFile, ca } = certificate;
    const adminToken = 'the token of the operator';
    await using server = await startTestServer({ tls: { certFile, keyFile }, adminToken });
    await using client = await TestClient.open(server.url, 'v2', { ca });
    await client.subscribe('*');
    const { port } = server.server;
    const event = { key: 'BTC', type: 'TRADE_EXECUTED', timestamp: Date.now(), data: {} };
    const publish = (headers: Record<string, string>) =>
      call(port, '/api/publish', {
        ca,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-forwarded-for': '198.51.100.1',
          ...headers,
        },
        body: JSON.stringify(event),
      });
    expect(await publish({})).toMatchObject({ status: 403 });
    expect(await publish({ authorization: 'Bearer wrong' })).toMatchObject({ status: 403 });
    expect(await publish({ authorization: `Bearer ${adminToken}` })).toMatchObject({ status: 200 });
    expect(await client.events(1)).toHaveLength(1);
    expect(await call(port, '/health', { ca })).toMatchObject({ status: 200 });
  });
});

test('certificate and key come together, and must belong together', async () => {
  await using certificate = await makeCertificate();
  await using other = await makeCertificate();
  const { certFile, keyFile } = certificate;
  const complaintOf = async (tls: Record<string, string>) => {
    const error: unknown = await startTestServer({ tls }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    return error as UsageError;
  };
  expect((await complaintOf({ certFile })).hint).toContain('--tls-key');
  expect((await complaintOf({ keyFile })).hint).toContain('--tls-cert');
  expect((await complaintOf({ certFile, keyFile: `${keyFile}x` })).message).toContain(
    'server.tls.keyFile: cannot read',
  );
  expect((await complaintOf({ certFile, keyFile: other.keyFile })).message).toContain(
    'is not that of the certificate',
  );
  expect((await complaintOf({ certFile: keyFile, keyFile })).message).toContain('no certificate');
});
