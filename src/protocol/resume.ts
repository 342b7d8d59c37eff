/** Where a returning client left off, as it says it: one position, or many under a wildcard. */
import { isObject } from '../base/values.ts';
import { normaliseChannel } from '../events/channel.ts';

/** The newest event a client has of one channel. */
export interface ChannelPosition {
  readonly kind: 'channel';
  /** Epoch of the offset; undefined when the client did not say. */
  readonly epoch: string | undefined;
  readonly offset: number;
}

/** What a client has of the channels under a wildcard. */
export interface WildcardPosition {
  readonly kind: 'wildcard';
  readonly epoch: string | undefined;
  /** Event time up to which it has everything, in milliseconds since 1970. */
  readonly ts: number;
  /** Newest offset of each channel that it has seen. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** Positions by canonical channel name. */
export type Since = ReadonlyMap<string, ChannelPosition | WildcardPosition>;

/** Events of a wildcard are sent again when they are at most this much older than `ts`. */
export const wildcardSlackMs = 2_000;

/**
 * Reads `since` (or `last_offset`): `{channel: offset}`, `{channel: {epoch, offset}}` and
 * `{wildcard: {epoch, ts, offsets}}`. Returns a complaint when it is none of these.
 */
export function readSince(value: unknown): Since | string {
  if (value === undefined) return new Map();
  if (!isObject(value)) return '"since" must be an object of positions by channel';
  const since = new Map<string, ChannelPosition | WildcardPosition>();
  for (const [name, given] of Object.entries(value)) {
    const channel = normaliseChannel(name);
    const position = channel === undefined ? undefined : readPosition(given);
    if (channel === undefined || position === undefined) {
      return `"since": no position: ${JSON.stringify(name.slice(0, 64))}`;
    }
    since.set(channel, position);
  }
  return since;
}

function readPosition(given: unknown): ChannelPosition | WildcardPosition | undefined {
  if (isOffset(given)) return { kind: 'channel', epoch: undefined, offset: given };
  if (!isObject(given)) return undefined;
  const { epoch, offset, ts, offsets = {} } = given;
  if (epoch !== undefined && typeof epoch !== 'string') return undefined;
  if (isOffset(offset)) return { kind: 'channel', epoch, offset };
  if (typeof ts !== 'number' || !isObject(offsets)) return undefined;
  const entries = Object.entries(offsets);
  if (!entries.every((entry): entry is [string, number] => isOffset(entry[1]))) return undefined;
  return { kind: 'wildcard', epoch, ts, offsets: new Map(entries) };
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
