/** Marks of carried records: what is written is read, and nothing else. */
import { expect, test } from 'vitest';
import { Places } from './places.ts';
import { floorOf, formatPlace, formatPlaces, markOf, settledOf, sourceOf } from './source-mark.ts';

test('a place and what was settled come back as they were', () => {
  const places = new Places();
  places.raise('odin.trades', 11, 17);
  places.raise('odin.trades', 0, 4);
  places.raise('stream', 0, 9_007_199_254_740_991);
  const place = { topic: 'odin.trades', partition: 3, offset: 1250 };
  const mark = markOf(formatPlace('E_-9', place), {
    settled: formatPlaces('E_-9', places),
    floor: formatPlaces('E_-9', places),
  });
  expect(mark['odin-source']).toBe('E_-9/odin.trades/3/1250');
  expect(sourceOf(mark, 'E_-9')).toEqual(place);
  expect(settledOf(mark, 'E_-9')?.all()).toEqual(places.all());
  expect(floorOf(mark, 'E_-9')?.all()).toEqual(places.all());
});

test('nothing settled yet is something else than no word of it', () => {
  const settled = settledOf(
    markOf('E/a/0/1', { settled: formatPlaces('E', new Places()), floor: undefined }),
    'E',
  );
  expect(settled?.all()).toEqual([]);
  expect(settledOf(markOf('E/a/0/1', undefined), 'E')).toBeUndefined();
});

test('marks of another source are not ours', () => {
  const mark = markOf('E/a/0/1', { settled: formatPlaces('E', new Places()), floor: undefined });
  expect(sourceOf(mark, 'F')).toBeUndefined();
  expect(settledOf(mark, 'F')).toBeUndefined();
});

test.each(['', 'E', 'E/a/0', 'E/a/x/1', 'E/a/0/-1', 'E/a/0/1e99', 'E/a/0/1/2'])(
  'a header %j is no mark',
  (text) => {
    expect(sourceOf({ 'odin-source': text }, 'E')).toBeUndefined();
  },
);

test('places only grow', () => {
  const places = new Places();
  places.raise('a', 2, 5);
  places.raise('a', 2, 3);
  expect(places.next('a', 2)).toBe(5);
  expect(places.next('a', 0)).toBeUndefined();
  expect(places.all()).toEqual([{ lane: 'a', partition: 2, next: 5 }]);
});
