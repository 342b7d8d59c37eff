/** Channel names (`BTC.trade`, `global.trending`): grammar, what a subscription accepts, matching. */
import {
  type Category,
  categories,
  categoryFacts,
  categoryOfTopic,
  isCategory,
} from './categories.ts';
import { type EventType, eventTypes } from './event-types.ts';

/** Symbols of tokens, as in DESIGN §4. */
const symbolPattern = /^[A-Za-z0-9_-]{1,32}$/;
const globalPrefix = 'global.';

/** Names that clients of the seeds use for a category that is now called otherwise. */
const categoryAliases: Readonly<Record<string, Category>> = { favorites: 'community' };

/**
 * The topic of every channel `global.*`, whatever the type of its events: a channel lives in one
 * topic, and a subject of NATS (`odin.global.trending`) does not say which.
 */
export const globalTopic = categoryFacts.analytics.topic;

/** The topic that an event goes to, with this key. */
export function topicOfEvent(type: EventType, key: string): string {
  return key.startsWith(globalPrefix)
    ? globalTopic
    : categoryFacts[eventTypes[type].category].topic;
}

/** The topic that a channel lives in; undefined for what is no channel of a category. */
export function topicOfChannel(channel: string): string | undefined {
  if (channel.startsWith(globalPrefix)) return globalTopic;
  const category = channel.slice(channel.indexOf('.') + 1);
  return isCategory(category) ? categoryFacts[category].topic : undefined;
}

/** Whether `text` may be a token symbol: 1–32 of letters, digits, `_` and `-`. */
export function isSymbol(text: string): boolean {
  return symbolPattern.test(text);
}

/**
 * The channel that a broker record belongs to; undefined when the topic is not odin's or the key
 * is not a symbol. A key `global.trending` stands for the channel of that name.
 */
export function channelOfRecord(topic: string, key: string): string | undefined {
  const category = categoryOfTopic(topic);
  if (category === undefined) return undefined;
  if (key.startsWith(globalPrefix)) {
    return isSymbol(key.slice(globalPrefix.length)) ? key : undefined;
  }
  return isSymbol(key) ? `${key}.${category}` : undefined;
}

/**
 * The canonical form of what a client asks for, or undefined when it is no channel at all:
 * `odin.token.BTC.trade` → `BTC.trade`, `BTC.favorites` → `BTC.community`, `odin.global.x` →
 * `global.x`; wildcards `BTC.*`, `*.trade`, `global.*` and `*` stay as they are.
 */
export function normaliseChannel(text: string): string | undefined {
  const short = text.replace(/^odin\.(token\.)?/, '');
  if (short === '*' || short === '*.*' || short === '>') return '*';
  const dot = short.indexOf('.');
  if (dot < 0) return undefined;
  const symbol = short.slice(0, dot);
  const suffix = short.slice(dot + 1);
  if (symbol !== '*' && !isSymbol(symbol)) return undefined;
  if (suffix === '*') return short;
  if (symbol === 'global') return isSymbol(suffix) ? short : undefined;
  const category = categoryAliases[suffix] ?? suffix;
  return isCategory(category) ? `${symbol}.${category}` : undefined;
}

/**
 * The subscriptions that a channel satisfies: itself, `BTC.*`, `*.trade` and `*`. Looking these
 * four up is how wildcards are matched, so no subscription is ever compared with a pattern.
 */
export function subscriptionsMatching(channel: string): readonly string[] {
  const dot = channel.indexOf('.');
  const symbol = channel.slice(0, dot);
  if (symbol === 'global') return [channel, 'global.*', '*'];
  return [channel, `${symbol}.*`, `*${channel.slice(dot)}`, '*'];
}

/** Named sets of categories that a client may subscribe to for a list of tokens. */
export const bundles: Readonly<Record<string, readonly Category[]>> = {
  TRADING: ['trade', 'liquidity', 'analytics'],
  FULL_MARKET: ['trade', 'liquidity', 'analytics', 'metadata'],
  COMMUNITY: ['community', 'social', 'metadata'],
  PORTFOLIO: ['trade', 'analytics', 'balances'],
  PRICE_ONLY: ['trade', 'analytics'],
  ALL: categories,
};
