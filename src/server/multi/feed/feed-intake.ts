/** Feed intake: the shard's end of its feed, which keeps its history a copy of the primary's. */
import { Channel, type Frame } from '../../delivery/channel.ts';
import type { Channels } from '../../delivery/channels.ts';
import type { FrameSink, History } from '../../delivery/history.ts';
import type { Counters } from '../../reporting/counters.ts';
import { machineClockOffsetMs } from './feed-clock.ts';
import type { FedChannel, FedEvent } from './feed-codec.ts';
import { FeedDecoder, type FeedReceiver } from './feed-decoder.ts';

/** What a feed fills. */
export interface FeedIntakeParts {
  readonly history: History;
  readonly channels: Channels;
  /** Gets the events as they come; nobody is connected before the first {@link onLevel}. */
  readonly sink: FrameSink;
  readonly counters: Counters;
  /** The shard has everything that the primary had when it wrote this; told each time. */
  readonly onLevel: () => void;
}

/** Takes one feed from its beginning to the end of the process. */
export class FeedIntake implements FeedReceiver {
  readonly #parts: FeedIntakeParts;
  readonly #decoder: FeedDecoder;
  /** Those who wait for the history to reach an index. */
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();

  constructor(parts: FeedIntakeParts, clockOffsetMs = machineClockOffsetMs()) {
    this.#parts = parts;
    this.#decoder = new FeedDecoder(this, clockOffsetMs);
  }

  /** Takes what came through the pipe. Throws an Error when that is no feed: the shard must end. */
  take(chunk: Buffer): void {
    this.#decoder.take(chunk);
  }

  /** Resolves when the history has everything below `index`. */
  async untilIndex(index: number): Promise<void> {
    if (this.#parts.history.next >= index) return;
    let waiting = this.#waiting.get(index);
    if (waiting === undefined) {
      waiting = Promise.withResolvers();
      this.#waiting.set(index, waiting);
    }
    await waiting.promise;
  }

  begin(firstIndex: number, coveredSinceMs: number): void {
    this.#parts.history.startAt(firstIndex, coveredSinceMs);
    // So that delivery starts at this index too.
    this.#parts.sink.schedule();
    this.#wake();
  }

  channel({ name, partition, lastOffset, lastIndex, newest }: FedChannel): void {
    const channel = this.#channel(name, partition);
    // Its events are here already: only that it broke after them is new.
    if (newest === undefined && channel.lastIndex === lastIndex && lastIndex >= 0) {
      channel.lastOffset = lastOffset;
      return;
    }
    let frame: Frame | undefined;
    if (newest !== undefined) {
      // It may stay for long: it must not keep the slab alive that it came in.
      const bytes = Buffer.allocUnsafeSlow(newest.bytes.length);
      bytes.set(newest.bytes);
      const place = { index: lastIndex, channel, prevIndex: -1, supersededBy: -1 };
      const { offset, prev, type, eventMs, takenMs, payloadAt } = newest;
      frame = { ...place, offset, prev, type, eventMs, takenMs, bytes, payloadAt };
    }
    channel.restore(lastOffset, lastIndex, frame);
  }

  event(event: FedEvent): void {
    const { history, sink } = this.#parts;
    const channel = this.#channel(event.channel, event.partition);
    sink.offer(history.adopt(channel, event));
  }

  eventsEnd(): void {
    this.#parts.sink.schedule();
    this.#wake();
  }

  broken(partition: string, before: number): void {
    for (const channel of this.#parts.channels.all()) {
      if (channel.partition === partition && channel.lastIndex < before) channel.broken();
    }
  }

  level(): void {
    this.#parts.onLevel();
  }

  #channel(name: string, partition: string): Channel {
    const { channels, history, counters } = this.#parts;
    const known = channels.find(name);
    if (known !== undefined) {
      known.partition = partition;
      return known;
    }
    const channel = new Channel(name, partition);
    if (channels.add(channel, history.first)) counters.channelsForgotten++;
    return channel;
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    for (const [index, waiting] of this.#waiting) {
      if (this.#parts.history.next < index) continue;
      this.#waiting.delete(index);
      waiting.resolve();
    }
  }
}
