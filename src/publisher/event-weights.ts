/** How often each event type occurs, as the seeds have it, and a weighted choice among them. */
import type { Random } from '../base/random.ts';
import type { EventType } from '../events/event-types.ts';

/** Relative frequencies; they need not add up to 100. */
export const eventWeights: Readonly<Record<EventType, number>> = {
  TRADE_EXECUTED: 20,
  BUY_COMPLETED: 15,
  SELL_COMPLETED: 15,
  LIQUIDITY_ADDED: 8,
  LIQUIDITY_REMOVED: 8,
  PRICE_DELTA_UPDATED: 7,
  ANALYTICS_RECALCULATED: 7,
  METADATA_UPDATED: 5,
  COMMENT_POSTED: 5,
  BALANCE_UPDATED: 3,
  HOLDER_COUNT_UPDATED: 2,
  FAVORITE_TOGGLED: 2,
  COMMENT_UPVOTED: 1,
  TRENDING_UPDATED: 1,
  SOCIAL_LINKS_UPDATED: 1,
  TOKEN_CREATED: 0.5,
  TOKEN_LISTED: 0.5,
  TOKEN_NAME_CHANGED: 0.3,
  TOKEN_FLAGS_CHANGED: 0.3,
  TWITTER_VERIFIED: 0.2,
  COMMENT_PINNED: 0.2,
  LIQUIDITY_REBALANCED: 0.1,
  TRANSFER_COMPLETED: 0.1,
};

const types = Object.keys(eventWeights) as EventType[];
const total = types.reduce((sum, type) => sum + eventWeights[type], 0);

/** A type, drawn by {@link eventWeights}. */
export function randomEventType(random: Random): EventType {
  let rest = random.next() * total;
  for (const type of types) {
    rest -= eventWeights[type];
    if (rest < 0) return type;
  }
  return 'TRADE_EXECUTED';
}
