/** What a returning client says: where it left off, in a message that the server takes. */
import { subscriptionsMatching } from '../../events/channel.ts';
import { maskedFrameOf, opcodes } from '../../protocol/websocket-frame.ts';
import type { ChannelBook } from '../delivery/channel-book.ts';
import type { Cursor } from '../delivery/cursor.ts';

/** Any four bytes will do, see {@link maskedFrameOf}. */
const subscribeMask = 0x6f64696e;

/** Position of one channel, or of the channels under a wildcard. */
type Position =
  | { readonly epoch: string; readonly offset: number }
  | {
      readonly epoch: string;
      /** Event time up to which the client has everything, in milliseconds since 1970. */
      readonly ts: number;
      readonly offsets: Readonly<Record<string, number>>;
    };

/** Positions by subscription, as `subscribe` takes them. */
export type Since = Readonly<Record<string, Position>>;

/** The `subscribe` message of a client as a whole masked frame. */
export function subscribeFrame(channels: readonly string[], since?: Since): Buffer {
  const text = JSON.stringify({ type: 'subscribe', data: { channels, since } });
  return maskedFrameOf(Buffer.from(text), subscribeMask, opcodes.text);
}

/**
 * The positions of a client in `epoch`; subscriptions without any event have none. Under wildcards
 * the channels seen longest ago are left out as long as it takes more than `maxBytes`: their last
 * event is most likely older than what the server sends again anyway.
 */
export function sinceOf(cursor: Cursor, book: ChannelBook, epoch: string, maxBytes: number): Since {
  const seen = newestFirst(cursor, book);
  let since = sinceWith(cursor, seen, epoch);
  while (seen.length > 0 && JSON.stringify(since).length > maxBytes) {
    seen.length = Math.floor(seen.length * 0.75);
    since = sinceWith(cursor, seen, epoch, since);
  }
  return since;
}

interface SeenChannel {
  readonly name: string;
  readonly offset: number;
  readonly seenAtMs: number;
}

function newestFirst(cursor: Cursor, book: ChannelBook): SeenChannel[] {
  const seen: SeenChannel[] = [];
  for (let slot = 0; slot < cursor.subscriptions.count; slot++) {
    const offset = cursor.position(slot);
    if (Number.isNaN(offset)) continue;
    const id = cursor.subscriptions.channelAt(slot);
    seen.push({ name: book.nameOf(id), offset, seenAtMs: book.seenAtMs(id, offset) });
  }
  return seen.sort((a, b) => b.seenAtMs - a.seenAtMs);
}

/** Positions of single channels are taken over from `before`: they are never left out. */
function sinceWith(
  { subscriptions, newestTs, times }: Cursor,
  seen: readonly SeenChannel[],
  epoch: string,
  before: Since = {},
): Since {
  const since: Record<string, Position> = {};
  for (const subscription of subscriptions.channels) {
    // What it had dropped when the connection went starts anew.
    if (times?.isGone(subscription)) continue;
    if (subscription.includes('*')) {
      const under = seen.filter(({ name }) => subscriptionsMatching(name).includes(subscription));
      const offsets = Object.fromEntries(under.map(({ name, offset }) => [name, offset]));
      if (Number.isFinite(newestTs)) since[subscription] = { epoch, ts: newestTs, offsets };
      continue;
    }
    const known = before[subscription];
    const offset = seen.find(({ name }) => name === subscription)?.offset;
    if (known !== undefined) since[subscription] = known;
    else if (offset !== undefined) since[subscription] = { epoch, offset };
  }
  return since;
}
