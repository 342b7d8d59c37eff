/** Tests of report-rounds.ts: once per round, whoever reports first. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { stateOf, workerReport } from '../../../test/support/worker-states.ts';
import { onEachRound } from './report-rounds.ts';
import type { WorkerState } from './worker-pool.ts';

/** Two workers that report when they are told to. */
function createPool() {
  const states: WorkerState[] = [stateOf(undefined), stateOf(undefined)];
  const looks = new Set<() => void>();
  return {
    states: () => states,
    waitUntil: (done: () => boolean, signal: AbortSignal, timeoutMs?: number) =>
      new Promise<boolean>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          looks.delete(look);
          resolve(done());
        };
        const look = () => {
          if (done()) end();
        };
        const timer = setTimeout(end, timeoutMs);
        signal.addEventListener('abort', end);
        looks.add(look);
        look();
      }),
    report(worker: number) {
      states[worker] = stateOf(workerReport());
      for (const look of [...looks]) look();
    },
  };
}

test('a round is over when both have reported anew', async () => {
  const pool = createPool();
  let rounds = 0;
  using _rounds = onEachRound(pool, 10_000, () => rounds++);
  pool.report(0);
  pool.report(0);
  await sleep(0);
  expect(rounds).toBe(0);
  pool.report(1);
  await sleep(0);
  expect(rounds).toBe(1);
});

test('reports out of turn make no round of their own', async () => {
  const pool = createPool();
  let rounds = 0;
  using _rounds = onEachRound(pool, 10_000, () => rounds++);
  for (let turn = 0; turn < 3; turn++) {
    pool.report(0);
    pool.report(1);
    await sleep(0);
  }
  expect(rounds).toBe(1);
});

test('a worker that stays silent does not hold the others up, and disposing ends it all', async () => {
  const pool = createPool();
  const { promise, resolve } = Promise.withResolvers<void>();
  let rounds = 0;
  const following = onEachRound(pool, 10, () => {
    rounds++;
    if (rounds === 2) resolve();
  });
  pool.report(0);
  await promise;
  following[Symbol.dispose]();
  pool.report(1);
  await sleep(40);
  expect(rounds).toBe(2);
});
