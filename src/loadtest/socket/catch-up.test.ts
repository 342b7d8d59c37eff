/** Tests of catch-up.ts: how many sockets read in one turn. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { CatchUp } from './catch-up.ts';

test('a few sockets read in each turn, all of them in the end, and one that asks again comes last', async () => {
  const catchUp = new CatchUp();
  const read: number[] = [];
  const sockets = Array.from({ length: 10 }, (_, at) => ({
    destroyed: at === 5,
    resume: () => read.push(at),
  }));
  for (const socket of sockets) catchUp.add(socket);
  expect(read).toEqual([]);
  expect(catchUp.isWaiting(sockets[4]!)).toBe(true);
  await turn();
  expect(read).toEqual([0, 1, 2, 3]);
  catchUp.add(sockets[0]!);
  await turn();
  expect(read).toEqual([0, 1, 2, 3, 4, 6, 7, 8]);
  await turn();
  expect(read).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 0]);
  expect(sockets.some((socket) => catchUp.isWaiting(socket))).toBe(false);
});
