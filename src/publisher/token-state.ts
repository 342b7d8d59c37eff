/** One invented token: its price walk with a week of past, its pool, its holders, its talk. */
import { type Random, randomIndex, randomNormal } from '../base/random.ts';

/** Wallets that trade and hold tokens; each event picks among them, so they recur. */
export const walletCount = 256;

const hoursOfWeek = 168;
const hoursOfDay = 24;
/** Trades that make an hour of market time: deltas come from the walk, not from the wall clock. */
const tradesPerHour = 60;
const stepDeviation = 0.0015;
/** Pulls the logarithm of the price home, so that no run length makes it 0 or endless. */
const homing = 2e-5;
const commentsKept = 32;

/** A comment that later events refer to. */
export interface Comment {
  readonly id: string;
  upvotes: number;
}

/** Rounds to six decimals, as prices and amounts are published. */
export function rounded(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** State of a token in the market; see the parts. */
export class TokenState {
  readonly symbol: string;
  readonly supply: number;
  readonly balances = new Float64Array(walletCount);
  /** What BALANCE_UPDATED last said of each wallet, so that its `change` adds up. */
  readonly reported = new Float64Array(walletCount);
  readonly favorites = new Uint8Array(walletCount);
  readonly flags = { verified: false, featured: false, trending: false };
  readonly comments: Comment[] = [];
  name: string;
  liquidity: number;
  /** Share of the pool that is in the token, 0.4–0.6. */
  poolRatio = 0.5;
  holders: number;
  /** How much is going on: grows with the value traded, fades with each trade. */
  score: number;
  lastTrader: number;
  #price: number;
  readonly #homeLog: number;
  readonly #hourlyPrices = new Float64Array(hoursOfWeek);
  readonly #hourlyVolumes = new Float64Array(hoursOfDay);
  #trades = 0;
  #commentsPosted = 0;

  constructor(symbol: string, random: Random) {
    this.symbol = symbol;
    this.name = `Token ${symbol}`;
    this.#homeLog = Math.log(0.05) + random.next() * Math.log(100_000);
    this.#price = Math.exp(this.#homeLog);
    this.supply = Math.round(10 ** (5 + 4 * random.next()));
    this.liquidity = rounded(this.marketCap * (0.02 + 0.08 * random.next()));
    this.holders = 500 + randomIndex(random, 9_500);
    this.score = 20 + 60 * random.next();
    this.lastTrader = randomIndex(random, walletCount);
    for (let wallet = 0; wallet < walletCount; wallet++) {
      const balance = rounded((this.supply / walletCount) * (0.1 + 0.8 * random.next()));
      this.balances[wallet] = balance;
      this.reported[wallet] = balance;
    }
    for (let hour = 0; hour < hoursOfWeek; hour++) {
      this.#walk(randomNormal(random) * stepDeviation * Math.sqrt(tradesPerHour), tradesPerHour);
      this.#hourlyPrices[hour] = this.#price;
    }
    const usualTrade = this.marketCap / walletCount / 100;
    for (let hour = 0; hour < hoursOfDay; hour++) {
      this.#hourlyVolumes[hour] = usualTrade * tradesPerHour * (0.5 + random.next());
    }
    this.addComment();
  }

  get price(): number {
    return rounded(this.#price);
  }

  get marketCap(): number {
    return rounded(this.#price * this.supply);
  }

  /** Value traded in the last 24 hours of market time, the current hour included. */
  get volume24h(): number {
    return rounded(this.#hourlyVolumes.reduce((sum, volume) => sum + volume, 0));
  }

  /** Percent by which the price changed in the last `hours` (1–168) of market time. */
  delta(hours: number): number {
    const hour = Math.floor(this.#trades / tradesPerHour);
    const then = this.#hourlyPrices[(hour + hoursOfWeek - hours) % hoursOfWeek] as number;
    return Math.round((this.#price / then - 1) * 10_000) / 100;
  }

  /** Moves the price by one trade; `lean` is 1 for a buyer's, -1 for a seller's, 0 for neither. */
  step(random: Random, lean: number): number {
    const move = (randomNormal(random) + lean * 0.5) * stepDeviation;
    this.#walk(move, 1);
    this.score = Math.min(100, this.score * 0.999 + Math.abs(move) * 40);
    return this.price;
  }

  /** Books a trade of `value`, and closes the market's hour when it was the last of it. */
  bookTrade(value: number): void {
    const hour = Math.floor(this.#trades / tradesPerHour);
    const slot = hour % hoursOfDay;
    this.#hourlyVolumes[slot] = (this.#hourlyVolumes[slot] as number) + value;
    this.#trades++;
    if (this.#trades % tradesPerHour !== 0) return;
    this.#hourlyPrices[hour % hoursOfWeek] = this.#price;
    this.#hourlyVolumes[(hour + 1) % hoursOfDay] = 0;
  }

  /** Moves tokens between wallets; both keep at least 0 when `amount` is at most what `from` has. */
  move(from: number, to: number, amount: number): void {
    this.balances[from] = rounded((this.balances[from] as number) - amount);
    this.balances[to] = rounded((this.balances[to] as number) + amount);
  }

  /** A new comment; only the newest 32 can be pinned or upvoted, older ones are forgotten. */
  addComment(): Comment {
    this.#commentsPosted++;
    const comment = { id: `${this.symbol}-c${this.#commentsPosted}`, upvotes: 0 };
    this.comments.push(comment);
    if (this.comments.length > commentsKept) this.comments.shift();
    return comment;
  }

  #walk(move: number, steps: number): void {
    const log = Math.log(this.#price);
    this.#price = Math.exp(log + move + (this.#homeLog - log) * homing * steps);
  }
}
