/** Token state: what a page shows of one token, from the events of all its channels. */
import type { EventType } from '../events/event-types.ts';
import type { MarketEvent, MarketEventOf } from './market-event.ts';

/** A trade of any kind. */
export type TradeEvent = MarketEventOf<'TRADE_EXECUTED' | 'BUY_COMPLETED' | 'SELL_COMPLETED'>;

/** One token, as far as is known. */
export interface TokenState {
  readonly symbol: string;
  /** Of the newest trade or price update, whichever is newer; undefined before the first. */
  readonly price: number | undefined;
  /** When that was, in milliseconds since 1970. */
  readonly priceMs: number | undefined;
  /** The newest trades, oldest first. */
  readonly trades: readonly TradeEvent[];
  /** The newest event of each type. */
  readonly latest: { readonly [T in EventType]?: MarketEventOf<T> };
}

/** Nothing known yet. */
export function unknownToken(symbol: string): TokenState {
  return { symbol, price: undefined, priceMs: undefined, trades: [], latest: {} };
}

/** A token after some more events, oldest first; keeps the newest `maxTrades` trades. */
export function foldToken(
  state: TokenState,
  events: readonly MarketEvent[],
  maxTrades: number,
): TokenState {
  const latest: Record<string, MarketEvent> = { ...state.latest };
  const trades = [...state.trades];
  let { price, priceMs } = state;
  for (const event of events) {
    latest[event.type] = event;
    if (isTrade(event)) trades.push(event);
    else if (event.type !== 'PRICE_DELTA_UPDATED') continue;
    if (priceMs !== undefined && event.ts < priceMs) continue;
    price = event.data.price;
    priceMs = event.ts;
  }
  const { symbol } = state;
  return { symbol, price, priceMs, trades: newest(trades, maxTrades), latest };
}

/** The last `limit` of a list. */
export function newest<T>(list: readonly T[], limit: number): readonly T[] {
  return list.length > limit ? list.slice(list.length - limit) : list;
}

/** Whether an event is a trade of any kind. */
export function isTrade(event: MarketEvent): event is MarketEvent & TradeEvent {
  const { type } = event;
  return type === 'TRADE_EXECUTED' || type === 'BUY_COMPLETED' || type === 'SELL_COMPLETED';
}
