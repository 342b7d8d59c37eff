/** Where connections go, in which order, and who is refused. */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Counters } from '../../reporting/counters.ts';
import { Acceptor } from './acceptor.ts';
import { Slots } from './slots.ts';

function start(maxConnections = 10) {
  const slots = new Slots({ maxConnections }, 2);
  const node = { isOpen: true, serving: new Set([0, 1]), able: new Set([0, 1]) };
  const went: [shard: number | 'refused', socket: Socket][] = [];
  for (const shard of node.serving) slots.add(shard);
  const acceptor = new Acceptor({
    slots,
    isOpen: () => node.isOpen,
    isServing: (shard) => node.serving.has(shard),
    canTake: (shard) => node.able.has(shard),
    handOver: (shard, _id, socket) => went.push([shard, socket]),
    answer: (socket) => went.push(['refused', socket]),
    counters: new Counters(),
  });
  const come = (count: number) =>
    Array.from({ length: count }, () => {
      const socket = new Duplex({ read() {} }) as Socket;
      acceptor.accept(socket);
      return socket;
    });
  const shards = () => went.splice(0).map(([shard]) => shard);
  return { acceptor, slots, node, went, come, shards };
}

test('while all are busy sockets wait, and go on in the order in which they came', () => {
  const { acceptor, node, went, come, shards } = start();
  node.able.clear();
  const waiting = come(3);
  expect(went).toEqual([]);
  node.able.add(1);
  const [late] = come(1);
  expect(went).toEqual([]);
  acceptor.retry();
  expect(went.map(([, socket]) => socket)).toEqual([...waiting, late]);
  expect(shards()).toEqual([1, 1, 1, 1]);
});

test('who waits is refused as soon as no place will come', () => {
  const { acceptor, node, come, shards } = start();
  node.able.clear();
  come(2);
  node.serving.delete(0);
  acceptor.retry();
  expect(shards()).toEqual([]);
  node.serving.delete(1);
  acceptor.retry();
  expect(shards()).toEqual(['refused', 'refused']);
  node.serving.add(1);
  come(1);
  node.isOpen = false;
  acceptor.retry();
  expect(shards()).toEqual(['refused']);
});

test('places are counted when a socket is handed over, so that a burst is refused to the number', () => {
  const { come, shards } = start(3);
  come(5);
  expect(shards()).toEqual([0, 1, 0, 'refused', 'refused']);
});

test('after the end whoever comes back from a shard is closed', async () => {
  const { acceptor, node, come, shards } = start();
  node.able.clear();
  const [waiting] = come(1);
  await acceptor.close();
  const [late] = come(1);
  expect([waiting?.destroyed, late?.destroyed]).toEqual([true, true]);
  expect(shards()).toEqual([]);
});
