import { expect, test } from 'vitest';
import { eventAt } from '../../test/support/fake-web-socket.ts';
import { Places } from './places.ts';

test('beyond the limit the channel that was quiet longest is forgotten', () => {
  const places = new Places(2);
  places.take(eventAt('A.trade', 1, null));
  places.take(eventAt('B.trade', 1, null));
  places.take(eventAt('A.trade', 2, 1));
  places.take(eventAt('C.trade', 1, null));
  expect(['A', 'B', 'C'].map((token) => places.offsetOf(`${token}.trade`))).toEqual([
    2,
    undefined,
    1,
  ]);
  expect(places.forgotten).toBe(1);
});

test.each([
  { prev: 5, verdict: 'next', why: 'it follows' },
  { prev: 6, verdict: 'gap', why: 'something lies between' },
  { prev: null, verdict: 'gap', why: 'the server knew a last one, and does not any more' },
])('after offset 5 an event with prev $prev is a "$verdict": $why', ({ prev, verdict }) => {
  const places = new Places(9);
  places.take(eventAt('A.trade', 5, null));
  expect(places.judge(eventAt('A.trade', 8, prev))).toBe(verdict);
});

test('on another connection, a server may not know the event before', () => {
  const places = new Places(9);
  places.take(eventAt('A.trade', 5, null));
  places.nextRound();
  expect(places.judge(eventAt('A.trade', 8, null))).toBe('next');
  places.doubt('*.trade', 'unsure');
  expect(places.judge(eventAt('A.trade', 8, null))).toBe('gap');
});

test('what was skipped on one connection does not excuse a hole on the next', () => {
  const places = new Places(9);
  places.take(eventAt('A.trade', 5, null));
  places.skip('A.trade', 2);
  expect(places.judge(eventAt('A.trade', 8, 7))).toBe('next');
  places.nextRound();
  expect(places.judge(eventAt('A.trade', 8, 7))).toBe('gap');
});

test('channels of a subscription that is over are forgotten, but for those covered otherwise', () => {
  const places = new Places(9);
  places.take(eventAt('A.trade', 5, null));
  places.take(eventAt('B.trade', 6, null));
  places.forget('*.trade', (names) => names.includes('B.*'));
  expect([places.offsetOf('A.trade'), places.offsetOf('B.trade')]).toEqual([undefined, 6]);
});
