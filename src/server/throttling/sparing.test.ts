/** Which events each strategy spares a lagging client. */
import { expect, test } from 'vitest';
import type { EventType } from '../../events/event-types.ts';
import { Channel } from '../delivery/channel.ts';
import { History } from '../delivery/history.ts';
import { isSpared, type ThrottleLevel, type ThrottleSettings } from './sparing.ts';

const settings: Omit<ThrottleSettings, 'strategy'> = {
  lightPercent: 75,
  mediumPercent: 50,
  heavyPercent: 25,
  maxLevel: 3,
  saturationMs: 1_000,
  recoveryMs: 30_000,
};
const types: EventType[] = [
  'TRADE_EXECUTED',
  'LIQUIDITY_ADDED',
  'PRICE_DELTA_UPDATED',
  'SOCIAL_LINKS_UPDATED',
];

/** `count` events of one type, each on the same channel. */
function frames(type: EventType, count: number) {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const channel = new Channel('A.trade', 'p');
  return Array.from({ length: count }, (_, n) => history.append(channel, n, 0, '{}', 0, type));
}

/** History indexes of the spared ones. */
function spared(
  strategy: ThrottleSettings['strategy'],
  level: ThrottleLevel,
  type: EventType,
  end = 8,
): number[] {
  return frames(type, 8)
    .filter((frame) => isSpared({ ...settings, strategy }, level, frame, end))
    .map(({ index }) => index);
}

test('conflate spares superseded analytics, from level 2 also low priorities, never the rest', () => {
  const older = [0, 1, 2, 3, 4, 5, 6];
  for (const level of [1, 2, 3] as const) {
    expect(spared('conflate', level, 'TRADE_EXECUTED')).toEqual([]);
    expect(spared('conflate', level, 'LIQUIDITY_ADDED')).toEqual([]);
    expect(spared('conflate', level, 'PRICE_DELTA_UPDATED')).toEqual(older);
    expect(spared('conflate', level, 'SOCIAL_LINKS_UPDATED')).toEqual(level === 1 ? [] : older);
  }
});

test('conflate looks no further than where the client is served to', () => {
  expect(spared('conflate', 1, 'PRICE_DELTA_UPDATED', 4)).toEqual([0, 1, 2]);
});

test('an event is superseded by its own type on its own channel only', () => {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const [a, b] = [new Channel('A.analytics', 'p'), new Channel('B.analytics', 'p')];
  const price = history.append(a, 0, 0, '{}', 0, 'PRICE_DELTA_UPDATED');
  history.append(a, 1, 0, '{}', 0, 'HOLDER_COUNT_UPDATED');
  history.append(b, 2, 0, '{}', 0, 'PRICE_DELTA_UPDATED');
  expect(price.supersededBy).toBe(-1);
  history.append(a, 3, 0, '{}', 0, 'PRICE_DELTA_UPDATED');
  expect(price.supersededBy).toBe(3);
});

test('priority drops from the least important on, and never CRITICAL', () => {
  const dropped = ([1, 2, 3] as const).map((level) =>
    types.filter((type) => spared('priority', level, type).length === 8),
  );
  expect(dropped).toEqual([
    ['SOCIAL_LINKS_UPDATED'],
    ['PRICE_DELTA_UPDATED', 'SOCIAL_LINKS_UPDATED'],
    ['LIQUIDITY_ADDED', 'PRICE_DELTA_UPDATED', 'SOCIAL_LINKS_UPDATED'],
  ]);
});

test('percentage leaves out the indexes that the original did, and never CRITICAL', () => {
  expect(spared('percentage', 1, 'LIQUIDITY_ADDED')).toEqual([0, 4]);
  expect(spared('percentage', 2, 'LIQUIDITY_ADDED')).toEqual([1, 3, 5, 7]);
  expect(spared('percentage', 3, 'LIQUIDITY_ADDED')).toEqual([1, 2, 3, 5, 6, 7]);
  for (const level of [1, 2, 3] as const) {
    expect(spared('percentage', level, 'TRADE_EXECUTED')).toEqual([]);
  }
});

test.each([0, 10, 33, 50, 60, 75, 90, 100])('percentage keeps %i of 100', (percent) => {
  const some = { ...settings, strategy: 'percentage', lightPercent: percent } as const;
  const kept = frames('LIQUIDITY_ADDED', 1_000).filter((frame) => !isSpared(some, 1, frame, 1_000));
  expect(kept).toHaveLength(percent * 10);
});

test.each(['conflate', 'priority', 'percentage', 'none'] as const)(
  '%s spares nothing at level 0',
  (strategy) => {
    for (const type of types) expect(spared(strategy, 0, type)).toEqual([]);
  },
);
