import { expect, test } from 'vitest';
import { eventAt } from '../../test/support/fake-web-socket.ts';
import { Coverage } from './coverage.ts';
import { type Interest, Interests } from './interests.ts';
import { Places } from './places.ts';
import type { Subscription } from './subscription.ts';

/** Interests that are held, by name. */
function held(...names: readonly string[]) {
  const interests = new Interests(new Places(9));
  const all = names.map((name) => interests.add(name, {} as Subscription));
  for (const interest of all) interest.state = 'held';
  return { interests, all: all as [Interest, Interest] };
}

const at = (ts: number) => eventAt('A.trade', 1, null, { ts });

test('an event says of quiet subscriptions that they have missed nothing', () => {
  const { interests, all } = held('*.trade', '*.social');
  const coverage = new Coverage();
  for (const interest of all) coverage.add(interest, 100, undefined);
  coverage.note(at(500), [all[0]], 600);
  coverage.settle(interests);
  expect(all.map(({ coveredMs }) => coveredMs)).toEqual([500, 500]);
});

test('a missed event that comes late says nothing of the other subscriptions', () => {
  const { interests, all } = held('*.trade', '*.social');
  const coverage = new Coverage();
  all[0].coveredMs = 100;
  all[1].coveredMs = 100;
  coverage.add(all[0], 900, 700);
  coverage.add(all[1], 900, 800);
  coverage.note(at(600), [all[0]], 900);
  coverage.settle(interests);
  expect(all.map(({ coveredMs }) => coveredMs)).toEqual([600, 100]);
  coverage.note(at(700), [all[0]], 900);
  coverage.note(at(800), [all[1]], 900);
  coverage.note(at(850), [all[0]], 900);
  coverage.settle(interests);
  expect(all.map(({ coveredMs }) => coveredMs)).toEqual([850, 850]);
});

test('an event from the future says no more than the clock', () => {
  const { interests, all } = held('*.trade');
  const coverage = new Coverage();
  coverage.add(all[0], 100, undefined);
  coverage.note(at(99_999), [all[0]], 600);
  coverage.settle(interests);
  expect(all[0].coveredMs).toBe(600);
});

test('an answer counts when no event came since the one before it', () => {
  const { interests, all } = held('*.trade');
  const coverage = new Coverage();
  coverage.add(all[0], 100, undefined);
  coverage.note(at(200), [all[0]], 600);
  coverage.pong(700);
  coverage.settle(interests);
  expect(all[0].coveredMs).toBe(200);
  coverage.pong(800);
  coverage.settle(interests);
  expect(all[0].coveredMs).toBe(800);
});
