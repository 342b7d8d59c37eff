/** Channel: one channel, and the frame of an event on it; each knows the other. */
import { subscriptionsMatching } from '../../events/channel.ts';
import type { EventType } from '../../events/event-types.ts';

/** An event encoded once. */
export interface Frame {
  /** Place in this node's order; grows by one per frame and is never reused. */
  readonly index: number;
  readonly channel: Channel;
  readonly offset: number;
  /** Offset of the event before it on its channel; null when this node never saw one. */
  readonly prev: number | null;
  /** History index of that event; -1 when it is not known. */
  readonly prevIndex: number;
  readonly type: EventType;
  /** History index of a newer event of its channel and type; -1 while there is none. */
  supersededBy: number;
  /** The event's own time in milliseconds since 1970. */
  readonly eventMs: number;
  /** When this node took it, on the node's monotonic clock, in milliseconds. */
  readonly takenMs: number;
  /** A whole WebSocket frame: header and payload. */
  readonly bytes: Buffer;
  /** Where the payload starts in {@link bytes}. */
  readonly payloadAt: number;
}

/** An event as a frame carries it, without its place in a history. */
export type EncodedEvent = Pick<
  Frame,
  'offset' | 'prev' | 'type' | 'eventMs' | 'takenMs' | 'bytes' | 'payloadAt'
>;

/** An event that was encoded elsewhere, and its place there. */
export interface AdoptedEvent extends EncodedEvent {
  readonly index: number;
}

/** One channel. Positions are the broker's, so all nodes agree on them. */
export class Channel {
  readonly name: string;
  /** The subscriptions it satisfies: its name and three wildcards. */
  readonly matching: readonly string[];
  partition: string;
  /** Offset of its newest event; undefined before the first. */
  lastOffset: number | undefined;
  /** History index of its newest event; -1 before the first. */
  lastIndex = -1;
  /** Its newest event, kept when it has left the history. */
  newest: Frame | undefined;
  /** History indexes of its newest events of the types that may be conflated; few types each. */
  newestOfType: Map<EventType, number> | undefined;

  constructor(name: string, partition: string) {
    this.name = name;
    this.matching = subscriptionsMatching(name);
    this.partition = partition;
  }

  /** Takes note of its newest event. */
  appended(frame: Frame): void {
    this.lastOffset = frame.offset;
    this.lastIndex = frame.index;
    this.newest = frame;
  }

  /** Takes over where the channel stands elsewhere; `newest` is a frame that no history holds. */
  restore(lastOffset: number | undefined, lastIndex: number, newest: Frame | undefined): void {
    this.lastOffset = lastOffset;
    this.lastIndex = lastIndex;
    this.newest = newest;
  }

  /** An event leaves the history. The newest is copied: it would keep a whole slab alive. */
  evicted(frame: Frame): void {
    if (frame !== this.newest) return;
    // Not from Node's pool either, of which it would keep 64 KiB alive.
    const bytes = Buffer.allocUnsafeSlow(frame.bytes.length);
    frame.bytes.copy(bytes);
    this.newest = { ...frame, bytes };
  }

  /**
   * Events of its partition were lost: what comes next does not follow what came last, and says so
   * by a `prev` of null.
   */
  broken(): void {
    this.lastOffset = undefined;
  }

  /** Whether a set of subscriptions covers this channel. */
  isIn(subscriptions: ReadonlySet<string>): boolean {
    for (const subscription of this.matching) {
      if (subscriptions.has(subscription)) return true;
    }
    return false;
  }
}
