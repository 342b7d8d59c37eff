/** Missed events: what the history holds of a channel beyond a client's position. */
import { frameOf } from '../../protocol/websocket-frame.ts';
import type { Channel, Frame } from '../delivery/channel.ts';
import type { History } from '../delivery/history.ts';

/** Frames of one channel, oldest first. */
export interface Missed {
  readonly frames: readonly Frame[];
  /** Whether nothing is missing between the client's position and the first of them. */
  readonly isComplete: boolean;
  /** Offset of the channel's first event beyond the client's position that the history holds. */
  readonly nextOffset: number | undefined;
}

/**
 * Frames of `channel` with an offset above `offset` and a history index below `below`, found by
 * walking the channel's own chain back from its newest.
 */
export function missedIn(
  history: History,
  channel: Channel,
  offset: number,
  below: number,
): Missed {
  const frames: Frame[] = [];
  let nextOffset: number | undefined;
  let reached: number | null = channel.lastOffset ?? null;
  let index = channel.lastIndex;
  // A chain that was broken in between (events lost before this node read them) is never whole.
  let isBroken = reached === null;
  while (index >= history.first && (reached === null || reached > offset)) {
    const frame = history.at(index);
    if (frame.offset <= offset) {
      reached = frame.offset;
      break;
    }
    nextOffset = frame.offset;
    if (index < below) frames.push(frame);
    reached = frame.prev;
    index = frame.prevIndex;
    if (reached === null && index >= 0) isBroken = true;
  }
  return {
    frames: frames.reverse(),
    isComplete: !isBroken && reached !== null && reached <= offset,
    nextOffset,
  };
}

/** A copy of a frame whose event follows the event at `prev`, which its encoder did not know. */
export function withPrev(frame: Frame, prev: number | null): Frame {
  if (frame.prev !== null || prev === null) return frame;
  const json = frame.bytes
    .toString('utf8', frame.payloadAt)
    .replace('"prev":null', `"prev":${prev}`);
  return { ...frame, prev, ...framed(json) };
}

/** The bytes of a frame that is not part of the history. */
export function framed(json: string): Pick<Frame, 'bytes' | 'payloadAt'> {
  const payload = Buffer.from(json);
  const bytes = frameOf(payload);
  return { bytes, payloadAt: bytes.length - payload.length };
}
