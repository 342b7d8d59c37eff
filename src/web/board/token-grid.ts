/** Token grid: the cards on the board, those that are wanted, in the order that is wanted. */
import { byId, element, say } from '../dom.ts';
import { count } from '../numbers.ts';
import { type BookedToken, changeOf, type TokenBook, tradesShown } from './token-book.ts';
import { TokenCard } from './token-card.ts';

/** Cards at first, and how many each press of the button adds. */
const pageSize = 48;
/** An order that follows the market changes at most so often, in milliseconds. */
const reorderMs = 3_000;

type Order = 'name' | 'change' | 'trades';

/** What stands behind each order: smaller comes first. */
const ranks: Readonly<Record<Exclude<Order, 'name'>, (token: BookedToken) => number>> = {
  change: (token) => -(changeOf(token) ?? Number.NEGATIVE_INFINITY),
  trades: ({ trades }) => -trades,
};

/** Shows a book. */
export class TokenGrid {
  readonly #book: TokenBook;
  readonly #list = byId('tokens');
  readonly #filter = byId<HTMLInputElement>('filter');
  readonly #order = byId<HTMLSelectElement>('order');
  readonly #more = byId<HTMLButtonElement>('more');
  readonly #empty = byId('empty');
  readonly #tools = byId('tools');
  readonly #cards = new Map<string, TokenCard>();
  #limit = pageSize;
  #shown: readonly string[] = [];
  #orderedMs = Number.NEGATIVE_INFINITY;

  constructor(book: TokenBook) {
    this.#book = book;
    this.#tools.addEventListener('submit', (event) => event.preventDefault());
    for (const field of [this.#filter, this.#order])
      field.addEventListener('input', () => this.#arrange());
    this.#more.addEventListener('click', () => {
      this.#limit += pageSize;
      this.#arrange();
    });
    this.#arrange();
  }

  /** Brings the cards up to date. */
  update(): void {
    const changed = this.#book.fold();
    const isNew = changed.some(
      (symbol) => !this.#cards.has(symbol) || !this.#book.tokens.has(symbol),
    );
    const isDue = performance.now() - this.#orderedMs > reorderMs;
    if (isNew || (isDue && this.#order.value !== 'name')) this.#arrange();
    for (const symbol of changed) {
      const token = this.#book.tokens.get(symbol);
      if (token !== undefined) this.#cards.get(symbol)?.show(token);
    }
  }

  /** Chooses and orders the cards; makes those that are new and drops those that are over. */
  #arrange(): void {
    this.#orderedMs = performance.now();
    const { tokens } = this.#book;
    const wanted = this.#filter.value.trim().toUpperCase();
    const symbols = [...tokens.keys()].filter((symbol) => symbol.toUpperCase().includes(wanted));
    const shown = this.#inOrder(symbols).slice(0, this.#limit);
    this.#more.hidden = symbols.length <= this.#limit;
    say(this.#more, `Show more (${count(symbols.length - this.#limit)})`);
    this.#tools.hidden = tokens.size === 0;
    this.#showEmpty(symbols.length === 0, wanted);
    if (shown.join() === this.#shown.join()) return;
    this.#shown = shown;
    const cards = shown.map((symbol) => this.#cardOf(symbol, tokens.get(symbol) as BookedToken));
    this.#list.replaceChildren(...cards);
    for (const symbol of this.#cards.keys())
      if (!shown.includes(symbol)) this.#cards.delete(symbol);
  }

  #inOrder(symbols: string[]): string[] {
    const { tokens } = this.#book;
    const order = this.#order.value as Order;
    const byName = symbols.sort();
    if (order === 'name') return byName;
    const rank = (symbol: string) => ranks[order](tokens.get(symbol) as BookedToken);
    return byName.sort((a, b) => rank(a) - rank(b));
  }

  #cardOf(symbol: string, token: BookedToken): HTMLElement {
    let card = this.#cards.get(symbol);
    if (card === undefined) {
      card = new TokenCard(symbol, tradesShown);
      this.#cards.set(symbol, card);
    }
    card.show(token);
    return card.element;
  }

  #showEmpty(isEmpty: boolean, wanted: string): void {
    this.#empty.hidden = !isEmpty;
    if (!isEmpty) return;
    const isFiltered = wanted !== '';
    const title = isFiltered ? 'No such token' : 'No events yet';
    const text = element('p');
    if (isFiltered)
      text.textContent = `None of ${count(this.#book.tokens.size)} tokens has “${wanted}” in its name.`;
    else
      text.append(
        'The board fills as events arrive. Nobody publishes? ',
        element('code', '', { text: 'odin publish' }),
        ' invents a market to try it with.',
      );
    this.#empty.replaceChildren(element('h2', '', { text: title }), text);
  }
}
