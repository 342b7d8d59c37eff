/** Token book: what the board knows of each token, folded from the events since it was opened. */
import type { MarketEvent } from '../../client/market-event.ts';
import { foldToken, isTrade, type TokenState, unknownToken } from '../../client/token-state.ts';

/** Tokens that are kept: beyond, the one that was quiet longest is forgotten. */
const maxTokens = 500;
/** Events that wait for the next look; a page that nobody sees is looked at rarely. */
const maxPending = 2_000;
/** Trades that a card shows. */
export const tradesShown = 4;
/** How far back the line of prices goes, in milliseconds, and how close its points are. */
export const sparkMs = 120_000;
const pointMs = 1_000;

/** A price and when it was, in milliseconds since 1970. */
export interface PricePoint {
  readonly ms: number;
  readonly price: number;
}

/** One token. */
export interface BookedToken {
  state: TokenState;
  /** Prices of the last two minutes, at most one a second, oldest first. */
  points: PricePoint[];
  /** What the price is compared with: that of 24 hours ago, where events tell it, else the first. */
  base: { readonly price: number; readonly isDayOld: boolean } | undefined;
  /** Trades since it came into the book. */
  trades: number;
}

/** By how much the price of a token changed, in percent; undefined while unknown. */
export function changeOf({ state: { price }, base }: BookedToken): number | undefined {
  return price === undefined || base === undefined ? undefined : (price / base.price - 1) * 100;
}

/** Events go in as they come; {@link fold} brings the tokens up to date. */
export class TokenBook {
  /** By symbol, quiet longest first. */
  readonly tokens = new Map<string, BookedToken>();
  /** Trades of all tokens since the page was opened. */
  trades = 0;
  /** Tokens that were forgotten for {@link maxTokens}. */
  forgotten = 0;
  readonly #changed = new Set<string>();
  #pending = new Map<string, MarketEvent[]>();
  #waiting = 0;

  take(event: MarketEvent): void {
    if (isTrade(event)) this.trades++;
    const [symbol = ''] = event.channel.split('.', 1);
    const events = this.#pending.get(symbol);
    if (events === undefined) this.#pending.set(symbol, [event]);
    else events.push(event);
    if (++this.#waiting >= maxPending) this.#foldPending();
  }

  /** Folds what has come, and says which tokens have changed since the last time. */
  fold(): readonly string[] {
    this.#foldPending();
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  #foldPending(): void {
    for (const [symbol, events] of this.#pending) {
      this.#update(symbol, events);
      this.#changed.add(symbol);
    }
    this.#pending = new Map();
    this.#waiting = 0;
  }

  #update(symbol: string, events: readonly MarketEvent[]): void {
    const token = this.tokens.get(symbol) ?? {
      ...{ state: unknownToken(symbol), points: [], base: undefined, trades: 0 },
    };
    // Put last, so that the first is the one that was quiet longest.
    this.tokens.delete(symbol);
    this.tokens.set(symbol, token);
    token.state = foldToken(token.state, events, tradesShown);
    token.trades += events.filter(isTrade).length;
    const { price, priceMs, latest } = token.state;
    const isPriced = Number.isFinite(price);
    if (isPriced && priceMs !== undefined) addPoint(token.points, priceMs, price as number);
    const delta = events.some(({ type }) => type === 'PRICE_DELTA_UPDATED')
      ? latest.PRICE_DELTA_UPDATED?.data
      : undefined;
    const dayOld = delta && delta.price / (1 + delta.delta24h / 100);
    if (dayOld !== undefined && dayOld > 0) token.base = { price: dayOld, isDayOld: true };
    else token.base ??= firstPrice(events);
    this.#trim();
  }

  #trim(): void {
    if (this.tokens.size <= maxTokens) return;
    const oldest = this.tokens.keys().next().value as string;
    this.tokens.delete(oldest);
    this.#changed.add(oldest);
    this.forgotten++;
  }
}

function firstPrice(events: readonly MarketEvent[]): BookedToken['base'] {
  for (const { data } of events) {
    const { price } = data as { readonly price?: number };
    if (Number.isFinite(price)) return { price: price as number, isDayOld: false };
  }
  return undefined;
}

function addPoint(points: PricePoint[], ms: number, price: number): void {
  const last = points.at(-1);
  if (last !== undefined && ms - last.ms < pointMs) points.pop();
  points.push({ ms: last !== undefined && ms - last.ms < pointMs ? last.ms : ms, price });
  const from = ms - sparkMs;
  // One older point stays, so that the line begins at the edge.
  while ((points[1]?.ms ?? ms) < from) points.shift();
}
