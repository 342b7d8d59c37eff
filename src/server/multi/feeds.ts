/** Feeds: what the primary process takes from the broker, to all shards, encoded once. */
import type { Writable } from 'node:stream';
import type { Channels } from '../channels.ts';
import type { Frame, FrameSink, History } from '../history.ts';
import { Feed, type FeedCounts, type FeedHandlers, type FeedSource } from './feed.ts';
import { machineClockOffsetMs } from './feed-clock.ts';
import { encodeBroken, encodeFrames, stepBytes } from './feed-codec.ts';

/** The feeds of all shards. Disposing it stops them. */
export class Feeds implements FrameSink, Disposable {
  readonly #source: FeedSource;
  readonly #feeds = new Set<Feed>();
  /** Events since the last batch, at most one message of them. */
  #pending: Frame[] = [];
  #pendingBytes = 0;
  #immediate: NodeJS.Immediate | undefined;

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
    this.schedule();
    return feed;
  }

  /** Ends the feed of a shard that is gone, or is to go. */
  remove(feed: Feed): void {
    feed.stop();
    this.#feeds.delete(feed);
  }

  offer(frame: Frame): void {
    this.#pendingBytes += frame.bytes.length;
    this.#pending.push(frame);
    if (this.#pendingBytes >= stepBytes) this.#flush();
  }

  schedule(): void {
    this.#immediate ??= setImmediate(this.#onTurn);
  }

  broken(partition: string): void {
    this.#flush();
    const message = encodeBroken(partition, this.#source.fedTo);
    for (const feed of this.#feeds) feed.break(partition, message);
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#immediate);
    for (const feed of this.#feeds) feed.stop();
    this.#feeds.clear();
  }

  readonly #onTurn = (): void => {
    this.#immediate = undefined;
    this.#flush();
  };

  #flush(): void {
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
