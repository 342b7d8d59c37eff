/** Handshakes that wait, on real sockets: for keys, for their end, or for a client that closes. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { refusalOf, TestClient } from './support/client.ts';
import { jwtSecret } from './support/jwt.ts';
import { upgradeText } from './support/raw-websocket.ts';
import { startTestServer } from './support/start-server.ts';

/** Publishes keys, or does not answer at all. */
async function startJwks({ answers }: { answers: boolean }) {
  const server = createServer((_request, response) => {
    if (!answers) return;
    response.statusCode = 500;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

const rsToken = `${Buffer.from('{"alg":"RS256","kid":"k"}').toString('base64url')}.e30.AAAA`;

describe('handshakes that wait', () => {
  test('without keys to check with, clients are told to come back', async () => {
    await using jwks = await startJwks({ answers: false });
    await using broken = await startJwks({ answers: true });
    const limits = { handshakeMs: '300ms' };
    await using slow = await startTestServer({ auth: { jwksUrl: jwks.url }, limits });
    await using failing = await startTestServer({ auth: { jwksUrl: broken.url } });
    for (const { url } of [slow, failing]) {
      const refused = await refusalOf(`${url}?token=${rsToken}`);
      expect(refused).toMatchObject({ status: 503, body: { code: 'AUTH_UNAVAILABLE' } });
      expect(refused.headers['retry-after']).toBe('5');
    }
    await expect.poll(() => slow.metric('ws_pending_handshakes')).toBe(0);
  });

  test('they hold their places exactly, and give them back when the client leaves', async () => {
    await using jwks = await startJwks({ answers: false });
    const limits = { handshakeMs: '3s' };
    const settings = { auth: { jwksUrl: jwks.url }, maxConnections: 2, limits };
    await using server = await startTestServer(settings);
    const path = `/ws?token=${rsToken}`;
    const waiting = [1, 2].map(() => connect(server.server.port, '127.0.0.1'));
    for (const socket of waiting) socket.write(upgradeText(path));
    await expect.poll(() => server.metric('ws_pending_handshakes')).toBe(2);
    expect((await refusalOf(`${server.url}?token=${rsToken}`)).body).toMatchObject({
      code: 'AT_CAPACITY',
    });
    for (const socket of waiting) socket.resetAndDestroy();
    await expect.poll(() => server.metric('ws_abandoned_handshakes_total')).toBe(2);
    await expect.poll(() => server.metric('ws_pending_handshakes')).toBe(0);
    expect((await refusalOf(`${server.url}?token=${rsToken}`)).body).toMatchObject({
      code: 'AUTH_UNAVAILABLE',
    });
  });

  test('a server that stops does not wait for them', async () => {
    await using jwks = await startJwks({ answers: false });
    await using server = await startTestServer({ auth: { jwksUrl: jwks.url } });
    const refused = refusalOf(`${server.url}?token=${rsToken}`);
    await expect.poll(() => server.metric('ws_pending_handshakes')).toBe(1);
    const startedMs = Date.now();
    await server.server[Symbol.asyncDispose]();
    // Of the ten seconds that they may take.
    expect(Date.now() - startedMs).toBeLessThan(5_000);
    expect((await refused).body).toMatchObject({ code: 'DRAINING' });
  });

  test('half-open handshakes do not keep clients out, and are ended', async () => {
    await using server = await startTestServer({ limits: { handshakeMs: '3s' } });
    const lines = upgradeText();
    const loris: Socket[] = [];
    for (let n = 0; n < 300; n++) {
      const socket = connect(server.server.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      // Nothing at all, half a request line, headers up to the middle of a value, which may go on.
      socket.write(lines.slice(0, [0, 9, 110][n % 3]));
      loris.push(socket);
    }
    // once() would reject on the reset that some of them get.
    const ended = Promise.all(
      loris.map((socket) => new Promise((resolve) => socket.once('close', resolve))),
    );
    const drip = setInterval(() => {
      for (const socket of loris) if (socket.writable) socket.write('x');
    }, 100);
    await using client = await TestClient.open(server.url);
    client.say({ type: 'heartbeat' });
    await client.next('pong');
    expect(loris.filter(({ destroyed }) => !destroyed)).not.toEqual([]);
    await ended;
    clearInterval(drip);
    expect(client.closed).toBeUndefined();
  });

  test('a refused client that does not close its side costs no descriptor', async () => {
    await using server = await startTestServer({ auth: { secret: jwtSecret } });
    const count = () =>
      process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = count();
    const sockets = Array.from({ length: 20 }, () =>
      connect({ port: server.server.port, host: '127.0.0.1', allowHalfOpen: true }),
    );
    for (const socket of sockets) {
      socket.write(upgradeText());
      socket.resume();
      await once(socket, 'end');
    }
    // Connections of earlier requests may end meanwhile.
    await expect.poll(count).toBeLessThanOrEqual(before + sockets.length);
    for (const socket of sockets) socket.destroy();
  });
});
