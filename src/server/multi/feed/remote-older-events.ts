/** RemoteOlderEvents: what a shard's history does not hold, asked from the primary. */
import { Channel } from '../../delivery/channel.ts';
import type { Channels } from '../../delivery/channels.ts';
import type { History } from '../../delivery/history.ts';
import type { OlderEvents, ReadChannel } from '../../recovery/older-events.ts';
import type { Counters } from '../../reporting/counters.ts';
import type { Asking } from '../link/asking.ts';
import type { FeedIntake } from './feed-intake.ts';

/** What it asks with, and what it completes. */
interface RemoteOlderParts {
  readonly asking: Asking;
  readonly intake: Pick<FeedIntake, 'untilIndex'>;
  readonly history: History;
  readonly channels: Channels;
  readonly counters: Pick<Counters, 'channelsForgotten'>;
}

/**
 * The primary may be ahead of this shard: an answer counts when the shard is where the primary was.
 * A client resumes at most its subscriptions at a time, which bounds the open questions; the primary
 * bounds what is read at a time, and what one answer holds.
 */
export class RemoteOlderEvents implements OlderEvents {
  readonly #parts: RemoteOlderParts;

  constructor(parts: RemoteOlderParts) {
    this.#parts = parts;
  }

  async read(name: string, offset: number): Promise<ReadChannel | undefined> {
    const { asking, intake, history, channels, counters } = this.#parts;
    const { index, read, known } = await asking.ask('older', { channel: name, offset });
    await intake.untilIndex(index);
    if (known !== undefined && channels.find(name) === undefined) {
      const channel = new Channel(name, known.partition);
      channel.lastOffset = known.lastOffset;
      if (channels.add(channel, history.first)) counters.channelsForgotten++;
    }
    return read;
  }
}
