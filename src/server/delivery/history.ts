/** History: the last seconds of events, encoded once, in broker order; what every client reads. */

import type { EventType } from '../../events/event-types.ts';
import { frameHeaderBytes, writeFrameHeader } from '../../protocol/websocket-frame.ts';
import { isConflatable } from '../throttling/sparing.ts';
import type { AdoptedEvent, Channel, EncodedEvent, Frame } from './channel.ts';

/** What gets the frames of a history as they come. */
export interface FrameSink {
  /** Notes a frame that has just been appended. */
  offer(frame: Frame): void;
  /** Comes after a batch of offers: time to hand them on. */
  schedule(): void;
  /** Events of a partition (`topic/number`) were lost: its channels have been broken. */
  broken?(partition: string): void;
}

/** Bounds of a {@link History}. */
export interface HistoryLimits {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
}

/** Frames share slabs of this size, so that an event costs no allocation of its own. */
const slabBytes = 256 * 1024;
/** Places for frames at the start; a power of two, which doubles as needed. */
const initialFrames = 1_024;

/** A ring of frames, bounded in age and bytes. Frames are found by index in constant time. */
export class History {
  readonly #limits: HistoryLimits;
  #frames: (Frame | undefined)[] = new Array(initialFrames);
  #first = 0;
  #next = 0;
  #bytes = 0;
  #slab = Buffer.alloc(0);
  #slabUsed = 0;
  #coveredSinceMs: number;

  constructor(limits: HistoryLimits) {
    this.#limits = limits;
    this.#coveredSinceMs = Date.now() - limits.maxAgeMs;
  }

  /**
   * Everything that the broker received after this time is here, in milliseconds since 1970, once
   * the history is warm.
   */
  get coveredSinceMs(): number {
    return this.#coveredSinceMs;
  }

  /** Index of the oldest frame still held; equals {@link next} when empty. */
  get first(): number {
    return this.#first;
  }

  /** Index that the next frame will get. */
  get next(): number {
    return this.#next;
  }

  /** Bytes of all frames held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The frame at `index`, which must be in [first, next). */
  at(index: number): Frame {
    return this.#frames[index & (this.#frames.length - 1)] as Frame;
  }

  /** Encodes and appends one event, then lets go of what is beyond the limits. */
  append(
    channel: Channel,
    offset: number,
    eventMs: number,
    json: string,
    nowMs: number,
    type: EventType,
  ): Frame {
    const prev = channel.lastOffset ?? null;
    const length = Buffer.byteLength(json);
    const payloadAt = frameHeaderBytes(length);
    const bytes = this.#room(payloadAt + length);
    writeFrameHeader(bytes, 0, length);
    bytes.write(json, payloadAt, 'utf8');
    return this.#add(channel, { offset, prev, type, eventMs, takenMs: nowMs, bytes, payloadAt });
  }

  /**
   * Appends an event that was encoded elsewhere, whose index must be {@link next}. Its memory is
   * kept as it is.
   */
  adopt(channel: Channel, event: AdoptedEvent): Frame {
    if (event.index !== this.#next)
      throw new Error(`event ${event.index} does not follow event ${this.#next - 1}`);
    return this.#add(channel, event);
  }

  /**
   * Forgets all frames and goes on at `index`, as the copy of another history: from there on it has
   * what the other one has. `coveredSinceMs` is that one's.
   */
  startAt(index: number, coveredSinceMs: number): void {
    for (let held = this.#first; held < this.#next; held++) {
      const frame = this.at(held);
      frame.channel.evicted(frame);
    }
    this.#frames = new Array(initialFrames);
    this.#first = index;
    this.#next = index;
    this.#bytes = 0;
    this.#coveredSinceMs = coveredSinceMs;
  }

  /** Lets go of frames that are too old or too many. The newest frame always stays. */
  trim(nowMs: number): void {
    const { maxAgeMs, maxBytes } = this.#limits;
    while (this.#first < this.#next - 1) {
      const oldest = this.at(this.#first);
      if (this.#bytes <= maxBytes && nowMs - oldest.takenMs <= maxAgeMs) return;
      oldest.channel.evicted(oldest);
      this.#coveredSinceMs = Math.max(this.#coveredSinceMs, Math.min(oldest.eventMs, Date.now()));
      this.#frames[this.#first & (this.#frames.length - 1)] = undefined;
      this.#first++;
      this.#bytes -= oldest.bytes.length;
    }
  }

  #add(
    channel: Channel,
    { offset, prev, type, eventMs, takenMs, bytes, payloadAt }: EncodedEvent,
  ): Frame {
    const index = this.#next++;
    const prevIndex = channel.lastIndex;
    // Written out, not spread: on the hot path all frames are objects of one shape.
    const frame: Frame = {
      index,
      channel,
      offset,
      prev,
      prevIndex,
      type,
      supersededBy: -1,
      eventMs,
      takenMs,
      bytes,
      payloadAt,
    };
    if (isConflatable(type)) this.#supersede(frame);
    channel.appended(frame);
    if (index >= this.#first + this.#frames.length) this.#grow();
    this.#frames[index & (this.#frames.length - 1)] = frame;
    this.#bytes += bytes.length;
    this.trim(takenMs);
    return frame;
  }

  /** Tells the newest event of this channel and type that there is a newer one. */
  #supersede({ index, channel, type }: Frame): void {
    channel.newestOfType ??= new Map();
    const older = channel.newestOfType.get(type) ?? -1;
    if (older >= this.#first) this.at(older).supersededBy = index;
    channel.newestOfType.set(type, index);
  }

  #room(length: number): Buffer {
    if (length > slabBytes / 4) return Buffer.allocUnsafeSlow(length);
    if (this.#slabUsed + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#slabUsed = 0;
    }
    const start = this.#slabUsed;
    this.#slabUsed += length;
    return this.#slab.subarray(start, this.#slabUsed);
  }

  #grow(): void {
    const old = this.#frames;
    const grown: (Frame | undefined)[] = new Array(old.length * 2);
    for (let index = this.#first; index < this.#next - 1; index++) {
      grown[index & (grown.length - 1)] = old[index & (old.length - 1)];
    }
    this.#frames = grown;
  }
}
