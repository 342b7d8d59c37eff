import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createFeedWorld } from '../../../../test/support/feed-world.ts';
import { Channels } from '../../delivery/channels.ts';
import { History } from '../../delivery/history.ts';
import { Counters } from '../../reporting/counters.ts';
import { encodeBegin } from './feed-codec.ts';
import { FeedIntake } from './feed-intake.ts';

/** Whether a promise has resolved by now. */
function isDone(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => true), turn(false)]);
}

test('those who wait for an index go on when the history has everything below it', async () => {
  using world = createFeedWorld();
  world.publish({ symbol: 'A' }, { symbol: 'A' });
  const shard = world.join();
  await world.settle();
  const { intake } = shard;
  await intake.untilIndex(2);
  const waits = [3, 4, 4].map((index) => intake.untilIndex(index));
  world.publish({ symbol: 'A' });
  await world.settle();
  expect(await Promise.all(waits.map(isDone))).toEqual([true, false, false]);
  world.publish({ symbol: 'B' });
  await Promise.all(waits);
  expect(shard.history.next).toBe(4);
});

test('a beginning is told to delivery, which starts at its index', () => {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const seen: number[] = [];
  const sink = { offer: () => undefined, schedule: () => void seen.push(history.next) };
  const channels = new Channels(10);
  const parts = { history, channels, sink, counters: new Counters(), onLevel: () => undefined };
  new FeedIntake(parts).take(encodeBegin(50, 0));
  expect(seen).toEqual([50]);
});

test('the newest event of a quiet channel keeps nothing else in memory', async () => {
  using world = createFeedWorld({ historyBytes: 1_000 });
  for (let i = 0; i < 50; i++) world.publish({ symbol: `S${i}` });
  const shard = world.join();
  await world.settle();
  const { bytes } = shard.channels.find('S0.trade')!.newest!;
  expect(bytes.buffer.byteLength).toBe(bytes.length);
});

test('channels beyond the limit are forgotten, and counted', async () => {
  using world = createFeedWorld({ historyBytes: 1_000, maxChannels: 20 });
  const shard = world.join();
  await world.settle();
  for (let i = 0; i < 50; i++) {
    world.publish({ symbol: `S${i}` });
    await world.settle();
  }
  expect(shard.channels.size).toBe(20);
  expect(shard.counters.channelsForgotten).toBe(30);
  world.expectCopied(shard);
});
