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
  expect(catchUp.isIdle).toBe(true);
  for (const socket of sockets) catchUp.add(socket);
  expect(read).toEqual([]);
  await turn();
  expect(read).toEqual([0, 1, 2, 3]);
  catchUp.add(sockets[0]!);
  await turn();
  expect(read).toEqual([0, 1, 2, 3, 4, 6, 7, 8]);
  await turn();
  expect(read).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 0]);
  // The last ones read what came only in the turn after.
  expect(catchUp.isIdle).toBe(false);
  await turn();
  expect(catchUp.isIdle).toBe(true);
});
