import { expect, test } from 'vitest';
import {
  channelOfRecord,
  normaliseChannel,
  subscriptionsMatching,
  topicOfChannel,
  topicOfEvent,
} from './channel.ts';

test.each([
  ['BTC.trade', 'BTC.trade'],
  ['odin.token.BTC.trade', 'BTC.trade'],
  ['BTC.favorites', 'BTC.community'],
  ['odin.global.trending', 'global.trending'],
  ['global.new_listing', 'global.new_listing'],
  ['BTC.*', 'BTC.*'],
  ['*.trade', '*.trade'],
  ['*', '*'],
  ['*.*', '*'],
  ['odin.token.>', '*'],
])('%s is taken as %s', (text, channel) => {
  expect(normaliseChannel(text)).toBe(channel);
});

test.each([
  '',
  'BTC',
  'BTC.',
  '.trade',
  'BTC.nope',
  'B C.trade',
  'BTC.trade.x',
  `${'x'.repeat(33)}.trade`,
  'B*.trade',
  'constructor.constructor',
  'BTC.__proto__',
])('%j is no channel', (text) => {
  expect(normaliseChannel(text)).toBeUndefined();
});

test('a record belongs to the channel of its key and topic', () => {
  expect(channelOfRecord('odin.trades', 'BTC')).toBe('BTC.trade');
  expect(channelOfRecord('odin.analytics', 'global.trending')).toBe('global.trending');
  expect(channelOfRecord('odin.trades', 'B.C')).toBeUndefined();
  expect(channelOfRecord('other', 'BTC')).toBeUndefined();
});

test('the subscriptions that match a channel are those its name normalises from', () => {
  expect(subscriptionsMatching('BTC.trade')).toEqual(['BTC.trade', 'BTC.*', '*.trade', '*']);
  expect(subscriptionsMatching('global.trending')).toEqual(['global.trending', 'global.*', '*']);
});

test.each([
  ['TRADE_EXECUTED', 'BTC', 'BTC.trade'],
  ['TOKEN_LISTED', 'BTC', 'BTC.creation'],
  ['TOKEN_LISTED', 'global.new_listing', 'global.new_listing'],
  ['TRENDING_UPDATED', 'global.trending', 'global.trending'],
] as const)('%s with the key %s goes to the one topic of %s', (type, key, channel) => {
  const topic = topicOfEvent(type, key);
  expect(topicOfChannel(channel)).toBe(topic);
  expect(channelOfRecord(topic, key)).toBe(channel);
});
