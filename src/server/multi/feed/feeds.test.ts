import { performance } from 'node:perf_hooks';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { createFeedWorld, type FakeShard } from '../../../../test/support/feed-world.ts';
import { Channel } from '../../delivery/channel.ts';
import { maxPipeBytes } from './feed.ts';
import { stepBytes } from './feed-codec.ts';

const megabyte = 1024 * 1024;

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test('a shard gets what the history holds, where other channels stand, and then each batch', async () => {
  using world = createFeedWorld({ historyBytes: 3_000 });
  for (let i = 0; i < 100; i++) world.publish({ symbol: `OLD${i}` });
  for (let i = 0; i < 5; i++) world.publish({ symbol: 'A' }, { symbol: 'B' });
  const shard = world.join();
  await world.settle();
  expect(world.history.first).toBeGreaterThan(50);
  expect([shard.startedAt, shard.levels, shard.filled]).toEqual([world.history.first, 1, 1]);
  world.expectCopied(shard);
  expect(shard.channels.find('OLD0.trade')!.newest!.bytes).toEqual(
    world.channels.find('OLD0.trade')!.newest!.bytes,
  );
  world.publish({ symbol: 'OLD0' }, { symbol: 'NEW' });
  await world.settle();
  world.expectCopied(shard);
  expect(shard.feed.state).toMatchObject({ lagEvents: 0, isLevel: true, stalls: 0 });
});

test('a batch is built once whatever the number of shards, and scheduled once in each', async () => {
  using world = createFeedWorld();
  const shards = Array.from({ length: 5 }, () => world.join());
  await world.settle();
  const before = { ...world.feeds.counts };
  const scheduled = shards[0]!.scheduled;
  for (let i = 0; i < 3; i++) world.publish({ symbol: 'A' }, { symbol: 'B' });
  await world.settle();
  expect(world.feeds.counts.batchesBuilt - before.batchesBuilt).toBe(1);
  expect(shards.map(({ offered }) => offered)).toEqual([6, 6, 6, 6, 6]);
  expect(shards[0]!.scheduled - scheduled).toBe(1);
  for (const shard of shards) world.expectCopied(shard);
});

test('events go out at once while shards are idle, and as far apart as these flush when busy', async () => {
  using world = createFeedWorld();
  const shards = Array.from({ length: 3 }, () => world.join());
  await world.settle();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const batchesOf = async (publish: () => void) => {
    const before = world.feeds.counts.batchesBuilt;
    publish();
    await world.settle();
    return world.feeds.counts.batchesBuilt - before;
  };
  expect(await batchesOf(() => world.publish({ symbol: 'A' }))).toBe(1);
  for (const { feed } of shards) world.feeds.pace(feed, 60);
  expect(world.feeds.intervalMs).toBe(60);
  expect(await batchesOf(() => world.publish({ symbol: 'A' }))).toBe(0);
  vi.advanceTimersByTime(30);
  expect(await batchesOf(() => world.publish({ symbol: 'B' }))).toBe(0);
  expect(await batchesOf(() => void vi.advanceTimersByTime(31))).toBe(1);
  for (const shard of shards) world.expectCopied(shard);
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 100);
  expect(await batchesOf(() => world.publish({ symbol: 'A' }))).toBe(1);
  for (const shard of shards) world.expectCopied(shard);
});

test('what is held back does not wait for a full message, a broken partition or a new shard', async () => {
  using world = createFeedWorld();
  const shard = world.join();
  await world.settle();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  world.feeds.pace(shard.feed, 60);
  const { bytesFed } = world.feeds.counts;
  world.publish(...Array.from({ length: 40 }, () => ({ symbol: 'A', size: 20_000 })));
  expect(world.feeds.counts.bytesFed - bytesFed).toBeGreaterThan(1.3 * megabyte);
  world.publish({ symbol: 'B' });
  world.lose(0);
  await world.settle();
  world.expectCopied(shard);
  world.publish({ symbol: 'C' });
  const other = world.join();
  await world.settle();
  world.expectCopied(shard);
  world.expectCopied(other);
});

test('neither a shard that lags nor one without clients sets the pace of all', async () => {
  using world = createFeedWorld();
  const [slow, usual, fresh] = [world.join(), world.join(), world.join()];
  world.feeds.pace(slow.feed, 100);
  world.feeds.pace(usual.feed, 60);
  expect(world.feeds.intervalMs).toBe(60);
  world.feeds.remove(slow.feed);
  expect(world.feeds.intervalMs).toBe(60);
  world.feeds.remove(usual.feed);
  expect(world.feeds.intervalMs).toBe(0);
  world.feeds.remove(fresh.feed);
  expect(world.feeds.intervalMs).toBe(0);
});

test('a shard that does not read costs a bounded buffer and delays no other', async () => {
  using world = createFeedWorld();
  const [stalled, other] = [world.join(), world.join()];
  await world.settle();
  stalled.shut();
  for (let i = 0; i < 200; i++) {
    world.publish({ symbol: 'A', size: 12_000 }, { symbol: 'B', size: 12_000 });
    await world.settle();
    expect(other.isCurrent).toBe(true);
    expect(other.history.next).toBe(world.history.next);
    expect(stalled.feed.state.bufferedBytes).toBeLessThan(maxPipeBytes + stepBytes);
  }
  expect(stalled.feed.state).toMatchObject({ isLevel: false, stalls: 1 });
  expect(stalled.feed.state.lagEvents).toBeGreaterThan(300);
  expect(world.feeds.counts.stalls).toBe(1);
  stalled.open();
  await world.settle();
  world.expectCopied(stalled);
  expect([stalled.levels, stalled.filled]).toEqual([2, 1]);
});

test('a large batch goes in messages of a step each, before its turn ends', async () => {
  using world = createFeedWorld();
  const shard = world.join();
  await world.settle();
  const { bytesFed } = world.feeds.counts;
  world.publish(...Array.from({ length: 40 }, () => ({ symbol: 'A', size: 20_000 })));
  expect(world.feeds.counts.bytesFed - bytesFed).toBeGreaterThan(1.3 * megabyte);
  expect(world.feeds.counts.batchesBuilt).toBeGreaterThanOrEqual(5);
  await world.settle();
  world.expectCopied(shard);
});

test('a shard that the history has overtaken is said so once, and gets nothing more', async () => {
  using world = createFeedWorld({ historyBytes: 2 * megabyte });
  const shard = world.join();
  await world.settle();
  shard.shut();
  for (let i = 0; i < 400; i++) {
    world.publish({ symbol: 'A', size: 12_000 });
    await world.settle();
  }
  shard.open();
  await world.settle();
  expect([shard.overtaken, world.feeds.counts.overtaken]).toEqual([1, 1]);
  const had = shard.history.next;
  world.publish({ symbol: 'A' });
  await world.settle();
  expect(shard.history.next).toBe(had);
  world.feeds.remove(shard.feed);
  expect(world.feeds.size).toBe(0);
});

test('one that serves nobody yet may be filled anew instead', async () => {
  using world = createFeedWorld({ historyBytes: 2 * megabyte });
  world.publish({ symbol: 'QUIET' }, { symbol: 'A' });
  const shard = world.join({ onOvertaken: () => 'restart' });
  shard.shut();
  for (let i = 0; i < 400; i++) {
    world.publish({ symbol: i === 50 ? 'SEEN' : 'A', size: 12_000 });
    await world.settle();
  }
  shard.open();
  await world.settle();
  expect(shard.overtaken).toBe(1);
  expect(shard.startedAt).toBeGreaterThan(100);
  world.expectCopied(shard);
});

test('channels by the thousand come in steps, and level comes after them', async () => {
  using world = createFeedWorld();
  for (let i = 0; i < 45_000; i++) {
    const channel = new Channel(`S${i}.trade`, `odin.trades/${i % 12}`);
    channel.restore(i, -1, undefined);
    world.channels.add(channel, 0);
  }
  world.publish({ symbol: 'A' });
  const shard = world.join();
  shard.shut();
  await world.settle();
  expect(shard.feed.state.bufferedBytes).toBeLessThan(2 * stepBytes);
  expect(shard.filled).toBe(0);
  shard.open();
  await world.settle();
  expect(shard.channels.size).toBe(45_001);
  world.expectCopied(shard);
});

test('a partition that broke while a shard lagged breaks only what has no newer event', async () => {
  using world = createFeedWorld();
  world.publish({ symbol: 'A' }, { symbol: 'B' }, { symbol: 'C', partition: 1 });
  const shard = world.join();
  await world.settle();
  shard.shut();
  for (let i = 0; i < 60; i++) world.publish({ symbol: 'D', partition: 2, size: 12_000 });
  await world.settle();
  expect(shard.feed.state.isLevel).toBe(false);
  world.lose(0);
  world.publish({ symbol: 'B' });
  await world.settle();
  shard.open();
  await world.settle();
  const lastOffset = (name: string) => shard.channels.find(name)!.lastOffset;
  expect(lastOffset('A.trade')).toBeUndefined();
  expect(lastOffset('B.trade')).toBe(world.channels.find('B.trade')!.lastOffset);
  expect(lastOffset('C.trade')).toBe(102);
  world.expectCopied(shard);
  world.lose(1);
  await world.settle();
  expect(lastOffset('C.trade')).toBeUndefined();
  world.expectCopied(shard);
});

test('a pipe that breaks ends its feed and nothing else', async () => {
  using world = createFeedWorld();
  const [gone, other] = [world.join(), world.join()];
  await world.settle();
  gone.pipe.destroy(new Error('EPIPE'));
  world.publish({ symbol: 'A' });
  await world.settle();
  world.expectCopied(other);
  expect(gone.feed.isLevel).toBe(false);
  expect(gone.overtaken).toBe(0);
});

const someShard = fc.nat(2);
const event = fc.record({
  symbol: fc.constantFrom('A', 'B', 'C', 'D', 'E', 'F', 'G'),
  topic: fc.constantFrom('odin.trades' as const, 'odin.analytics' as const),
  partition: fc.constantFrom(0, 0, 0, 1),
  size: fc.constantFrom(0, 50, 300, 30_000, 60_000),
});
const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ publish: fc.array(event, { minLength: 1, maxLength: 12 }) }),
  },
  { weight: 4, arbitrary: fc.constant({ turn: true }) },
  { weight: 3, arbitrary: fc.record({ shut: someShard }) },
  { weight: 3, arbitrary: fc.record({ open: someShard }) },
  { weight: 2, arbitrary: fc.record({ lose: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ join: someShard, restarts: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ leave: someShard }) },
);

test('whatever happens, a shard that is level is a copy of the primary', async () => {
  const seen = { levels: 0, overtaken: 0, stalls: 0, ended: 0 };
  const property = fc.asyncProperty(
    fc.array(command, { minLength: 20, maxLength: 80 }),
    fc.nat(),
    async (commands, seed) => {
      using world = createFeedWorld({ historyBytes: 1.5 * megabyte, seed });
      const shards: (FakeShard | undefined)[] = [];
      const check = () => {
        for (const shard of shards) {
          if (shard === undefined) continue;
          expect(shard.feed.state.bufferedBytes).toBeLessThan(maxPipeBytes + 2 * stepBytes);
          if (!shard.isCurrent) continue;
          seen.levels++;
          world.expectCopied(shard);
        }
      };
      for (const step of commands) {
        if ('publish' in step) world.publish(...step.publish);
        else if ('lose' in step) world.lose(step.lose);
        else if ('shut' in step) shards[step.shut]?.shut();
        else if ('open' in step) shards[step.open]?.open();
        else if ('join' in step) {
          const onOvertaken = () => (step.restarts ? ('restart' as const) : ('end' as const));
          shards[step.join] ??= world.join({ onOvertaken });
        } else if ('leave' in step) {
          const shard = shards[step.leave];
          if (shard !== undefined) world.feeds.remove(shard.feed);
          shards[step.leave] = undefined;
        } else await world.settle();
        check();
      }
      for (const shard of shards) shard?.open();
      await world.settle();
      check();
      for (const shard of shards) {
        if (shard === undefined) continue;
        seen.stalls += shard.feed.state.stalls;
        seen.overtaken += shard.overtaken;
        if (!shard.isCurrent) {
          expect(shard.overtaken).toBe(1);
          seen.ended++;
        }
      }
    },
  );
  await fc.assert(property, { numRuns: 150, seed: 4 });
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(3);
}, 60_000);
