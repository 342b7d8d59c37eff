/** Feeds over real sockets: back-pressure is the kernel's, and so are the pieces that arrive. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { maxPipeBytes } from '../src/server/multi/feed/feed.ts';
import { stepBytes } from '../src/server/multi/feed/feed-codec.ts';
import { createFeedWorld, type FakeShard } from './support/feed-world.ts';

/** Pairs of connected sockets: one end to write, the other to read. */
async function createPairs() {
  const folder = await mkdtemp(join(tmpdir(), 'odin-feed-'));
  const server = createServer();
  server.listen(join(folder, 'socket'));
  await once(server, 'listening');
  const sockets: Socket[] = [];
  return {
    async pair(): Promise<{ near: Socket; far: Socket }> {
      const near = connect(join(folder, 'socket'));
      const [far] = (await once(server, 'connection')) as [Socket];
      sockets.push(near, far);
      return { near, far };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
      await rm(folder, { recursive: true });
    },
  };
}

async function joinOver(
  world: ReturnType<typeof createFeedWorld>,
  { near, far }: { near: Socket; far: Socket },
): Promise<FakeShard> {
  const filled = Promise.withResolvers<void>();
  const shard = world.join({ onLevel: filled.resolve }, near);
  far.on('data', (chunk) => shard.intake.take(chunk));
  await filled.promise;
  return shard;
}

test('a shard that stops reading is left alone, others go on, and it catches up', async () => {
  await using pairs = await createPairs();
  using world = createFeedWorld();
  const sleepy = await pairs.pair();
  const shards = [await joinOver(world, sleepy), await joinOver(world, await pairs.pair())];
  const [stalled, other] = shards as [FakeShard, FakeShard];
  sleepy.far.pause();
  for (let i = 0; i < 300; i++) {
    world.publish({ symbol: `S${i % 7}`, size: 20_000 }, { symbol: 'A' });
    await turn();
    expect(stalled.feed.state.bufferedBytes).toBeLessThan(maxPipeBytes + stepBytes);
  }
  await other.intake.untilIndex(world.history.next);
  expect(stalled.feed.state).toMatchObject({ isLevel: false, stalls: 1 });
  expect(other.feed.state).toMatchObject({ isLevel: true, lagEvents: 0 });
  sleepy.far.resume();
  await stalled.intake.untilIndex(world.history.next);
  for (const shard of shards) world.expectCopied(shard);
});

test('a shard that joins a full history under load is filled, and misses nothing', async () => {
  await using pairs = await createPairs();
  using world = createFeedWorld({ historyBytes: 8 * 1024 * 1024 });
  for (let i = 0; i < 3_000; i++) world.publish({ symbol: `S${i}`, size: 2_000 });
  const isFilled = { value: false };
  const joining = joinOver(world, await pairs.pair()).then((shard) => {
    isFilled.value = true;
    return shard;
  });
  let published = 0;
  while (!isFilled.value) {
    world.publish({ symbol: `S${published++ % 3_000}`, size: 2_000 });
    await turn();
  }
  const shard = await joining;
  await shard.intake.untilIndex(world.history.next);
  expect(published).toBeGreaterThan(10);
  expect(shard.overtaken).toBe(0);
  world.expectCopied(shard);
});

test('a shard whose process ends takes nothing with it', async () => {
  await using pairs = await createPairs();
  using world = createFeedWorld();
  const doomed = await pairs.pair();
  const [gone, other] = [await joinOver(world, doomed), await joinOver(world, await pairs.pair())];
  doomed.far.destroy();
  const closed = once(doomed.near, 'close');
  for (let i = 0; i < 20; i++) {
    world.publish({ symbol: 'A', size: 50_000 });
    await turn();
  }
  await closed;
  world.publish({ symbol: 'B' });
  await other.intake.untilIndex(world.history.next);
  world.expectCopied(other);
  expect(gone.feed.isLevel).toBe(false);
});
