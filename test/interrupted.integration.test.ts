/** Ctrl-C while whoever was asked accepts the connection and says nothing: each command ends with 130. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { odin } from './support/fake-host.ts';

const sockets = new Set<Socket>();
const silent = createServer((socket) => {
  sockets.add(socket);
  socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
});
let place: string;

beforeAll(async () => {
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  place = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});

afterAll(() => {
  silent.close();
  for (const socket of sockets) socket.destroy();
});

const brokers = ['kafka', 'nats'].flatMap((kind) =>
  [
    'topics list --broker WHERE',
    'topics create --broker WHERE',
    'topics tail BTC.trade --broker WHERE',
    'publish --api-port 0 --broker WHERE',
    'serve --port 0 --broker WHERE',
    'bridge --from WHERE --to nats://127.0.0.1:1',
    'bridge --from WHERE --to nats://127.0.0.1:1 --until-caught-up',
  ].map((line) => line.replace('WHERE', `${kind}://HERE`)),
);

test.each([
  ...brokers,
  'publish --api-port 0 --target http://HERE',
  'topics tail BTC.trade --url ws://HERE/ws',
])('`odin %s`', async (line) => {
  const stop = new AbortController();
  const given = { signal: stop.signal };
  const connected = once(silent, 'connection');
  const ended = odin(line.replace('HERE', place), given);
  await Promise.race([connected, ended]);
  stop.abort('SIGINT');
  const { exitCode, stdout, stderr } = await ended;
  expect(stderr).toMatch(/^interrupted while (connecting to|waiting for) \S+.*\n$/);
  expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
});
