/** Lines of recordings: where the symbol is looked for, and what is wrong in which words. */
import { expect, test } from 'vitest';
import { parseRecordedEvent } from './recorded-event.ts';

const trade = { price: 2, amount: 3, buyer: '0xb', seller: '0xs', txHash: '0xt' };

function parse(fields: object): unknown {
  const event = { type: 'TRADE_EXECUTED', timestamp: 5, data: trade, ...fields };
  return parseRecordedEvent(JSON.stringify(event));
}

test('the symbol is taken from key, else from token, else from the data', () => {
  const data = { ...trade, token: 'SOL' };
  expect(parse({ key: 'BTC', token: 'ETH', data })).toMatchObject({ key: 'BTC' });
  expect(parse({ token: 'ETH', data })).toMatchObject({ key: 'ETH' });
  expect(parse({ data })).toEqual({
    topic: 'odin.trades',
    key: 'SOL',
    event: { type: 'TRADE_EXECUTED', timestamp: 5, data },
  });
});

test('a key may be a global channel', () => {
  expect(
    parse({ type: 'TRENDING_UPDATED', key: 'global.trending', data: { rank: 1, score: 2 } }),
  ).toMatchObject({ topic: 'odin.analytics', key: 'global.trending' });
});

test.each([
  [{}, 'no symbol: expected "key", "token" or "data.token"'],
  [{ key: 'not a symbol' }, '"not a symbol" is not a token symbol'],
  [{ key: 7 }, '7 is not a token symbol'],
  [{ key: 'BTC', type: 'PRICE_WENT_UP' }, 'unknown event type "PRICE_WENT_UP"'],
  [{ key: 'BTC', timestamp: '5' }, '"timestamp" is missing or not a number of milliseconds'],
  [{ key: 'BTC', data: [] }, '"data" is missing or not an object'],
])('%j is refused', (fields, reason) => {
  expect(parse(fields)).toEqual({ reason });
});

test('text that is not JSON is refused', () => {
  expect(parseRecordedEvent('{"type":')).toEqual({ reason: expect.stringMatching(/^not JSON: /) });
  expect(parseRecordedEvent('17')).toEqual({
    reason: 'expected an object {"type","timestamp","data"}',
  });
});
