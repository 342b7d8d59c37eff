/** Tests of crowd.ts: clients that go when they are no longer expected to. */
import { expect, onTestFinished, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { epochMs } from '../run-clock.ts';
import { Crowd } from './crowd.ts';

/** One good client and one slow one; nothing answers them. */
function createCrowd() {
  const { loadtest: config } = configSchema.parse({
    loadtest: { connections: 2, slowPercent: '50%' },
  });
  const target = { address: '127.0.0.1', port: 9, host: 'h', path: '/', sourceIps: [] };
  const crowd = new Crowd({
    ...{ config, worker: 0, workers: 1, clockAheadMs: 0 },
    target: { ...target, headers: [], tokens: [], subprotocols: [] },
  });
  onTestFinished(() => crowd.stop());
  const failed = () => crowd.contexts.map(({ counters }) => counters.failed);
  const all = (action: (client: number) => void) => [0, 1].map((client) => action(client));
  return { crowd, failed, all };
}

test('a client that was given up, and has to go all the same, has failed once', () => {
  const { crowd, failed, all } = createCrowd();
  all((client) => crowd.come(client, epochMs()));
  crowd.close([]);
  all((client) => crowd.go(client));
  crowd.endReadOut();
  expect(failed()).toEqual([1, 1]);
});

test('a slow client that has to go after all others had their time gets its own', async () => {
  const { crowd, failed, all } = createCrowd();
  crowd.come(0, epochMs());
  crowd.come(1, epochMs());
  all((client) => crowd.go(client));
  expect(crowd.isReadingOut).toBe(true);
  crowd.endReadOut();
  expect(crowd.isReadingOut).toBe(false);
  expect(failed()).toEqual([1, 1]);
  all((client) => crowd.come(client, epochMs()));
  all((client) => crowd.go(client));
  expect(crowd.isReadingOut).toBe(true);
  await expect.poll(() => crowd.isReadingOut).toBe(false);
});
