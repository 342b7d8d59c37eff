/** Throttle levels: when they rise and fall, what clients are told, and when they are closed. */
import { expect, test } from 'vitest';
import { createWorld, maxBufferedBytes } from '../../../test/support/delivery-world.ts';
import type { FakeClient } from '../../../test/support/fake-client.ts';
import type { ThrottleSettings } from './sparing.ts';

type World = ReturnType<typeof createWorld>;

/** A client that holds `channels` and reads nothing. */
function stalledClient(world: World, ...channels: string[]): FakeClient {
  world.connect();
  const client = world.connect();
  world.delivery.resubscribe(client.connection, new Set(channels));
  client.socket.stalled = true;
  return client;
}

/** Publishes a little, flushes, and lets time pass. */
function round(world: World, passMs: number, channel: 'A.trade' | 'A.analytics' = 'A.trade'): void {
  for (let i = 0; i < 20; i++) world.publish(channel);
  world.delivery.flush();
  world.clock.nowMs += passMs;
}

const slow: Partial<ThrottleSettings> = { saturationMs: 1_000, recoveryMs: 30_000 };

test('a full socket counts once per saturationMs, and the third count raises the level', () => {
  using world = createWorld(slow);
  const client = stalledClient(world, 'A.trade');
  for (let i = 0; i < 20; i++) round(world, 10);
  expect(client.connection.lag).toMatchObject({ level: 0, saturated: 1 });
  world.clock.nowMs = 1_000;
  round(world, 999);
  round(world, 1);
  expect(client.connection.lag).toMatchObject({ level: 0, saturated: 2 });
  round(world, 0);
  expect(client.connection.lag).toMatchObject({ level: 1, saturated: 0 });
  expect(world.delivery.throttle.clientsAt(1)).toBe(1);
});

test('above the highest level it is closed with 4001 and the position to resume from', () => {
  using world = createWorld(slow);
  const client = stalledClient(world, 'A.trade');
  for (let second = 0; second < 12; second++) {
    expect(client.closed).toBeUndefined();
    round(world, 1_000);
  }
  expect(client.closed?.code).toBe(4001);
  client.drain(world.delivery);
  const last = client.numbers().at(-1);
  expect(client.closed?.reason).toBe(`client too slow: resume from A.trade@${last}`);
  expect(Buffer.byteLength(client.closed!.reason)).toBeLessThanOrEqual(123);
  expect(client.told('throttle_update')).toMatchObject([
    { level: 1, rate_percent: 75 },
    { level: 2, rate_percent: 50 },
    { level: 3, rate_percent: 25 },
  ]);
  expect([...world.counters.throttleTransitions]).toEqual([
    ['0 1', 1],
    ['1 2', 1],
    ['2 3', 1],
  ]);
  expect(world.logLines.filter((line) => line.includes('"audit":"throttled"'))).toHaveLength(3);
  expect(world.logLines.at(-1)).toContain('"audit":"disconnected_by_policy"');
});

test.each([
  [['A.trade', 'B.trade'], 3, 12],
  [['A.*'], 3, 12],
  [['A.trade', 'B.trade'], 1, 6],
])('with %j and maxLevel %i the reason names no position', (channels, maxLevel, seconds) => {
  using world = createWorld({ ...slow, maxLevel });
  const client = stalledClient(world, ...channels);
  for (let second = 0; second < seconds - 1; second++) round(world, 1_000);
  expect(client.closed).toBeUndefined();
  round(world, 1_000);
  expect(client.closed?.reason).toBe('client too slow: resume from your last position');
});

test('the level goes down one at a time, each after recoveryMs without a full socket', () => {
  using world = createWorld(slow);
  const { throttle } = world.delivery;
  const client = stalledClient(world, 'A.trade');
  for (let second = 0; second < 6; second++) round(world, 1_000);
  expect(client.connection.lag?.level).toBe(2);
  // While it is stalled and nothing is published it does not recover.
  world.clock.nowMs += 60_000;
  throttle.relax();
  expect(client.connection.lag?.level).toBe(2);
  client.drain(world.delivery);
  throttle.relax();
  expect(client.connection.lag?.level).toBe(1);
  world.clock.nowMs += 29_999;
  throttle.relax();
  expect(client.connection.lag?.level).toBe(1);
  world.clock.nowMs += 1;
  throttle.relax();
  expect(client.connection.lag?.level).toBe(0);
  expect(client.told('throttle_update').map(({ level }) => level)).toEqual([1, 2, 1, 0]);
  world.clock.nowMs += 30_000;
  throttle.relax();
  expect(client.connection.lag).toBeUndefined();
});

test('a client at level 0 that was behind for a moment loses nothing', () => {
  using world = createWorld(slow);
  const client = stalledClient(world, 'A.analytics');
  for (let i = 0; i < 10; i++) round(world, 100, 'A.analytics');
  client.drain(world.delivery);
  expect(client.numbers()).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(client.told('skipped')).toEqual([]);
});

test('with strategy none the level stays 0 and only the history ends it', () => {
  using world = createWorld({ ...slow, strategy: 'none' });
  const client = stalledClient(world, 'A.trade');
  for (let second = 0; second < 60; second++) round(world, 1_000);
  expect(client.connection.lag).toBeUndefined();
  expect(client.closed).toBeUndefined();
});

test('what a stalled client costs does not grow with what it misses', () => {
  using world = createWorld({ ...slow, saturationMs: 1e9 });
  const client = stalledClient(world, '*');
  round(world, 10);
  const { connection, socket } = client;
  const held = () => ({
    buffered: socket.writableLength,
    fields: Object.keys(connection).length,
    lag: Object.values(connection.lag!).length,
    missed: connection.missed.length,
  });
  const before = held();
  for (let i = 0; i < 1_000; i++) round(world, 10);
  expect(held()).toEqual(before);
  expect(before.buffered).toBeLessThan(maxBufferedBytes + 64 * 1024);
  expect(before).toMatchObject({ lag: 4, missed: 0 });
});

test('a closed client leaves the levels', () => {
  using world = createWorld({ ...slow, saturationMs: 0 });
  const client = stalledClient(world, 'A.trade');
  for (let i = 0; i < 3; i++) round(world, 0);
  expect(world.delivery.throttle.clientsAt(1)).toBe(1);
  world.delivery.remove(client.connection);
  expect(world.delivery.throttle.clientsAt(1)).toBe(0);
});
