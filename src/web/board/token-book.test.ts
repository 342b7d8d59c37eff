/** What the board makes of events: prices, changes, lines, and what it forgets. */
import { expect, test } from 'vitest';
import type { MarketEvent } from '../../client/market-event.ts';
import { changeOf, TokenBook } from './token-book.ts';

let offset = 0;

function event(symbol: string, type: MarketEvent['type'], ts: number, data: object): MarketEvent {
  const category = type === 'PRICE_DELTA_UPDATED' ? 'analytics' : 'trade';
  const place = { channel: `${symbol}.${category}`, offset: ++offset, prev: null };
  return { ts, type, priority: 'HIGH', ...place, data } as unknown as MarketEvent;
}

const trade = (symbol: string, ts: number, price: unknown) =>
  event(symbol, 'BUY_COMPLETED', ts, { price, amount: 1 });

test('a price is compared with the first one, until events tell that of a day ago', () => {
  const book = new TokenBook();
  book.take(trade('BTC', 1_000, 100));
  book.take(trade('BTC', 2_000, 110));
  expect(book.fold()).toEqual(['BTC']);
  const token = book.tokens.get('BTC')!;
  expect(changeOf(token)).toBeCloseTo(10);
  expect(token.base?.isDayOld).toBe(false);
  book.take(event('BTC', 'PRICE_DELTA_UPDATED', 3_000, { price: 110, delta24h: -50 }));
  book.fold();
  expect(changeOf(token)).toBeCloseTo(-50);
  book.take(trade('BTC', 4_000, 220));
  book.fold();
  expect([changeOf(token), token.base?.isDayOld]).toEqual([0, true]);
  expect([book.trades, token.trades, book.fold()]).toEqual([3, 3, []]);
});

test('a line has one point a second, of two minutes and one before', () => {
  const book = new TokenBook();
  for (let ms = 0; ms <= 300_000; ms += 250) {
    book.take(trade('BTC', ms, ms));
    book.fold();
  }
  const { points } = book.tokens.get('BTC')!;
  expect(points.length).toBeLessThanOrEqual(122);
  expect(points.at(-1)?.price).toBe(300_000);
  expect(points[1]?.ms).toBe(180_000);
});

test('events without a price are counted, and draw nothing', () => {
  const book = new TokenBook();
  book.take(trade('BTC', 1, undefined));
  book.take(trade('BTC', 2, 'many'));
  book.fold();
  const token = book.tokens.get('BTC')!;
  expect([book.trades, token.points, changeOf(token)]).toEqual([2, [], undefined]);
});

test('of more than 500 tokens, the one that was quiet longest is forgotten', () => {
  const book = new TokenBook();
  for (let n = 0; n < 500; n++) book.take(trade(`T${n}`, n, 1));
  book.fold();
  book.take(trade('T0', 500, 1));
  book.fold();
  book.take(trade('NEW', 501, 1));
  expect(book.fold().toSorted()).toEqual(['NEW', 'T1']);
  expect([book.tokens.size, book.forgotten, book.tokens.has('T1')]).toEqual([500, 1, false]);
});
