/** How each event type's `data` is invented from the state of its token. */
import { type Random, randomIndex } from '../base/random.ts';
import type { EventType } from '../events/event-types.ts';
import type { Payload } from '../events/payloads.ts';
import { rounded, type TokenState, walletCount } from './token-state.ts';

/** What the makers share: randomness, wallets, the other tokens, and the time of the event. */
export interface MarketScene {
  readonly random: Random;
  /** Addresses, {@link walletCount} of them. */
  readonly wallets: readonly string[];
  readonly tokens: readonly TokenState[];
  /** A transaction hash that no other transaction of this market has. */
  readonly nextTxHash: () => string;
  timestampMs: number;
}

type Maker<T extends EventType> = (token: TokenState, scene: MarketScene) => Payload<T>;

const adjectives = ['New', 'Golden', 'Rapid', 'Quiet', 'Prime', 'Lunar', 'Solid', 'Open'] as const;
const remarks = [
  'to the moon',
  'nice entry here',
  'who is still holding?',
  'liquidity looks healthy',
  'read the whitepaper first',
  'volume is picking up',
  'taking some profit',
  'bought the dip again',
] as const;

/** One maker per event type. Each moves the token's state the way the event says. */
export const payloadMakers: { readonly [T in EventType]: Maker<T> } = {
  TRADE_EXECUTED: (token, scene) => trade(token, scene, 0),
  BUY_COMPLETED: (token, scene) => trade(token, scene, 1),
  SELL_COMPLETED: (token, scene) => trade(token, scene, -1),
  LIQUIDITY_ADDED: (token, scene) => changeLiquidity(token, scene, 1),
  LIQUIDITY_REMOVED: (token, scene) => changeLiquidity(token, scene, -1),
  LIQUIDITY_REBALANCED: rebalance,
  METADATA_UPDATED: metadata,
  TOKEN_NAME_CHANGED(token, scene) {
    token.name = `${pick(scene.random, adjectives)} ${token.symbol}`;
    return metadata(token);
  },
  TOKEN_FLAGS_CHANGED(token, { random }) {
    token.flags.verified = random.next() < 0.5;
    token.flags.featured = random.next() < 0.2;
    token.flags.trending = random.next() < 0.3;
    return { token: token.symbol, flags: { ...token.flags } };
  },
  TWITTER_VERIFIED: ({ symbol }, { timestampMs }) => ({
    token: symbol,
    twitterHandle: `@${symbol.toLowerCase()}`,
    verified: true,
    verifiedAt: timestampMs,
  }),
  SOCIAL_LINKS_UPDATED({ symbol }) {
    const name = symbol.toLowerCase();
    return {
      token: symbol,
      twitter: `https://twitter.com/${name}`,
      telegram: `https://t.me/${name}`,
      website: `https://${name}.example`,
    };
  },
  COMMENT_POSTED: (token, scene) => ({
    token: token.symbol,
    commentId: token.addComment().id,
    author: anyone(scene),
    content: pick(scene.random, remarks),
    timestamp: scene.timestampMs,
  }),
  COMMENT_PINNED: (token, scene) => ({
    token: token.symbol,
    commentId: pick(scene.random, token.comments).id,
    pinnedBy: anyone(scene),
  }),
  COMMENT_UPVOTED(token, scene) {
    const comment = pick(scene.random, token.comments);
    comment.upvotes++;
    return {
      token: token.symbol,
      commentId: comment.id,
      voter: anyone(scene),
      totalUpvotes: comment.upvotes,
    };
  },
  FAVORITE_TOGGLED(token, { random }) {
    const user = randomIndex(random, walletCount);
    token.favorites[user] = 1 - (token.favorites[user] as number);
    return { token: token.symbol, userId: `user-${user}`, isFavorite: token.favorites[user] === 1 };
  },
  TOKEN_CREATED: (token, scene) => ({
    token: token.symbol,
    creator: anyone(scene),
    name: token.name,
    symbol: token.symbol,
    supply: token.supply,
  }),
  TOKEN_LISTED: (token, { timestampMs }) => ({
    token: token.symbol,
    exchange: 'Odin DEX',
    initialPrice: token.price,
    timestamp: timestampMs,
  }),
  PRICE_DELTA_UPDATED: (token) => ({
    token: token.symbol,
    price: token.price,
    delta1h: token.delta(1),
    delta24h: token.delta(24),
    delta7d: token.delta(168),
  }),
  HOLDER_COUNT_UPDATED(token, { random }) {
    const change = Math.max(1 - token.holders, randomIndex(random, 101) - 50);
    token.holders += change;
    return { token: token.symbol, holderCount: token.holders, change };
  },
  ANALYTICS_RECALCULATED: (token) => ({
    token: token.symbol,
    volume24h: token.volume24h,
    marketCap: token.marketCap,
    liquidity: token.liquidity,
  }),
  TRENDING_UPDATED: (token, { tokens }) => ({
    token: token.symbol,
    rank: 1 + tokens.filter((other) => other.score > token.score).length,
    score: Math.round(token.score * 100) / 100,
  }),
  BALANCE_UPDATED: reportBalance,
  TRANSFER_COMPLETED(token, scene) {
    const from = holder(token, scene.random);
    const to = otherWallet(scene.random, from);
    const amount = rounded((token.balances[from] as number) * 0.05 * (0.1 + scene.random.next()));
    token.move(from, to, amount);
    return {
      token: token.symbol,
      from: scene.wallets[from] as string,
      to: scene.wallets[to] as string,
      amount,
      txHash: scene.nextTxHash(),
    };
  },
};

function trade(token: TokenState, scene: MarketScene, lean: number): Payload<'TRADE_EXECUTED'> {
  const { random, wallets } = scene;
  const seller = holder(token, random);
  const buyer = otherWallet(random, seller);
  const price = token.step(random, lean);
  const share = 0.0005 + 0.02 * random.next() ** 3;
  const amount = Math.max(1e-6, rounded((token.balances[seller] as number) * share));
  const value = rounded(amount * price);
  token.move(seller, buyer, amount);
  token.bookTrade(value);
  token.lastTrader = lean < 0 ? seller : buyer;
  return {
    token: token.symbol,
    price,
    amount,
    value,
    buyer: wallets[buyer] as string,
    seller: wallets[seller] as string,
    txHash: scene.nextTxHash(),
  };
}

/** Adds a part of the usual pool or takes at most 2 % of the present one: it never runs empty. */
function changeLiquidity(
  token: TokenState,
  scene: MarketScene,
  sign: 1 | -1,
): Payload<'LIQUIDITY_ADDED'> {
  const pool = sign > 0 ? token.marketCap * 0.05 : token.liquidity;
  const amount = rounded(pool * 0.02 * (0.05 + 0.95 * scene.random.next()));
  token.liquidity = rounded(token.liquidity + sign * amount);
  return { token: token.symbol, amount, provider: anyone(scene), totalLiquidity: token.liquidity };
}

function rebalance(token: TokenState, { random }: MarketScene): Payload<'LIQUIDITY_REBALANCED'> {
  const oldRatio = token.poolRatio;
  token.poolRatio = rounded(0.4 + 0.2 * random.next());
  return {
    token: token.symbol,
    oldRatio,
    newRatio: token.poolRatio,
    totalLiquidity: token.liquidity,
  };
}

function metadata(token: TokenState): Payload<'METADATA_UPDATED'> {
  return {
    token: token.symbol,
    name: token.name,
    symbol: token.symbol,
    description: `${token.name}, supply ${token.supply}, traded on Odin DEX`,
  };
}

function reportBalance(token: TokenState, { wallets }: MarketScene): Payload<'BALANCE_UPDATED'> {
  const user = token.lastTrader;
  const balance = token.balances[user] as number;
  const change = rounded(balance - (token.reported[user] as number));
  token.reported[user] = balance;
  return { token: token.symbol, user: wallets[user] as string, balance, change };
}

/** A wallet that has some of the token: the fullest of a few, so none is drained for good. */
function holder(token: TokenState, random: Random): number {
  const first = randomIndex(random, walletCount);
  const second = randomIndex(random, walletCount);
  return (token.balances[first] as number) >= (token.balances[second] as number) ? first : second;
}

function otherWallet(random: Random, wallet: number): number {
  return (wallet + 1 + randomIndex(random, walletCount - 1)) % walletCount;
}

function anyone({ random, wallets }: MarketScene): string {
  return wallets[randomIndex(random, walletCount)] as string;
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[randomIndex(random, items.length)] as T;
}
