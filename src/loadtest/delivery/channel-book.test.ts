/** Tests of channel-book.ts. */
import { expect, test } from 'vitest';
import { ChannelBook } from './channel-book.ts';

test('a channel keeps its latest 4 096 events and counts those it forgets', () => {
  const book = new ChannelBook();
  const id = book.idOf('BTC.trade');
  for (let offset = 1; offset <= 5_000; offset++) book.note(id, offset, offset - 1, 0, 0);
  expect(book.forgotten).toBe(904);
  expect(book.walk(id, 5_000, 4_000)).toEqual({ count: 1_000, complete: true });
  expect(book.walk(id, 5_000, 100)).toEqual({ count: 4_097, complete: false });
});

test('with late readers it keeps as many as there is room for, and takes none back', () => {
  const book = new ChannelBook({ hasLateReaders: true });
  const id = book.idOf('BTC.trade');
  for (let offset = 1; offset <= 262_244; offset++) book.note(id, offset, offset - 1, 0, 0);
  expect(book.forgotten).toBe(100);
  for (let offset = 1; offset <= 1_000; offset++) book.note(id, offset, offset - 1, 0, 0);
  expect(book.forgotten).toBe(100);
  expect(book.walk(id, 262_244, 100)).toEqual({ count: 262_144, complete: true });
});

test('many channels share the room', () => {
  const book = new ChannelBook();
  const ids = Array.from({ length: 4_096 }, (_, i) => book.idOf(`T${i}.trade`));
  for (let offset = 1; offset <= 100; offset++) {
    for (const id of ids) book.note(id, offset, offset - 1, 0, 0);
  }
  expect(book.forgotten).toBe(4_096 * (100 - 64));
});

test('a chain that leads nowhere ends the walk', () => {
  const book = new ChannelBook();
  const id = book.idOf('BTC.trade');
  book.note(id, 5, 5, 0, 0);
  expect(book.walk(id, 5, 1)).toEqual({ count: 1, complete: false });
  expect(book.dueSince(id, 5, -1)).toEqual({ count: 1, first: 5 });
});

test('ids are dense and the first name wins', () => {
  const book = new ChannelBook();
  expect([book.idOf('a.x'), book.idOf('b.x'), book.idOf('a.x')]).toEqual([0, 1, 0]);
  expect(book.nameOf(1)).toBe('b.x');
});

test('an event is due when the fastest one would have come, whatever the clocks say', () => {
  const book = new ChannelBook();
  const id = book.idOf('BTC.trade');
  const aheadMs = 3_600_000;
  book.note(id, 1, Number.NaN, 1_000, 995 + aheadMs);
  book.note(id, 2, 1, 9_000, 2_000 + aheadMs);
  expect(book.dueAtMs(id, 1)).toBe(1_000);
  expect(book.dueAtMs(id, 2)).toBe(2_005);
  expect(book.dueAtMs(id, 3)).toBeNaN();
  expect(book.dueSince(id, 2, 1_500)).toEqual({ count: 1, first: 2 });
  expect(book.dueSince(id, 2, 2_500)).toEqual({ count: 0, first: Number.NaN });
});
