/** What a client may say: both the nested and the flat form, checked and normalised. */
import { isObject } from '../base/values.ts';
import { bundles, isSymbol, normaliseChannel } from '../events/channel.ts';
import { readSince, type Since } from './resume.ts';

/** Codes of `error` replies. */
export type ErrorCode =
  | 'BAD_JSON'
  | 'BAD_MESSAGE'
  | 'UNKNOWN_TYPE'
  | 'BINARY_NOT_SUPPORTED'
  | 'RATE_LIMIT_EXCEEDED'
  | 'INVALID_TOKEN'
  | 'AUTH_UNAVAILABLE'
  | 'REFRESH_PENDING';

/** Why one channel of a request was not taken. */
export interface RejectedChannel {
  /** As the client wrote it. */
  readonly channel: string;
  readonly code: 'INVALID_CHANNEL' | 'SUBSCRIPTION_LIMIT' | 'CHANNEL_NOT_ALLOWED';
}

/** A request, with the client's `id` to echo. */
export type ClientMessage =
  | {
      readonly type: 'subscribe';
      readonly id: MessageId;
      readonly channels: ChannelRequest;
      /** Where the client left off; empty for one that starts anew. */
      readonly since: Since;
      /** Whether it wants the newest event of each new channel first. */
      readonly wantsSnapshot: boolean;
    }
  | { readonly type: 'unsubscribe'; readonly id: MessageId; readonly channels: ChannelRequest }
  /** The subscribe of a returning client of the replaced system. */
  | { readonly type: 'reconnect'; readonly id: MessageId; readonly since: Since }
  /** Messages of a v1 client again, by their numbers, both inclusive. */
  | {
      readonly type: 'replay';
      readonly id: MessageId;
      readonly fromSeq: number;
      readonly toSeq: number;
    }
  /** A token to go on with, before the one of the handshake expires. */
  | { readonly type: 'refresh_token'; readonly id: MessageId; readonly token: string }
  | { readonly type: 'heartbeat'; readonly id: MessageId };

/** Something a client said that odin cannot act on. */
export interface BadMessage {
  readonly type: 'bad';
  readonly id: MessageId;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Echoed as it came; undefined when the client sent none. */
export type MessageId = string | number | undefined;

/** The channels of a request in canonical form, each once, and those that are none. */
export interface ChannelRequest {
  readonly accepted: readonly string[];
  readonly rejected: readonly RejectedChannel[];
}

/** Most channels (after expanding bundles) that one request may name. */
const maxChannelsPerRequest = 1_000;

/** Reads one text message. Never throws. */
export function parseClientMessage(text: string): ClientMessage | BadMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad(undefined, 'BAD_JSON', 'expected a JSON object');
  }
  if (!isObject(value)) return bad(undefined, 'BAD_MESSAGE', 'expected a JSON object');
  const id =
    typeof value['id'] === 'string' || typeof value['id'] === 'number' ? value['id'] : undefined;
  const type = value['type'];
  if (typeof type !== 'string') return bad(id, 'BAD_MESSAGE', '"type" is missing or not a string');
  const data = value['data'] ?? value;
  if (!isObject(data)) return bad(id, 'BAD_MESSAGE', '"data" must be an object');
  switch (type) {
    case 'heartbeat':
      return { type, id };
    case 'refresh_token': {
      const token = data['token'];
      return typeof token === 'string' && token !== ''
        ? { type, id, token }
        : bad(id, 'BAD_MESSAGE', '"token" is missing or not a string');
    }
    case 'subscribe':
      return readSubscribe(id, data);
    case 'unsubscribe': {
      const channels = readChannels(data);
      return typeof channels === 'string'
        ? bad(id, 'BAD_MESSAGE', channels)
        : { type, id, channels };
    }
    case 'reconnect': {
      const since = readSince(data['last_offset'] ?? {});
      return typeof since === 'string' ? bad(id, 'BAD_MESSAGE', since) : { type, id, since };
    }
    case 'replay': {
      const fromSeq = data['from_seq'] ?? data['from'];
      const toSeq = data['to_seq'] ?? data['to'];
      return isSeq(fromSeq) && isSeq(toSeq) && fromSeq <= toSeq
        ? { type, id, fromSeq, toSeq }
        : bad(id, 'BAD_MESSAGE', '"from_seq" and "to_seq" must be numbers of messages');
    }
    default:
      return bad(id, 'UNKNOWN_TYPE', `unknown message type ${JSON.stringify(type.slice(0, 64))}`);
  }
}

function readSubscribe(id: MessageId, data: Record<string, unknown>): ClientMessage | BadMessage {
  const since = readSince(data['since']);
  if (typeof since === 'string') return bad(id, 'BAD_MESSAGE', since);
  const snapshot = data['snapshot'] ?? false;
  if (typeof snapshot !== 'boolean')
    return bad(id, 'BAD_MESSAGE', '"snapshot" must be true or false');
  const channels = readChannels(data);
  if (typeof channels === 'string') return bad(id, 'BAD_MESSAGE', channels);
  return { type: 'subscribe', id, channels, since, wantsSnapshot: snapshot };
}

function isSeq(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function readChannels(data: Record<string, unknown>): ChannelRequest | string {
  const { bundle, channels } = data;
  const names = bundle === undefined ? channels : expandBundle(data);
  if (bundle !== undefined && typeof names === 'string') return names;
  if (!Array.isArray(names)) return '"channels" must be a list of channel names';
  if (names.length > maxChannelsPerRequest) {
    return `more than ${maxChannelsPerRequest} channels in one message`;
  }
  const accepted = new Set<string>();
  const rejected: RejectedChannel[] = [];
  for (const name of names) {
    const channel = typeof name === 'string' ? normaliseChannel(name) : undefined;
    if (channel !== undefined) accepted.add(channel);
    else rejected.push({ channel: shown(name), code: 'INVALID_CHANNEL' });
  }
  return { accepted: [...accepted], rejected };
}

/** What a rejected channel is called in the answer: it may be anything, so only text is repeated. */
function shown(name: unknown): string {
  return typeof name === 'string' ? name.slice(0, 64) : `(${typeof name})`;
}

function expandBundle({ bundle, tokens }: Record<string, unknown>): string[] | string {
  if (typeof bundle !== 'string' || !Object.hasOwn(bundles, bundle)) {
    return `unknown bundle; one of ${Object.keys(bundles).join(', ')}`;
  }
  const valid = (token: unknown) => typeof token === 'string' && (token === '*' || isSymbol(token));
  if (!Array.isArray(tokens) || tokens.length === 0 || !tokens.every(valid)) {
    return '"tokens" must be a list of token symbols';
  }
  return tokens.flatMap((token) => bundles[bundle]!.map((category) => `${token}.${category}`));
}

function bad(id: MessageId, code: ErrorCode, message: string): BadMessage {
  return { type: 'bad', id, code, message };
}
