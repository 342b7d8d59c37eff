/** What a client may say: both the nested and the flat form, checked and normalised. */
import { bundles, isSymbol, normaliseChannel } from '../events/channel.ts';

/** Codes of `error` replies. */
export type ErrorCode = 'BAD_JSON' | 'BAD_MESSAGE' | 'UNKNOWN_TYPE' | 'BINARY_NOT_SUPPORTED';

/** Why one channel of a request was not taken. */
export interface RejectedChannel {
  /** As the client wrote it. */
  readonly channel: string;
  readonly code: 'INVALID_CHANNEL' | 'SUBSCRIPTION_LIMIT';
}

/** A request, with the client's `id` to echo. */
export type ClientMessage =
  | {
      readonly type: 'subscribe' | 'unsubscribe';
      readonly id: MessageId;
      readonly channels: ChannelRequest;
    }
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
    case 'subscribe':
    case 'unsubscribe': {
      const channels = readChannels(data);
      return typeof channels === 'string'
        ? bad(id, 'BAD_MESSAGE', channels)
        : { type, id, channels };
    }
    default:
      return bad(id, 'UNKNOWN_TYPE', `unknown message type ${JSON.stringify(type.slice(0, 64))}`);
  }
}

function readChannels(data: Record<string, unknown>): ChannelRequest | string {
  const names = data['bundle'] === undefined ? data['channels'] : expandBundle(data);
  if (typeof names === 'string') return names;
  if (!Array.isArray(names)) return '"channels" must be a list of channel names';
  if (names.length > maxChannelsPerRequest) {
    return `more than ${maxChannelsPerRequest} channels in one message`;
  }
  const accepted = new Set<string>();
  const rejected: RejectedChannel[] = [];
  for (const name of names) {
    const channel = typeof name === 'string' ? normaliseChannel(name) : undefined;
    if (channel !== undefined) accepted.add(channel);
    else rejected.push({ channel: String(name).slice(0, 64), code: 'INVALID_CHANNEL' });
  }
  return { accepted: [...accepted], rejected };
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

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
