/** Asking shards for reports when somebody looks: what counts as an answer, and for whom. */
import { expect, test } from 'vitest';
import { Refresher } from './refresher.ts';

function setUp(shards = [0, 1], silent: readonly number[] = []) {
  const asked: number[] = [];
  const refresher = new Refresher((round) => {
    asked.push(round);
    return { asked: new Set(shards), silent };
  });
  return { refresher, asked };
}

/** Whether a promise has resolved by the next turn. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  const later = new Promise<boolean>((resolve) => setImmediate(resolve, false));
  return await Promise.race([promise.then(() => true), later]);
}

test('a look is over when every shard has answered it, or is gone', async () => {
  const { refresher } = setUp();
  const look = refresher.refresh();
  refresher.heard(0, 1);
  expect(await isDone(look)).toBe(false);
  refresher.gone(1);
  expect(await isDone(look)).toBe(true);
});

test('what a shard says by itself, or in an earlier round, is no answer', async () => {
  const { refresher, asked } = setUp([0]);
  const first = refresher.refresh();
  refresher.heard(0, undefined);
  expect(await isDone(first)).toBe(false);
  refresher.heard(0, 1);
  await first;
  const second = refresher.refresh();
  refresher.heard(0, 1);
  expect(await isDone(second)).toBe(false);
  refresher.heard(0, 2);
  await second;
  expect(asked).toEqual([1, 2]);
});

test('those who look while a round is under way share the next', async () => {
  const { refresher, asked } = setUp([0]);
  const looks = [refresher.refresh(), refresher.refresh(), refresher.refresh()];
  expect(asked).toEqual([1]);
  refresher.heard(0, 1);
  await looks[0];
  expect(await isDone(looks[1]!)).toBe(false);
  refresher.heard(0, 2);
  await Promise.all(looks);
  expect(asked).toEqual([1, 2]);
});

test('a shard that does not answer keeps nobody for long, and is named', async () => {
  const { refresher } = setUp([0, 1], [2]);
  const look = refresher.refresh();
  refresher.heard(1, 1);
  expect(await look).toEqual([2, 0]);
  expect(await setUp([]).refresher.refresh()).toEqual([]);
});
