/** Token card: one token on the board. */
import type { TradeEvent } from '../../client/token-state.ts';
import { element, say } from '../dom.ts';
import { clock, price, short, signedPercent } from '../numbers.ts';
import { Sparkline } from './sparkline.ts';
import { type BookedToken, changeOf } from './token-book.ts';

/** How long a price that moved shows it. Without a fade: those cost more than all the rest. */
const movedMs = 500;

/** What a trade was, by its type: said, and shown by a sign of its own. */
const sides: Readonly<Record<TradeEvent['type'], readonly [side: string, sign: string]>> = {
  BUY_COMPLETED: ['bought', '▲'],
  SELL_COMPLETED: ['sold', '▼'],
  TRADE_EXECUTED: ['traded', '•'],
};

/** Keeps its elements and changes what is in them. */
export class TokenCard {
  readonly element: HTMLLIElement;
  readonly #price = element('span', '');
  readonly #change = element('p', 'change');
  readonly #since = element('p', 'since');
  readonly #spark = new Sparkline();
  readonly #trades = element('ol', 'trades', {
    attributes: { 'aria-label': 'Last trades: amount, price, time' },
  });
  readonly #rows: readonly TradeRow[];
  #shown: number | undefined;
  #calming: ReturnType<typeof setTimeout> | undefined;

  constructor(symbol: string, tradesShown: number) {
    this.#rows = Array.from({ length: tradesShown }, () => new TradeRow());
    this.#trades.append(...this.#rows.map((row) => row.element));
    this.element = element('li', 'token', {
      attributes: { 'data-symbol': symbol },
      children: [
        element('h2', '', { text: symbol }),
        this.#change,
        element('p', 'price', { children: [this.#price] }),
        this.#since,
        this.#spark.element,
        this.#trades,
      ],
    });
  }

  show(token: BookedToken): void {
    const { state, points, base } = token;
    const change = changeOf(token);
    const way = change === undefined || Math.abs(change) < 0.005 ? '' : change > 0 ? 'up' : 'down';
    say(this.#price, price(state.price));
    this.#flash(state.price);
    this.#change.dataset['way'] = way;
    const sign = { up: '▲ ', down: '▼ ', '': '' }[way];
    say(this.#change, change === undefined ? '' : `${sign}${signedPercent(change)}`);
    this.#change.hidden = change === undefined;
    say(this.#since, base === undefined ? '' : base.isDayOld ? 'in 24 h' : 'since you came');
    this.#spark.draw(points);
    const trades = state.trades.toReversed();
    for (const [at, row] of this.#rows.entries()) row.show(trades[at]);
  }

  /** A moment of colour for a price that moved. */
  #flash(now: number | undefined): void {
    const before = this.#shown;
    this.#shown = now;
    if (before === undefined || now === undefined || now === before) return;
    this.#price.dataset['moved'] = now > before ? 'up' : 'down';
    clearTimeout(this.#calming);
    this.#calming = setTimeout(() => delete this.#price.dataset['moved'], movedMs);
  }
}

/** One of the last trades. */
class TradeRow {
  readonly #sign = element('span', 'side', { attributes: { 'aria-hidden': 'true' } });
  readonly #side = element('span', 'quiet');
  readonly #price = element('span', 'at');
  readonly #amount = element('span', 'amount');
  readonly #time = element('time');
  readonly element = element('li', '', {
    children: [this.#sign, this.#side, this.#amount, this.#price, this.#time],
  });
  #shown: TradeEvent | undefined;

  show(trade: TradeEvent | undefined): void {
    if (trade === this.#shown) return;
    this.#shown = trade;
    const [side, sign] = trade === undefined ? ['', ''] : sides[trade.type];
    this.element.dataset['side'] = side;
    say(this.#sign, sign);
    say(this.#side, side);
    say(this.#amount, trade === undefined ? '' : short(trade.data.amount));
    say(this.#price, trade === undefined ? '' : price(trade.data.price));
    say(this.#time, trade === undefined ? '' : clock(trade.ts));
  }
}
