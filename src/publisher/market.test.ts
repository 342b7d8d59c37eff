/** The invented market: same seed same events, right frequencies, numbers that add up. */
import { expect, test } from 'vitest';
import { type EventType, eventTypes } from '../events/event-types.ts';
import {
  optionalFields,
  type Payload,
  payloadComplaint,
  requiredFields,
} from '../events/payloads.ts';
import { eventWeights } from './event-weights.ts';
import { createMarket, type MarketEvent } from './market.ts';

const tokens = ['BTC', 'ETH', 'SOL', 'DOGE', 'ODIN'];

function events(count: number, seed = 42, symbols = tokens): MarketEvent[] {
  const market = createMarket(seed, symbols);
  return Array.from({ length: count }, (_, index) => market.nextEvent(1_000 + index));
}

function only<T extends EventType>(all: readonly MarketEvent[], ...types: T[]) {
  return all.filter((event): event is Extract<MarketEvent, { type: T }> =>
    types.includes(event.type as T),
  );
}

const long = events(100_000);
const short = long.slice(0, 20_000);

test('the same seed gives the same events, another seed others', () => {
  expect(events(2_000, 7)).toEqual(events(2_000, 7));
  expect(events(50, 7)).not.toEqual(events(50, 8));
});

test('the time of an event changes nothing but times', () => {
  const early = createMarket(3, tokens);
  const late = createMarket(3, tokens);
  for (let index = 0; index < 5_000; index++) {
    const a = JSON.stringify(early.nextEvent(1_111_111_111_111));
    const b = JSON.stringify(late.nextEvent(2_222_222_222_222));
    expect(b.replaceAll('2222222222222', '1111111111111')).toBe(a);
  }
});

test('types come as often as their weights say', () => {
  const total = Object.values(eventWeights).reduce((sum, weight) => sum + weight, 0);
  for (const type of Object.keys(eventTypes) as EventType[]) {
    const expected = (eventWeights[type] / total) * long.length;
    const seen = only(long, type).length;
    // Five standard deviations: with the fixed seed this fails only when the weights are wrong.
    expect(Math.abs(seen - expected), type).toBeLessThan(5 * Math.sqrt(expected));
  }
});

test.each(Object.keys(eventTypes) as EventType[])('%s carries all of its fields', (type) => {
  const fields = {
    ...requiredFields[type],
    ...(optionalFields as Partial<Record<EventType, object>>)[type],
  };
  // A ranking stands only in what goes to `global.trending`.
  if (type === 'TRENDING_UPDATED') Reflect.deleteProperty(fields, 'top');
  const found = only(long, type);
  expect(found.length).toBeGreaterThan(0);
  for (const { data } of found) {
    expect(Object.keys(data).sort()).toEqual(['token', ...Object.keys(fields)].sort());
    expect(payloadComplaint(type, data)).toBeUndefined();
    expect(tokens).toContain(data.token);
  }
});

test('prices walk in small steps and stay above zero', () => {
  const last = new Map<string, number>();
  for (const { data } of only(long, 'TRADE_EXECUTED', 'BUY_COMPLETED', 'SELL_COMPLETED')) {
    const before = last.get(data.token!) ?? data.price;
    expect(data.price).toBeGreaterThan(0);
    expect(Math.abs(Math.log(data.price / before))).toBeLessThan(0.02);
    last.set(data.token!, data.price);
  }
  expect(last.size).toBe(tokens.length);
});

test('a trade has a value of price times amount, two parties and a hash of its own', () => {
  const trades = only(short, 'TRADE_EXECUTED', 'BUY_COMPLETED', 'SELL_COMPLETED');
  const hashes = new Set<string>();
  for (const { data } of trades) {
    expect(data.amount).toBeGreaterThan(0);
    expect(data.value).toBeCloseTo(data.price * data.amount, 5);
    expect(data.buyer).toMatch(/^0x[0-9a-f]{40}$/);
    expect(data.buyer).not.toBe(data.seller);
    expect(data.txHash).toMatch(/^0x[0-9a-f]{64}$/);
    hashes.add(data.txHash);
  }
  expect(hashes.size).toBe(trades.length);
});

test('buyers lift the price on average, sellers press it', () => {
  const drift = { BUY_COMPLETED: 0, SELL_COMPLETED: 0 };
  const last = new Map<string, number>();
  for (const { type, data } of only(long, 'TRADE_EXECUTED', 'BUY_COMPLETED', 'SELL_COMPLETED')) {
    const before = last.get(data.token!) ?? data.price;
    if (type !== 'TRADE_EXECUTED') drift[type] += Math.log(data.price / before);
    last.set(data.token!, data.price);
  }
  expect(drift.BUY_COMPLETED).toBeGreaterThan(0);
  expect(drift.SELL_COMPLETED).toBeLessThan(0);
});

test('the pool grows and shrinks by exactly what was added and removed', () => {
  const pools = new Map<string, number>();
  for (const { type, data } of only(long, 'LIQUIDITY_ADDED', 'LIQUIDITY_REMOVED')) {
    const before = pools.get(data.token!);
    const change = type === 'LIQUIDITY_ADDED' ? data.amount : -data.amount;
    if (before !== undefined) {
      expect(Math.abs(data.totalLiquidity - (before + change))).toBeLessThan(2e-6 + before * 1e-12);
    }
    expect(data.totalLiquidity).toBeGreaterThan(0);
    pools.set(data.token!, data.totalLiquidity);
  }
});

test('balances, holders and upvotes continue from what was said before', () => {
  const balances = new Map<string, number>();
  for (const { data } of only(long, 'BALANCE_UPDATED')) {
    const wallet = `${data.token} ${data.user}`;
    const before = balances.get(wallet);
    if (before !== undefined) expect(data.balance - before).toBeCloseTo(data.change, 3);
    expect(data.balance).toBeGreaterThanOrEqual(0);
    balances.set(wallet, data.balance);
  }
  const holders = new Map<string, number>();
  for (const { data } of only(long, 'HOLDER_COUNT_UPDATED')) {
    const before = holders.get(data.token!);
    if (before !== undefined) expect(data.holderCount).toBe(before + data.change);
    holders.set(data.token!, data.holderCount);
  }
  const upvotes = new Map<string, number>();
  for (const { data } of only(long, 'COMMENT_UPVOTED')) {
    expect(data.totalUpvotes).toBe((upvotes.get(data.commentId) ?? 0) + 1);
    upvotes.set(data.commentId, data.totalUpvotes);
  }
});

test('price deltas are measured against the past of the same walk', () => {
  const [symbol] = tokens as [string];
  const ofToken = long.filter((event) => event.data.token === symbol);
  const closes: number[] = [];
  let trades = 0;
  let compared = 0;
  for (const event of ofToken) {
    if (event.type === 'PRICE_DELTA_UPDATED' && closes.length > 24) {
      const { price, delta1h, delta24h } = event.data;
      expect(delta1h).toBeCloseTo((price / closes.at(-1)! - 1) * 100, 1);
      expect(delta24h).toBeCloseTo((price / closes.at(-24)! - 1) * 100, 1);
      compared++;
    }
    if (eventTypes[event.type].category !== 'trade') continue;
    trades++;
    if (trades % 60 === 0 && 'price' in event.data) closes.push(event.data.price);
  }
  expect(compared).toBeGreaterThan(100);
});

test('ranks follow scores and lie within the number of tokens', () => {
  for (const { data } of only(long, 'TRENDING_UPDATED')) {
    expect(data.rank).toBeGreaterThanOrEqual(1);
    expect(data.rank).toBeLessThanOrEqual(tokens.length);
    expect(data.score).toBeGreaterThan(0);
  }
  expect(new Set(only(long, 'TRENDING_UPDATED').map(({ data }) => data.rank)).size).toBe(5);
});

test('what is trending ranks the tokens by score and changes nothing in the market', () => {
  const [watched, plain] = [createMarket(5, tokens), createMarket(5, tokens)];
  for (let index = 0; index < 500; index++) {
    const { type, data } = watched.trending(7);
    expect(type).toBe('TRENDING_UPDATED');
    expect(payloadComplaint(type, data)).toBeUndefined();
    const { top = [], ...first } = data as Payload<'TRENDING_UPDATED'>;
    expect(first).toEqual(top[0]);
    expect(top.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5]);
    expect(top.map(({ score }) => score)).toEqual(
      top.map(({ score }) => score).sort((a, b) => b - a),
    );
    expect(new Set(top.map(({ token }) => token))).toEqual(new Set(tokens));
    expect(watched.nextEvent(index)).toEqual(plain.nextEvent(index));
  }
});

test('new listings are tokens never seen before, the same for the same seed', () => {
  const listing = (seed: number) => {
    const market = createMarket(seed, tokens);
    return Array.from({ length: 5_000 }, (_, index) => market.newListing(index));
  };
  const all = listing(3);
  expect(all).toEqual(listing(3));
  expect(all.slice(0, 20)).not.toEqual(listing(4).slice(0, 20));
  const symbols = all.map(({ data }) => data.token!);
  expect(new Set([...symbols, ...tokens]).size).toBe(symbols.length + tokens.length);
  for (const { type, data } of all) {
    expect(type).toBe('TOKEN_LISTED');
    expect(payloadComplaint(type, data)).toBeUndefined();
    expect(data.token).toMatch(/^[A-Z]{4}$/);
    expect((data as Payload<'TOKEN_LISTED'>).initialPrice).toBeGreaterThan(0);
  }
});

test('one token alone is a market too', () => {
  expect(new Set(events(500, 1, ['BTC']).map(({ data }) => data.token))).toEqual(new Set(['BTC']));
});
