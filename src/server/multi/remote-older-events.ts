/** RemoteOlderEvents: what a shard's history does not hold, asked from the primary. */
import { Channel, type Channels } from '../channels.ts';
import type { Counters } from '../counters.ts';
import type { History } from '../history.ts';
import type { OlderEvents, ReadChannel } from '../recovery/older-events.ts';
import type { Asking } from './asking.ts';
import type { FeedIntake } from './feed-intake.ts';

/** Questions that may be open at a time, so that answers of megabytes do not fill the link. */
const maxOpen = 32;

/** What it asks with, and what it completes. */
interface RemoteOlderParts {
  readonly asking: Asking;
  readonly intake: Pick<FeedIntake, 'untilIndex'>;
  readonly history: History;
  readonly channels: Channels;
  readonly counters: Pick<Counters, 'channelsForgotten'>;
}

/** The primary may be ahead of this shard: an answer counts when the shard is where the primary was. */
export class RemoteOlderEvents implements OlderEvents {
  readonly #parts: RemoteOlderParts;
  readonly #queue: (() => void)[] = [];
  #open = 0;

  constructor(parts: RemoteOlderParts) {
    this.#parts = parts;
  }

  async read(name: string, offset: number): Promise<ReadChannel | undefined> {
    const { asking, intake, history, channels, counters } = this.#parts;
    if (this.#open >= maxOpen) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#open++;
    try {
      const { index, read, known } = await asking.ask('older', { channel: name, offset });
      await intake.untilIndex(index);
      if (known !== undefined && channels.find(name) === undefined) {
        const channel = new Channel(name, known.partition);
        channel.lastOffset = known.lastOffset;
        if (channels.add(channel, history.first)) counters.channelsForgotten++;
      }
      return read;
    } finally {
      this.#open--;
      this.#queue.shift()?.();
    }
  }
}
