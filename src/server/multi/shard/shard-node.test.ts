/** What a shard makes of what it is told while it is still being built, and of being asked often. */
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { Delivery } from '../../delivery/delivery.ts';
import { Limits } from '../../limits.ts';
import type { FromShard, ShardSetup } from '../link/shard-messages.ts';
import { ShardNode } from './shard-node.ts';

// A shard never ends but with its process: its timers must not outlive the test.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function configOf(maxSubscriptions: number): ShardSetup['config'] {
  return configSchema.parse({ server: { mode: 'multi', maxSubscriptions } }).server;
}

function start(flushStretch = 1) {
  const said: FromShard[] = [];
  const shard = new ShardNode({ send: (message) => said.push(message), pipe: new PassThrough() });
  const setup: ShardSetup = {
    config: configOf(50),
    identity: { nodeId: 'n', clientPrefix: 'n-0', epoch: 'e' },
    ...{ port: 0, shards: 1, logLevel: 'error', flushStretch },
  };
  shard.receive({ kind: 'start', setup }, undefined);
  const reports = () => said.flatMap((message) => (message.kind === 'report' ? [message] : []));
  /** It reports only once it stands. */
  const built = async () => {
    await expect
      .poll(() => {
        shard.receive({ kind: 'report', round: 1 }, undefined);
        return reports().length;
      })
      .toBeGreaterThan(0);
  };
  return { shard, said, reports, built };
}

test('what changes while a shard is built is what it goes by in the end', async () => {
  const take = vi.spyOn(Limits.prototype, 'take');
  const stretch = vi.spyOn(Delivery.prototype, 'stretchFlushes');
  const { shard, built } = start();
  shard.receive({ kind: 'reload', config: configOf(7) }, undefined);
  shard.receive({ kind: 'stretch', factor: 2 }, undefined);
  await built();
  expect(take.mock.lastCall?.[0].maxSubscriptions).toBe(7);
  expect(stretch).toHaveBeenLastCalledWith(2);
});

test('a shard that comes while flushes are set apart sets its own apart', async () => {
  const stretch = vi.spyOn(Delivery.prototype, 'stretchFlushes');
  const { built } = start(2);
  await built();
  expect(stretch).toHaveBeenLastCalledWith(2);
});

test('a look at its clients that fails ends no shard', async () => {
  const { shard, said, built } = start();
  await built();
  const question = { channels: [], wantsSlow: true };
  vi.spyOn(Delivery.prototype, 'lagging').mockImplementationOnce(() => {
    throw new Error('odd client');
  });
  for (const id of [1, 2]) shard.receive({ kind: 'look', id, question }, undefined);
  await expect.poll(() => said).toContainEqual(expect.objectContaining({ kind: 'looked', id: 2 }));
  expect(said).toContainEqual({ kind: 'log', line: expect.stringContaining('odd client') });
  expect(said).not.toContainEqual(expect.objectContaining({ kind: 'looked', id: 1 }));
});

test('how late the event loop ran stays known for a period, however often it is asked', async () => {
  const { shard, reports, built } = start();
  await built();
  const period = () => vi.advanceTimersByTime(1_000);
  // Delays are measured from one turn of the event loop to the next, each 10 ms.
  const aFewTurns = () => new Promise((resolve) => setTimeout(resolve, 50));
  period();
  await aFewTurns();
  const fromMs = performance.now();
  while (performance.now() - fromMs < 200) {
    // The event loop is kept waiting.
  }
  await aFewTurns();
  period();
  for (const round of [2, 3]) shard.receive({ kind: 'report', round }, undefined);
  const delaysMs = reports()
    .slice(-3)
    .map(({ report }) => report.loopDelayMs);
  expect(delaysMs[0]).toBeGreaterThan(100);
  expect(delaysMs).toEqual([delaysMs[0], delaysMs[0], delaysMs[0]]);
});
