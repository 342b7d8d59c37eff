/** Feed: one shard as a cursor on the primary's history, written to the shard's pipe. */
import type { Writable } from 'node:stream';
import type { Channel, Frame } from '../../delivery/channel.ts';
import type { Channels } from '../../delivery/channels.ts';
import type { History } from '../../delivery/history.ts';
import {
  channelBytes,
  encodeBegin,
  encodeBroken,
  encodeChannels,
  encodeFrames,
  encodeLevel,
  stepBytes,
} from './feed-codec.ts';

/** Bytes that may wait in a pipe before its shard is left to the history. */
export const maxPipeBytes = 1024 * 1024;
/** Steps of catching up in one turn of the event loop, which others want too. */
const stepsPerTurn = 4;
/** Channels looked at in one step; few of them need to be sent. */
const channelsPerStep = 20_000;

/** What all feeds have in common. */
export interface FeedSource {
  readonly history: History;
  readonly channels: Channels;
  /** See `feed-clock.ts`. */
  readonly clockOffsetMs: number;
  readonly counts: FeedCounts;
  /** Everything below this history index was given to every feed that is level. */
  fedTo: number;
}

/** What feeds count. */
export interface FeedCounts {
  /** Buffers of events that were built: one per batch for all feeds that are level. */
  batchesBuilt: number;
  /** Bytes put into pipes. */
  bytesFed: number;
  /** Times a pipe was so full that its shard was left to the history. */
  stalls: number;
  /** Times a shard was so far behind that the history no longer had what it needed. */
  overtaken: number;
}

/** Who is told how a feed goes. */
export interface FeedHandlers {
  /** Its shard is filled: for the first time since it started (anew) all up to now is in the pipe. */
  onLevel(): void;
  /**
   * The history no longer has what its shard needs next. `restart` empties the shard's history and
   * fills it anew, which is right only while it serves nobody; `end` is for a shard that is to be
   * replaced: nothing more is fed.
   */
  onOvertaken(): 'restart' | 'end';
}

/** How a feed is doing. */
export interface FeedState {
  /** History index of the next event that goes into the pipe. */
  readonly cursor: number;
  readonly lagEvents: number;
  /** Whether it gets each batch as it comes. */
  readonly isLevel: boolean;
  readonly bufferedBytes: number;
  readonly stalls: number;
}

/** Feeds one shard. What it holds for it is a cursor and what is in the pipe. */
export class Feed {
  readonly #source: FeedSource;
  readonly #pipe: Writable;
  readonly #handlers: FeedHandlers;
  /** Where the shard's history starts; undefined until it was told so. */
  #firstIndex: number | undefined;
  #cursor = 0;
  /** Channels that were not looked at yet. */
  #channelsLeft: Iterator<Channel> | undefined;
  /** Partitions that broke while it was not level, with the history index at which they did. */
  readonly #broken = new Map<string, number>();
  #isLevel = false;
  #isFilled = false;
  #isFull = false;
  #isEnded = false;
  #isScheduled = false;
  #stalls = 0;
  /** How far apart its shard flushes, in milliseconds, as it said last. */
  flushIntervalMs = 0;

  constructor(source: FeedSource, pipe: Writable, handlers: FeedHandlers) {
    this.#source = source;
    this.#pipe = pipe;
    this.#handlers = handlers;
    pipe.on('drain', this.#onDrain);
    // A shard that is gone breaks its pipe: its exit is what counts.
    pipe.on('error', ignore);
  }

  get state(): FeedState {
    const cursor = this.#firstIndex === undefined ? this.#source.history.first : this.#cursor;
    return {
      cursor,
      lagEvents: this.#source.history.next - cursor,
      isLevel: this.#isLevel,
      bufferedBytes: this.#pipe.writableLength,
      stalls: this.#stalls,
    };
  }

  /** Whether it takes the batches that are built for all. */
  get isLevel(): boolean {
    return this.#isLevel;
  }

  /** Writes a batch that ends before history index `end`. Only for one that is level. */
  give(batch: Buffer, end: number): void {
    this.#cursor = end;
    this.#write(batch);
    if (this.#pipe.writableLength <= maxPipeBytes) return;
    this.#isLevel = false;
    this.#stalls++;
    this.#source.counts.stalls++;
  }

  /** Channels of a partition are broken; `message` says so to one that is level. */
  break(partition: string, message: Buffer): void {
    if (this.#isLevel) this.#write(message);
    else this.#broken.set(partition, this.#source.fedTo);
  }

  /** Goes on from its cursor, from the start if it is new, as far as the pipe takes it. */
  advance(): void {
    for (let step = 0; step < stepsPerTurn; step++) {
      if (this.#isLevel || this.#isFull || this.#isEnded) return;
      if (this.#firstIndex === undefined) this.#begin();
      else if (this.#cursor < this.#source.fedTo) {
        if (this.#cursor < this.#source.history.first) return this.#overtaken();
        this.#sendFrames();
      } else if (this.#channelsLeft !== undefined) this.#sendChannels(this.#channelsLeft);
      else return this.#becomeLevel();
    }
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.advance();
    });
  }

  /** Writes nothing any more. The pipe is its owner's to destroy. */
  stop(): void {
    this.#isEnded = true;
    this.#isLevel = false;
    this.#pipe.off('drain', this.#onDrain);
  }

  readonly #onDrain = (): void => {
    this.#isFull = false;
    this.advance();
  };

  /**
   * Events come first, so that the cursor leaves the end of the history at which events go. The
   * channels that these do not tell of follow; what happens to them meanwhile comes with events.
   */
  #begin(): void {
    const { history, fedTo, channels } = this.#source;
    this.#firstIndex = Math.min(history.first, fedTo);
    this.#cursor = this.#firstIndex;
    this.#channelsLeft = channels.all()[Symbol.iterator]();
    this.#isFilled = false;
    this.#write(encodeBegin(this.#firstIndex, history.coveredSinceMs));
  }

  #sendFrames(): void {
    const { history, fedTo, clockOffsetMs, counts } = this.#source;
    const frames: Frame[] = [];
    for (let size = 0; this.#cursor < fedTo && size < stepBytes; this.#cursor++) {
      const frame = history.at(this.#cursor);
      size += frame.bytes.length;
      frames.push(frame);
    }
    counts.batchesBuilt++;
    this.#write(encodeFrames(frames, clockOffsetMs));
  }

  #sendChannels(left: Iterator<Channel>): void {
    const firstIndex = this.#firstIndex as number;
    const chosen: Channel[] = [];
    let size = 0;
    for (let looked = 0; looked < channelsPerStep && size < stepBytes; looked++) {
      const { value: channel, done } = left.next();
      if (done) {
        this.#channelsLeft = undefined;
        break;
      }
      // Of the others the shard knows everything by their events.
      if (channel.lastIndex >= firstIndex && channel.lastOffset !== undefined) continue;
      chosen.push(channel);
      size += channelBytes(channel, firstIndex);
    }
    if (chosen.length === 0) return;
    this.#write(encodeChannels(chosen, firstIndex, this.#source.clockOffsetMs));
  }

  #becomeLevel(): void {
    for (const [partition, before] of this.#broken) this.#write(encodeBroken(partition, before));
    this.#broken.clear();
    this.#write(encodeLevel());
    if (this.#isEnded) return;
    this.#isLevel = true;
    if (this.#isFilled) return;
    this.#isFilled = true;
    this.#handlers.onLevel();
  }

  #overtaken(): void {
    this.#source.counts.overtaken++;
    this.#firstIndex = undefined;
    if (this.#handlers.onOvertaken() === 'end') return this.stop();
    this.advance();
  }

  #write(bytes: Buffer): void {
    if (!this.#pipe.writable) return this.stop();
    this.#source.counts.bytesFed += bytes.length;
    this.#isFull = !this.#pipe.write(bytes);
  }
}

function ignore(): void {}
