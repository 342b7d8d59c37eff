/** What each event type carries in `data`: the fields, their kinds, and a check for recorded ones. */
import { isObject } from '../base/values.ts';
import type { EventType } from './event-types.ts';

/** Kinds of fields, and what a person is told when a value is of another kind. */
const kinds = {
  number: { expected: 'a number', fits: (value: unknown) => Number.isFinite(value) },
  text: { expected: 'a text', fits: (value: unknown) => typeof value === 'string' },
  flag: { expected: 'true or false', fits: (value: unknown) => typeof value === 'boolean' },
  flags: { expected: 'an object of true and false', fits: isFlags },
  ranking: { expected: 'a list of {token, rank, score}', fits: isRanking },
  moment: {
    expected: 'milliseconds since 1970 or an ISO date',
    fits: (value: unknown) =>
      Number.isFinite(value) || (typeof value === 'string' && !Number.isNaN(Date.parse(value))),
  },
} as const;

type Kind = keyof typeof kinds;

interface KindValues {
  readonly number: number;
  readonly text: string;
  readonly flag: boolean;
  readonly flags: Readonly<Record<string, boolean>>;
  readonly ranking: readonly Ranked[];
  readonly moment: number | string;
}

/** A place in a ranking of tokens. */
export interface Ranked {
  readonly token: string;
  /** 1 is the first. */
  readonly rank: number;
  readonly score: number;
}

const trade = {
  price: 'number',
  amount: 'number',
  buyer: 'text',
  seller: 'text',
  txHash: 'text',
} as const;
const liquidity = { amount: 'number', provider: 'text', totalLiquidity: 'number' } as const;

/** The fields that every event of a type has. */
export const requiredFields = {
  TRADE_EXECUTED: trade,
  BUY_COMPLETED: trade,
  SELL_COMPLETED: trade,
  LIQUIDITY_ADDED: liquidity,
  LIQUIDITY_REMOVED: liquidity,
  LIQUIDITY_REBALANCED: { oldRatio: 'number', newRatio: 'number', totalLiquidity: 'number' },
  METADATA_UPDATED: { name: 'text', symbol: 'text' },
  TOKEN_NAME_CHANGED: { name: 'text', symbol: 'text' },
  TOKEN_FLAGS_CHANGED: { flags: 'flags' },
  TWITTER_VERIFIED: { twitterHandle: 'text', verified: 'flag' },
  SOCIAL_LINKS_UPDATED: {},
  COMMENT_POSTED: { commentId: 'text', author: 'text', content: 'text' },
  COMMENT_PINNED: { commentId: 'text', pinnedBy: 'text' },
  COMMENT_UPVOTED: { commentId: 'text', voter: 'text', totalUpvotes: 'number' },
  FAVORITE_TOGGLED: { userId: 'text', isFavorite: 'flag' },
  TOKEN_CREATED: { creator: 'text', name: 'text', symbol: 'text', supply: 'number' },
  TOKEN_LISTED: { exchange: 'text', initialPrice: 'number' },
  PRICE_DELTA_UPDATED: {
    price: 'number',
    delta1h: 'number',
    delta24h: 'number',
    delta7d: 'number',
  },
  HOLDER_COUNT_UPDATED: { holderCount: 'number', change: 'number' },
  ANALYTICS_RECALCULATED: { volume24h: 'number', marketCap: 'number', liquidity: 'number' },
  TRENDING_UPDATED: { rank: 'number', score: 'number' },
  BALANCE_UPDATED: { user: 'text', balance: 'number', change: 'number' },
  TRANSFER_COMPLETED: { from: 'text', to: 'text', amount: 'number', txHash: 'text' },
} as const satisfies Record<EventType, Readonly<Record<string, Kind>>>;

/** Fields that an event may also have: checked only where they are present. */
export const optionalFields = {
  TRADE_EXECUTED: { value: 'number' },
  BUY_COMPLETED: { value: 'number' },
  SELL_COMPLETED: { value: 'number' },
  METADATA_UPDATED: { description: 'text' },
  TOKEN_NAME_CHANGED: { description: 'text' },
  TWITTER_VERIFIED: { verifiedAt: 'moment' },
  SOCIAL_LINKS_UPDATED: { twitter: 'text', telegram: 'text', website: 'text' },
  COMMENT_POSTED: { timestamp: 'moment' },
  TOKEN_LISTED: { timestamp: 'moment' },
  TRENDING_UPDATED: { top: 'ranking' },
} as const satisfies Partial<Record<EventType, Readonly<Record<string, Kind>>>>;

type OptionalOf<T extends EventType> = T extends keyof typeof optionalFields
  ? (typeof optionalFields)[T]
  : Record<never, never>;

type Values<Fields> = {
  readonly [Field in keyof Fields]: Fields[Field] extends Kind ? KindValues[Fields[Field]] : never;
};

/**
 * `data` of an event of type `T`. `token` is the symbol: odin's own publisher always sets it,
 * recorded events may leave it to the record's key.
 */
export type Payload<T extends EventType> = Values<(typeof requiredFields)[T]> &
  Partial<Values<OptionalOf<T>>> & { readonly token?: string };

/**
 * Why `data` is not what events of this type carry, for a person:
 * `TRADE_EXECUTED: data.price must be a number`. Undefined when it is fine; unknown fields are.
 */
export function payloadComplaint(
  type: EventType,
  data: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const [field, kind] of Object.entries<Kind>(requiredFields[type])) {
    if (!kinds[kind].fits(data[field])) return complaint(type, field, kind);
  }
  const optional: Partial<Record<EventType, Readonly<Record<string, Kind>>>> = optionalFields;
  for (const [field, kind] of Object.entries({ token: 'text' as Kind, ...optional[type] })) {
    const value = data[field];
    if (value !== undefined && !kinds[kind].fits(value)) return complaint(type, field, kind);
  }
  return undefined;
}

function complaint(type: EventType, field: string, kind: Kind): string {
  return `${type}: data.${field} must be ${kinds[kind].expected}`;
}

function isRanking(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (place) =>
        isObject(place) &&
        typeof place['token'] === 'string' &&
        Number.isFinite(place['rank']) &&
        Number.isFinite(place['score']),
    )
  );
}

function isFlags(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((flag) => typeof flag === 'boolean')
  );
}
