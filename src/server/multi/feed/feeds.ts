/** Feeds: what the primary process takes from the broker, to all shards, encoded once. */
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import type { Frame } from '../../delivery/channel.ts';
import type { Channels } from '../../delivery/channels.ts';
import type { FrameSink, History } from '../../delivery/history.ts';
import { Feed, type FeedCounts, type FeedHandlers, type FeedSource } from './feed.ts';
import { machineClockOffsetMs } from './feed-clock.ts';
import { encodeBroken, encodeFrames, stepBytes } from './feed-codec.ts';

/**
 * The feeds of all shards. Disposing it stops them.
 *
 * Events go out as far apart as shards flush: while these are idle at once, and otherwise in batches
 * that each costs every shard one awakening and one flush. What a shard cannot write yet may as well
 * wait here, where it waits once for all of them.
 */
export class Feeds implements FrameSink, Disposable {
  readonly #source: FeedSource;
  readonly #feeds = new Set<Feed>();
  /** Events since the last batch, at most one message of them. */
  #pending: Frame[] = [];
  #pendingBytes = 0;
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #intervalMs = 0;
  #lastFlushMs = Number.NEGATIVE_INFINITY;

  /** `history` and `channels` are those of the process that reads the broker. */
  constructor(history: History, channels: Channels, clockOffsetMs = machineClockOffsetMs()) {
    const counts = { batchesBuilt: 0, bytesFed: 0, stalls: 0, overtaken: 0 };
    this.#source = { history, channels, clockOffsetMs, counts, fedTo: history.next };
  }

  /** Since the start, also of feeds that are gone. */
  get counts(): Readonly<FeedCounts> {
    return this.#source.counts;
  }

  get size(): number {
    return this.#feeds.size;
  }

  /** Begins to fill a shard, in the next turn of the event loop. It should be reading its pipe. */
  add(pipe: Writable, handlers: FeedHandlers): Feed {
    const feed = new Feed(this.#source, pipe, handlers);
    this.#feeds.add(feed);
    this.#immediate ??= setImmediate(this.#onTurn);
    return feed;
  }

  /** Ends the feed of a shard that is gone, or is to go. */
  remove(feed: Feed): void {
    feed.stop();
    this.#feeds.delete(feed);
    this.#choosePace();
  }

  /** Present wait between two batches, in milliseconds; 0 while shards are idle. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** A shard says how far apart its flushes are, in milliseconds. */
  pace(feed: Feed, flushIntervalMs: number): void {
    feed.flushIntervalMs = flushIntervalMs;
    this.#choosePace();
  }

  offer(frame: Frame): void {
    this.#pendingBytes += frame.bytes.length;
    this.#pending.push(frame);
    if (this.#pendingBytes >= stepBytes) this.#flush();
  }

  schedule(): void {
    if (this.#immediate !== undefined || this.#timer !== undefined) return;
    const waitMs = this.#lastFlushMs + this.#intervalMs - performance.now();
    if (waitMs < 0.5) this.#immediate = setImmediate(this.#onTurn);
    else this.#timer = setTimeout(this.#onTurn, waitMs);
  }

  broken(partition: string): void {
    this.#flush();
    const message = encodeBroken(partition, this.#source.fedTo);
    for (const feed of this.#feeds) feed.break(partition, message);
  }

  [Symbol.dispose](): void {
    this.#unschedule();
    for (const feed of this.#feeds) feed.stop();
    this.#feeds.clear();
  }

  readonly #onTurn = (): void => {
    this.#unschedule();
    this.#flush();
  };

  #unschedule(): void {
    clearImmediate(this.#immediate);
    clearTimeout(this.#timer);
    this.#immediate = undefined;
    this.#timer = undefined;
  }

  /** The middle one: neither one shard that lags nor one that has no clients yet sets the pace. */
  #choosePace(): void {
    const intervals = [...this.#feeds].map(({ flushIntervalMs }) => flushIntervalMs);
    this.#intervalMs = intervals.sort((a, b) => a - b)[intervals.length >> 1] ?? 0;
  }

  #flush(): void {
    this.#lastFlushMs = performance.now();
    if (this.#pending.length > 0) this.#give(this.#pending);
    for (const feed of this.#feeds) feed.advance();
  }

  #give(frames: readonly Frame[]): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    const { counts, clockOffsetMs } = this.#source;
    const end = (frames.at(-1) as Frame).index + 1;
    this.#source.fedTo = end;
    let batch: Buffer | undefined;
    for (const feed of this.#feeds) {
      if (!feed.isLevel) continue;
      if (batch === undefined) {
        batch = encodeFrames(frames, clockOffsetMs);
        counts.batchesBuilt++;
      }
      feed.give(batch, end);
    }
  }
}
