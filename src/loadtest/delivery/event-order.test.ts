/** Tests of event-order.ts: how much a client lacks, held against the chains of the book. */
import { expect, test } from 'vitest';
import { createLedger, offsets } from '../../../test/support/ledger-world.ts';
import { createRandom, randomIndex } from '../../base/random.ts';
import { ChannelBook } from './channel-book.ts';
import { EventOrder } from './event-order.ts';
import { EventOrders } from './event-orders.ts';

test('it counts what a walk along the chain counts', () => {
  const random = createRandom(5);
  const book = new ChannelBook({ hasLateReaders: true });
  const id = book.idOf('BTC.trade');
  const known: number[] = [];
  let prev = Number.NaN;
  for (let n = 0; n < 6_000; n++) {
    const offset = (prev || 0) + 1 + randomIndex(random, 3);
    book.note(id, offset, prev, 10_000 + n, 10_000 + n - randomIndex(random, 2));
    known.push(offset);
    prev = offset;
  }
  const order = book.orderOf(id);
  for (let times = 0; times < 200; times++) {
    const [one, two] = [randomIndex(random, 6_000), randomIndex(random, 6_000)];
    const [after, last] = [Math.min(one, two), Math.max(one, two)];
    if (after === last) continue;
    const count = order.countBetween(known[after] as number, known[last] as number);
    expect(count).toBe(last - after);
    expect(book.walk(id, known[last] as number, known[after] as number).count).toBe(count);
    const sinceMs = 10_000 + after;
    expect(order.countSince(sinceMs, known[last] as number)).toBe(
      book.dueSince(id, known[last] as number, sinceMs).count,
    );
  }
});

test('an event that is only named by the one after it counts', () => {
  const order = new EventOrder([
    { offset: 5, prev: 3, dueAtMs: 20 },
    { offset: 9, prev: 7, dueAtMs: 30 },
  ]);
  expect(order.countBetween(1, 9)).toBe(4);
  expect(order.countBetween(9, 9)).toBe(0);
});

test('an event that is only named counts as due no earlier than the one before it', () => {
  const order = new EventOrder([
    { offset: 5, prev: 3, dueAtMs: 20 },
    { offset: 9, prev: 7, dueAtMs: 30 },
  ]);
  // The first may be from long before anybody was there.
  expect(order.countSince(0, 9)).toBe(3);
  expect(order.countSince(20, 9)).toBe(1);
  expect(order.countSince(30, 9)).toBe(0);
});

test('a client lacks what is behind its last event, or was due after its subscription', () => {
  const { book, join } = createLedger();
  join(0).receive(...offsets.keys());
  const behind = join(1);
  behind.receive(0, 1, 2);
  const fresh = join(2, 10_004 - 250);
  const [target] = book.newest();
  const orders = new EventOrders(book);
  expect(orders.countLacking(behind.cursor, target!)).toBe(7);
  expect(orders.countLacking(fresh.cursor, target!)).toBe(5);
});
