/** Tests of plan.ts. */
import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { channelsOf, workerCount } from './plan.ts';

function configOf(loadtest: Record<string, string>) {
  return configSchema.parse({ loadtest }).loadtest;
}

test.each([
  [1, '0', 8, 1],
  [2_500, '0', 8, 1],
  [2_501, '0', 8, 2],
  [100_000, '0', 8, 8],
  [100_000, '3', 8, 3],
  [2, '16', 8, 2],
])('%d clients with workers=%s on %d cores take %d processes', (connections, workers, cores, n) => {
  expect(workerCount(configOf({ workers }), connections, cores)).toBe(n);
});

test('in mode all, each client takes every channel once, in canonical form', () => {
  const config = configOf({ channels: 'odin.token.BTC.trade,ETH.favorites,BTC.trade' });
  expect(channelsOf(5, config)).toEqual(['BTC.trade', 'ETH.community']);
});

test('in mode single, clients take the channels in turn', () => {
  const config = configOf({ channels: 'A.trade,B.trade', subscriptionMode: 'single' });
  expect([0, 1, 2].map((client) => channelsOf(client, config))).toEqual([
    ['A.trade'],
    ['B.trade'],
    ['A.trade'],
  ]);
});

test('in mode random, the seed decides, and all channels get their share', () => {
  const settings = { channels: 'A.*,B.*,C.*,D.*', subscriptionMode: 'random' };
  const config = configOf({ ...settings, channelsPerClient: '2', seed: '9' });
  const other = configOf({ ...settings, channelsPerClient: '2', seed: '10' });
  const drawn = Array.from({ length: 1_000 }, (_, client) => channelsOf(client, config));
  expect(drawn).toEqual(drawn.map((_, client) => channelsOf(client, config)));
  expect(drawn).not.toEqual(drawn.map((_, client) => channelsOf(client, other)));
  expect(drawn.every((channels) => new Set(channels).size === 2)).toBe(true);
  for (const channel of config.channels) {
    const share = drawn.filter((channels) => channels.includes(channel)).length;
    expect(share).toBeGreaterThan(430);
    expect(share).toBeLessThan(570);
  }
});

test('in mode random, asking for more channels than there are gives all', () => {
  const config = configOf({ channels: 'A.*,B.*', subscriptionMode: 'random' });
  expect(channelsOf(0, config)).toEqual(['A.*', 'B.*']);
});
