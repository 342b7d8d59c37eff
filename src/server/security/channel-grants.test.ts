import fc from 'fast-check';
import { expect, test } from 'vitest';
import { categories } from '../../events/categories.ts';
import { subscriptionsMatching } from '../../events/channel.ts';
import { isGranted, readGrants } from './channel-grants.ts';

const grantsOf = (...patterns: string[]) => {
  const grants = readGrants(patterns);
  if (typeof grants === 'string') throw new Error(grants);
  return grants;
};

test.each([
  [['BTC.*'], 'BTC.trade', true],
  [['BTC.*'], 'BTC.*', true],
  [['BTC.*'], 'ETH.trade', false],
  [['BTC.*'], '*.trade', false],
  [['BTC.*'], '*', false],
  [['BTC.*'], 'BTCX.trade', false],
  [['BTC.*'], 'btc.trade', false],
  [['BTC.*'], 'global.trending', false],
  [['BTC.trade'], 'BTC.trade', true],
  [['BTC.trade'], 'BTC.liquidity', false],
  [['BTC.trade'], 'BTC.*', false],
  [['*.trade'], 'ETH.trade', true],
  [['*.trade'], '*.trade', true],
  [['*.trade'], 'ETH.*', false],
  [['*.trade'], '*', false],
  [['*'], '*', true],
  [['*'], 'global.trending', true],
  [['*.trade'], 'global.trade', false],
  [['*.trade'], 'global.trending', false],
  [['global.*'], 'global.trending', true],
  [['global.*'], 'global.*', true],
  [['global.trending'], 'global.*', false],
  [[], 'BTC.trade', false],
  [[], '*', false],
  [['BTC.favorites'], 'BTC.community', true],
  [['odin.token.BTC.trade'], 'BTC.trade', true],
  [categories.map((category) => `BTC.${category}`), 'BTC.*', true],
  [categories.slice(1).map((category) => `BTC.${category}`), 'BTC.*', false],
  [categories.map((category) => `*.${category}`), 'BTC.*', true],
  [categories.map((category) => `*.${category}`), '*', false],
  [[...categories.map((category) => `*.${category}`), 'global.*'], '*', true],
  [categories.map((category) => `*.${category}`), 'global.*', false],
])('a token for %j asking for %s: %j', (patterns, subscription, expected) => {
  expect(isGranted(grantsOf(...patterns), subscription)).toBe(expected);
});

test('a token without the claim may see everything', () => {
  expect(readGrants(undefined)).toBeUndefined();
  expect(isGranted(undefined, '*')).toBe(true);
});

test.each([
  ['BTC.*'],
  [{ 0: 'BTC.*' }],
  [null],
  [['BTC']],
  [['BTC.nonsense']],
  [[7]],
  [Array.from({ length: 1_001 }, (_, n) => `T${n}.trade`)],
])('a claim that makes no sense grants nothing: %j', (claim) => {
  expect(readGrants(claim)).toMatch(/^claim "channels"/);
});

test('whatever is granted covers no channel that no pattern of the token matches', () => {
  const symbol = fc.constantFrom('BTC', 'ETH', 'global');
  const suffix = fc.constantFrom(...categories, 'trending');
  const channel = fc
    .tuple(symbol, suffix)
    .filter(([token, category]) => category !== 'trending' || token === 'global')
    .map((parts) => parts.join('.'));
  const pattern = fc.oneof(
    channel,
    symbol.map((token) => `${token}.*`),
    fc.constantFrom(...categories).map((category) => `*.${category}`),
    fc.constant('*'),
  );
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 20 }),
      pattern,
      channel,
      (patterns, wanted, seen) => {
        const grants = grantsOf(...patterns);
        if (!isGranted(grants, wanted) || !subscriptionsMatching(seen).includes(wanted)) return;
        expect(subscriptionsMatching(seen).some((one) => patterns.includes(one))).toBe(true);
      },
    ),
    { seed: 7, numRuns: 5_000 },
  );
});
