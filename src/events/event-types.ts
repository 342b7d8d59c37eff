/** The 23 event types: which category each belongs to and how much it matters to a client. */
import type { Category } from './categories.ts';

/** Priorities, most important first. Throttling drops from the end and never CRITICAL. */
export const priorities = ['CRITICAL', 'HIGH', 'NORMAL', 'LOW'] as const;

/** How much a client needs an event when it cannot have them all. */
export type Priority = (typeof priorities)[number];

interface EventTypeFacts {
  readonly category: Category;
  readonly priority: Priority;
}

const of = (category: Category, priority: Priority): EventTypeFacts => ({ category, priority });

/**
 * Trade confirmations are CRITICAL, balances and liquidity HIGH, analytics NORMAL (the newest
 * replaces the older), the rest LOW.
 */
export const eventTypes = {
  TRADE_EXECUTED: of('trade', 'CRITICAL'),
  BUY_COMPLETED: of('trade', 'CRITICAL'),
  SELL_COMPLETED: of('trade', 'CRITICAL'),
  LIQUIDITY_ADDED: of('liquidity', 'HIGH'),
  LIQUIDITY_REMOVED: of('liquidity', 'HIGH'),
  LIQUIDITY_REBALANCED: of('liquidity', 'HIGH'),
  METADATA_UPDATED: of('metadata', 'LOW'),
  TOKEN_NAME_CHANGED: of('metadata', 'LOW'),
  TOKEN_FLAGS_CHANGED: of('metadata', 'LOW'),
  TWITTER_VERIFIED: of('social', 'LOW'),
  SOCIAL_LINKS_UPDATED: of('social', 'LOW'),
  COMMENT_POSTED: of('community', 'LOW'),
  COMMENT_PINNED: of('community', 'LOW'),
  COMMENT_UPVOTED: of('community', 'LOW'),
  FAVORITE_TOGGLED: of('community', 'LOW'),
  TOKEN_CREATED: of('creation', 'LOW'),
  TOKEN_LISTED: of('creation', 'LOW'),
  PRICE_DELTA_UPDATED: of('analytics', 'NORMAL'),
  HOLDER_COUNT_UPDATED: of('analytics', 'NORMAL'),
  ANALYTICS_RECALCULATED: of('analytics', 'NORMAL'),
  TRENDING_UPDATED: of('analytics', 'NORMAL'),
  BALANCE_UPDATED: of('balances', 'HIGH'),
  TRANSFER_COMPLETED: of('balances', 'HIGH'),
} as const satisfies Record<string, EventTypeFacts>;

/** The name in an event's `type` field. */
export type EventType = keyof typeof eventTypes;

/** Whether `text` names one of odin's event types. */
export function isEventType(text: string): text is EventType {
  return Object.hasOwn(eventTypes, text);
}
