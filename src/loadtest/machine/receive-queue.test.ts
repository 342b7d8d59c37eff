/** Tests of receive-queue.ts against the kernel's own list of sockets. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { procAddress } from './proc.ts';
import { type Attention, ReceiveQueueWatch, unreadBytes } from './receive-queue.ts';

test.each([
  ['127.0.0.1', 3004, '0100007F:0BBC'],
  ['10.1.2.3', 80, '0302010A:0050'],
  ['::1', 3004, '00000000000000000000000001000000:0BBC'],
  ['fe80::1', 1, '000080FE000000000000000001000000:0001'],
  ['2001:db8::ff:0:1', 443, 'B80D012000000000FF00000001000000:01BB'],
])('%s port %d is written as /proc writes it', (address, port, written) => {
  expect(procAddress(address, port)).toBe(written);
});

/** A server that sends 5 000 bytes to each of three clients, of which one reads. */
async function unread(host: string) {
  const server = createServer((socket) => void socket.write(Buffer.alloc(5_000)));
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients = [0, 1, 2].map(() => connect({ host, port }));
  for (const client of clients.slice(1)) client.pause();
  // Who is destroyed with bytes unread resets the connection.
  server.on('connection', (socket) => socket.on('error', () => undefined));
  clients[0]?.resume();
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test.runIf(process.platform === 'linux').each([
  ['127.0.0.1', '/proc/net/tcp'],
  ['::1', '/proc/net/tcp6'],
])('what nobody read is seen on sockets to %s, in %s', async (host, path) => {
  await using world = await unread(host);
  const remote = procAddress(host, world.port);
  await expect
    .poll(async () => unreadBytes(await readFile(path, 'utf8'), remote).sort())
    .toEqual([0, 5_000, 5_000]);
});

const target = (port: number) => ({ address: '127.0.0.1', port });
const listOf = (port: number, sizes: readonly number[]) =>
  sizes
    .map((size, at) => {
      const queue = size.toString(16).toUpperCase().padStart(8, '0');
      const remote = procAddress('127.0.0.1', port);
      return `${at}: 0100007F:A2B4 ${remote} 01 00000000:${queue} 00:00000000 00000000 0`;
    })
    .join('\n');

test('the middle socket counts at the middle look, and only in the hold phase', async () => {
  const lists = [listOf(9, [0, 40, 90_000]), listOf(9, [7, 60, 80]), listOf(9, [1, 50, 60])];
  let attention: Attention = 'none';
  let looks = 0;
  // A fourth look finds no list, and ends the watch.
  const read = async () => lists[looks++];
  using watch = new ReceiveQueueWatch(target(9), () => attention, read, 5);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([looks, watch.result]).toEqual([0, undefined]);
  attention = 'suspicious';
  await expect.poll(() => watch.result?.looks, { interval: 5 }).toBe(3);
  expect(watch.result).toEqual({ looks: 3, medianBytes: 50, maxTotalBytes: 90_040 });
});

test('where the system has no such list, nothing is said', async () => {
  let looks = 0;
  const read = async () => void looks++;
  using watch = new ReceiveQueueWatch(target(9), () => 'calm', read as () => Promise<undefined>, 5);
  await expect.poll(() => looks, { interval: 5 }).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect([looks, watch.result]).toEqual([1, undefined]);
});
