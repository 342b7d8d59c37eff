/** An invented market: an endless, seeded sequence of events that could have happened. */
import { createRandom, type Random, randomIndex } from '../base/random.ts';
import type { EventType } from '../events/event-types.ts';
import type { Payload } from '../events/payloads.ts';
import { randomEventType } from './event-weights.ts';
import { type MarketScene, payloadMakers } from './market-payloads.ts';
import { rounded, TokenState, walletCount } from './token-state.ts';

/** An event of one token, `type` telling what `data` is. */
export type MarketEvent = {
  readonly [T in EventType]: {
    readonly type: T;
    readonly timestamp: number;
    readonly data: Payload<T>;
  };
}[EventType];

/** Tokens in a ranking of what is trending. */
const trendingTokens = 10;

/** See {@link createMarket}. */
export interface Market {
  /**
   * The next event. The sequence depends on seed and tokens alone; `timestampMs` appears as the
   * event's time and in the payload fields that repeat it, and changes nothing else.
   */
  nextEvent(timestampMs: number): MarketEvent;
  /** The tokens with most going on. Changes nothing in the market. */
  trending(timestampMs: number): MarketEvent;
  /**
   * A token that is listed now. It is announced, not traded: it changes nothing of the sequence of
   * {@link nextEvent}, and has a sequence of its own that depends on the seed.
   */
  newListing(timestampMs: number): MarketEvent;
}

/** A market of `tokens` (at least one): types by the seeds' weights, tokens with equal chance. */
export function createMarket(seed: number, tokens: readonly string[]): Market {
  const random = createRandom(seed);
  const states = tokens.map((symbol) => new TokenState(symbol, random));
  const scene: MarketScene = {
    random,
    wallets: Array.from({ length: walletCount }, () => `0x${hexWords(random, 5)}`),
    tokens: states,
    nextTxHash: createTxHashes(random),
    timestampMs: 0,
  };
  const listings = createListings(seed, tokens);
  return {
    nextEvent(timestampMs) {
      scene.timestampMs = timestampMs;
      const type = randomEventType(random);
      const token = states[randomIndex(random, states.length)] as TokenState;
      return {
        type,
        timestamp: timestampMs,
        data: payloadMakers[type](token, scene),
      } as MarketEvent;
    },
    trending(timestamp) {
      const top = states
        .toSorted((a, b) => b.score - a.score)
        .slice(0, trendingTokens)
        .map(({ symbol, score }, index) => ({
          token: symbol,
          rank: index + 1,
          score: Math.round(score * 100) / 100,
        }));
      const first = top[0] as (typeof top)[0];
      return { type: 'TRENDING_UPDATED', timestamp, data: { ...first, top } };
    },
    newListing(timestamp) {
      const data = { ...listings(), exchange: 'Odin DEX', timestamp };
      return { type: 'TOKEN_LISTED', timestamp, data };
    },
  };
}

/** Letters of a symbol that a market invents; there are {@link listingSymbols} of them. */
const listingLetters = 4;
const listingSymbols = 26 ** listingLetters;
/** Neither even nor a multiple of 13: stepping by it visits every symbol before one comes again. */
const listingStep = 123_457;

/** Tokens to list, none of which is in `tokens`, and none twice in the first 400 000. */
function createListings(seed: number, tokens: readonly string[]) {
  const random = createRandom(seed ^ 0x6c697374);
  const known = new Set(tokens);
  let number = randomIndex(random, listingSymbols);
  const nextSymbol = () => {
    number = (number + listingStep) % listingSymbols;
    let symbol = '';
    for (let rest = number, at = 0; at < listingLetters; at++, rest = Math.floor(rest / 26)) {
      symbol += String.fromCharCode(65 + (rest % 26));
    }
    return symbol;
  };
  return () => {
    let token = nextSymbol();
    while (known.has(token)) token = nextSymbol();
    return { token, initialPrice: rounded(10 ** (random.next() * 4 - 3)) };
  };
}

/**
 * Hashes of 64 digits. One word is a count in disguise (an odd factor permutes the 32-bit
 * numbers), so no two are equal even when the random numbers come round again.
 */
function createTxHashes(random: Random): () => string {
  let count = Math.floor(random.next() * 2 ** 32);
  return () => {
    count = (count + 1) >>> 0;
    return `0x${hexWords(random, 7)}${hexWord(Math.imul(count, 0x9e3779b1) >>> 0)}`;
  };
}

function hexWords(random: Random, words: number): string {
  let text = '';
  for (let word = 0; word < words; word++) text += hexWord(Math.floor(random.next() * 2 ** 32));
  return text;
}

/** 16-bit numbers as four hex digits; formatting them each time would cost half of an event. */
const hexQuads = Array.from({ length: 65_536 }, (_, value) => value.toString(16).padStart(4, '0'));

function hexWord(value: number): string {
  return (hexQuads[value >>> 16] as string) + (hexQuads[value & 0xffff] as string);
}
