import { expect, test } from 'vitest';
import { categories, categoryFacts } from '../../events/categories.ts';
import { Subjects } from './subjects.ts';

const subjects = new Subjects('odin');

test('each category has its subject, and the subject gives topic and symbol back', () => {
  for (const category of categories) {
    const { topic } = categoryFacts[category];
    const subject = subjects.of(topic, 'A-b_9');
    expect(subject).toBe(`odin.token.A-b_9.${category}`);
    expect(subjects.placeOf(subject!)).toEqual({ topic, key: 'A-b_9' });
  }
});

test('favorites are community', () => {
  const place = { topic: 'odin.community', key: 'BTC' };
  expect(subjects.placeOf('odin.token.BTC.favorites')).toEqual(place);
});

test('global channels are one topic, whatever topic their publisher names', () => {
  expect(subjects.of('odin.creation', 'global.new_listing')).toBe('odin.global.new_listing');
  expect(subjects.of('odin.analytics', 'global.trending')).toBe('odin.global.trending');
  expect(subjects.placeOf('odin.global.trending')).toEqual({
    topic: 'odin.analytics',
    key: 'global.trending',
  });
});

test.each([
  'odin.token.BTC.price',
  'odin.token.batch.update.now',
  'odin.token.BTC',
  'odin.token.BTC.trade.x',
  'odin.global.a.b',
  'elsewhere',
])('%s is no topic of odin, and stays visible', (subject) => {
  expect(subjects.placeOf(subject)).toEqual({ topic: subject, key: subject });
});

test.each(['', 'not.a.symbol', 'BTC *', '>', 'global.', 'global.a.b', 'x'.repeat(33)])(
  'the key %j has no subject',
  (key) => {
    expect(subjects.of('odin.trades', key)).toBeUndefined();
  },
);

test('a filter lets through all that belongs to a topic', () => {
  expect(subjects.filterOf('odin.trades')).toBe('odin.token.*.trade');
  // Global channels, and favorites: no single filter would do.
  expect(subjects.filterOf('odin.analytics')).toBeUndefined();
  expect(subjects.filterOf('odin.community')).toBeUndefined();
});

test('a prefix of several parts keeps environments of one account apart', () => {
  const staging = new Subjects('staging.odin');
  expect(staging.all).toEqual(['staging.odin.token.>', 'staging.odin.global.>']);
  expect(staging.placeOf(staging.of('odin.trades', 'BTC')!)).toEqual({
    topic: 'odin.trades',
    key: 'BTC',
  });
  expect(staging.placeOf('odin.token.BTC.trade').topic).toBe('odin.token.BTC.trade');
});
