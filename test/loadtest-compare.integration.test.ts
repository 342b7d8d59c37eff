/** Tests of comparing real runs against a server whose latency is known. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRandom, type Random, randomNormal } from '../src/base/random.ts';
import { parseBudgets } from '../src/loadtest/comparison/budget.ts';
import { compareRuns } from '../src/loadtest/comparison/comparison.ts';
import type { Run } from '../src/loadtest/reports/report-file.ts';
import { FaultServer } from './support/fault-server.ts';
import { channel, run } from './support/run-loadtest.ts';

const clients = 5;
const rounds = 260;
const eventsPerRound = 20;

/** Far above what this machine adds, so that its own noise matters little. */
function delayMs(random: Random, slower: number): number {
  return slower * 20_000 * Math.exp(0.3 * randomNormal(random));
}

/** A run against a server whose events are as old as `slower` and `seed` say. */
async function runOf(path: string, seed: number, slower: number): Promise<Run> {
  await using server = await FaultServer.start();
  const random = createRandom(seed);
  const settings = { connections: String(clients), durationMs: '1500ms' };
  const publishing = server.subscribed(clients).then(async () => {
    for (let round = 0; round < rounds; round++) {
      for (let event = 0; event < eventsPerRound; event++) {
        server.publish(channel, Math.round(Date.now() - delayMs(random, slower)));
      }
      await sleep(5);
    }
  });
  const [report] = await Promise.all([run(server.url, settings), publishing]);
  return { path, report };
}

test('between real runs, a latency 10 % higher is found, and none where there is none', async () => {
  const before = await runOf('before.json', 1, 1);
  const same = await runOf('same.json', 2, 1);
  const slow = await runOf('slow.json', 3, 1.1);
  const options = { budgets: parseBudgets(['latency.p50 +5%', 'latency.p99 +50%']) };
  const outcomes = (after: Run) =>
    compareRuns([before], [after], options)
      .figures.filter(({ metric }) => /^latency\.(p50|p95|mean)$/.test(metric))
      .map(({ outcome }) => outcome);
  expect(outcomes(same)).toEqual(['same', 'same', 'same']);
  expect(outcomes(slow)).toEqual(['worse', 'worse', 'worse']);
  expect(compareRuns([before], [same], options).verdict).toBe('pass');
  expect(compareRuns([before], [slow], options).verdict).toBe('fail');
});
