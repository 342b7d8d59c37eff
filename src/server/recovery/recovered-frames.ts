/** What recovery does with frames and records, without state: making, choosing, ordering. */
import type { BrokerRecord } from '../../broker/broker.ts';
import { isComplaint, parseEvent } from '../../events/event.ts';
import type { ChannelPosition, WildcardPosition } from '../../protocol/resume.ts';
import { encodeEvent } from '../../protocol/server-messages.ts';
import type { Channel, Frame } from '../delivery/channel.ts';
import { framed } from './missed.ts';

/** Frames of a channel's records below an offset; `after` is the offset that the first follows. */
export function framesOf(
  records: readonly BrokerRecord[],
  channel: Channel,
  after: number | null,
  below: number,
): Frame[] {
  const frames: Frame[] = [];
  let prev = after;
  for (const { offset, value } of records) {
    const event = offset < below ? parseEvent(value.toString('utf8')) : undefined;
    if (event === undefined || isComplaint(event)) continue;
    const json = encodeEvent(event, { channel: channel.name, offset, prev });
    const places = { index: -1, prevIndex: -1, takenMs: 0, eventMs: event.timestamp };
    const kind = { type: event.type, supersededBy: -1 };
    frames.push({ ...places, ...kind, channel, offset, prev, ...framed(json) });
    prev = offset;
  }
  return frames;
}

/** The newest event of a channel, unless the client gets it by itself. */
export function newestOf(
  channel: Channel | undefined,
  servedFrom: (channel: Channel) => number,
): Frame[] {
  const frame = channel?.newest;
  return frame === undefined || channel === undefined || frame.index >= servedFrom(channel)
    ? []
    : [frame];
}

/** The newest of the frames that there is room for. */
export function newestWithin(
  frames: readonly Frame[],
  room: { messages: number; bytes: number },
): readonly Frame[] {
  let bytes = 0;
  let first = frames.length;
  while (first > 0 && frames.length - first < room.messages) {
    bytes += (frames[first - 1] as Frame).bytes.length;
    if (bytes > room.bytes) break;
    first--;
  }
  return frames.slice(first);
}

/** What a client is told about the range that it resumed. */
export function rangeOf(
  position: ChannelPosition | WildcardPosition,
  frames: readonly Frame[],
): { from: number; to: number } {
  if (position.kind === 'wildcard')
    return { from: position.ts, to: frames.at(-1)?.eventMs ?? position.ts };
  return { from: position.offset, to: frames.at(-1)?.offset ?? position.offset };
}

/** Node order; what was read from the broker is older than anything in the history. */
export function inOrder(a: Frame, b: Frame): number {
  return a.index - b.index;
}

/** The key of the records of a channel. */
export function keyOf(channel: string): string {
  return channel.startsWith('global.') ? channel : channel.slice(0, channel.indexOf('.'));
}

/** Bytes of all frames. */
export function bytesOf(frames: readonly Frame[]): number {
  return frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
