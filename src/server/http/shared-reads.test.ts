/** Making reports once for all who ask at the same time. */
import { expect, test } from 'vitest';
import type { NodeApi } from '../reporting/node-api.ts';
import { sharedReads } from './shared-reads.ts';

function setUp() {
  const made: PromiseWithResolvers<string[]>[] = [];
  const readiness = () => {
    made.push(Promise.withResolvers());
    return made.at(-1)!.promise;
  };
  return { node: sharedReads({ readiness } as unknown as NodeApi), made };
}

test('a hundred who ask at once get two reports: the one under way and the next', async () => {
  const { node, made } = setUp();
  const asked = Array.from({ length: 100 }, () => node.readiness());
  expect(made.length).toBe(1);
  made[0]!.resolve(['first']);
  expect(await asked[0]).toEqual(['first']);
  await new Promise(setImmediate);
  expect(made.length).toBe(2);
  made[1]!.resolve(['second']);
  expect(await Promise.all(asked.slice(1))).toEqual(Array(99).fill(['second']));
});

test('a report that failed fails for those who shared it, and the next is made anew', async () => {
  const { node, made } = setUp();
  const [first, second] = [node.readiness(), node.readiness()];
  made[0]!.reject(new Error('no'));
  await expect(first).rejects.toThrow('no');
  await new Promise(setImmediate);
  made[1]!.resolve([]);
  expect(await second).toEqual([]);
  const third = node.readiness();
  expect(made.length).toBe(3);
  made[2]!.resolve(['third']);
  expect(await third).toEqual(['third']);
});
