/** Recovery: what a returning client missed, from the history and, beyond it, from the broker. */
import { performance } from 'node:perf_hooks';
import type { Config } from '../../config/schema.ts';
import type { ChannelPosition, Since, WildcardPosition } from '../../protocol/resume.ts';
import { wildcardSlackMs } from '../../protocol/resume.ts';
import type { RecoveredChannel } from '../../protocol/server-messages.ts';
import { Channel, type Frame } from '../delivery/channel.ts';
import type { Channels } from '../delivery/channels.ts';
import type { History } from '../delivery/history.ts';
import { bump, type Counters } from '../reporting/counters.ts';
import { missedIn, withPrev } from './missed.ts';
import type { OlderEvents, ReadChannel } from './older-events.ts';
import { bytesOf, framesOf, inOrder, newestOf, newestWithin, rangeOf } from './recovered-frames.ts';

/** What a returning client is sent first, and told about it. */
export interface Recovered {
  readonly frames: readonly Frame[];
  readonly channels: Readonly<Record<string, RecoveredChannel>>;
}

/** What recovery works on. */
export interface RecoveryDeps {
  readonly history: History;
  readonly channels: Channels;
  /** Of the broker's log, to which all positions belong. */
  readonly epoch: string;
  readonly older: OlderEvents;
  readonly counters: Counters;
  readonly limits: Config['server']['recovery'];
}

/** Finds missed events. Holds nothing per client. */
export class Recovery {
  readonly #deps: RecoveryDeps;

  constructor(deps: RecoveryDeps) {
    this.#deps = deps;
  }

  /**
   * Reads from the broker what the history does not hold for these positions. Takes at most
   * `recovery.maxMs` and a little; {@link collect} must follow in the same turn as the subscription.
   */
  async prepare(since: Since): Promise<ReadonlyMap<string, ReadChannel>> {
    const read = new Map<string, ReadChannel>();
    const reading = [...since].map(async ([name, position]) => {
      if (position.kind === 'wildcard' || !this.#isThisEpoch(position)) return;
      if (this.#isHeld(name, position.offset)) return;
      const result = await this.#deps.older.read(name, position.offset);
      if (result !== undefined) read.set(name, result);
    });
    await Promise.all(reading);
    return read;
  }

  /**
   * The missed frames of all channels in `since`, below the history index that `servedFrom` gives
   * for a channel: from there on the client gets them by itself. What it has `pending` of an earlier
   * resumption counts towards its limits.
   */
  collect(
    since: Since,
    read: ReadonlyMap<string, ReadChannel>,
    servedFrom: (channel: Channel) => number,
    pending: readonly Frame[] = [],
  ): Recovered {
    const maxMessages = this.#deps.limits.maxMessages - pending.length;
    const maxBytes = this.#deps.limits.maxBytes - bytesOf(pending);
    const all: Frame[] = [];
    const channels: Record<string, RecoveredChannel> = {};
    const taken = new Set<number>();
    let bytes = 0;
    for (const [name, position] of since) {
      const missed =
        position.kind === 'wildcard'
          ? this.#underWildcard(name, position, servedFrom)
          : this.#ofChannel(name, position, read.get(name), servedFrom);
      // A channel may be named by itself and by a wildcard too.
      const frames = missed.frames.filter(({ index }) => index < 0 || !taken.has(index));
      const room = { messages: maxMessages - all.length, bytes: maxBytes - bytes };
      const kept = newestWithin(frames, room);
      const complete = missed.isComplete && kept.length === frames.length;
      for (const frame of kept) {
        bytes += frame.bytes.length;
        taken.add(frame.index);
        all.push(frame);
      }
      bump(this.#deps.counters.recoveries, complete ? 'complete' : 'incomplete');
      channels[name] = { complete, ...rangeOf(position, kept) };
    }
    this.#deps.counters.recoveredMessages += all.length;
    return { frames: all.sort(inOrder), channels };
  }

  /** The newest event of each channel under these subscriptions, below `servedFrom`. */
  newest(subscriptions: readonly string[], servedFrom: (channel: Channel) => number): Frame[] {
    const wanted = new Set(subscriptions);
    const frames: Frame[] = [];
    const isOneByOne = subscriptions.every((name) => !name.includes('*'));
    const candidates = isOneByOne
      ? subscriptions.flatMap((name) => this.#deps.channels.find(name) ?? [])
      : this.#deps.channels.all();
    for (const channel of candidates) {
      const frame = channel.newest;
      if (frame === undefined || !channel.isIn(wanted) || frame.index >= servedFrom(channel))
        continue;
      frames.push(frame);
      if (frames.length >= this.#deps.limits.maxMessages) break;
    }
    return frames.sort(inOrder);
  }

  #isThisEpoch({ epoch }: ChannelPosition | WildcardPosition): boolean {
    return epoch === undefined || epoch === this.#deps.epoch;
  }

  /** Whether the history holds all that a client misses of a channel, as it mostly does. */
  #isHeld(name: string, offset: number): boolean {
    const { history, channels } = this.#deps;
    const channel = channels.find(name);
    if (channel?.lastOffset === undefined || channel.lastOffset < offset) return false;
    return missedIn(history, channel, offset, history.next).isComplete;
  }

  #ofChannel(
    name: string,
    position: ChannelPosition,
    read: ReadChannel | undefined,
    servedFrom: (channel: Channel) => number,
  ): { frames: readonly Frame[]; isComplete: boolean } {
    const { history, channels } = this.#deps;
    const known = channels.find(name);
    const isUsable =
      this.#isThisEpoch(position) &&
      !(known !== undefined && read === undefined && (known.lastOffset ?? -1) < position.offset);
    if (!isUsable) return { frames: newestOf(known, servedFrom), isComplete: false };
    const held =
      known === undefined
        ? { frames: [], isComplete: false, nextOffset: undefined }
        : missedIn(history, known, position.offset, servedFrom(known));
    if (read === undefined) {
      if (held.isComplete || held.frames.length > 0) return held;
      return { frames: newestOf(known, servedFrom), isComplete: false };
    }
    const { records, complete } = read.result;
    const isComplete = complete && history.first <= read.index;
    const place = records[0] === undefined ? '' : `${records[0].topic}/${records[0].partition}`;
    const channel = known ?? new Channel(name, place);
    // Across a hole nothing may claim to follow what the client has.
    const after = isComplete ? position.offset : null;
    const older = framesOf(records, channel, after, held.nextOffset ?? Number.POSITIVE_INFINITY);
    const last = older.at(-1)?.offset ?? after;
    const [next, ...rest] = held.frames;
    if (next === undefined) return { frames: older, isComplete };
    return { frames: [...older, isComplete ? withPrev(next, last) : next, ...rest], isComplete };
  }

  #underWildcard(
    name: string,
    position: WildcardPosition,
    servedFrom: (channel: Channel) => number,
  ): { frames: readonly Frame[]; isComplete: boolean } {
    const { history } = this.#deps;
    const wanted = new Set([name]);
    if (!this.#isThisEpoch(position))
      return { frames: this.newest([name], servedFrom), isComplete: false };
    const sinceMs = position.ts - wildcardSlackMs;
    const frames: Frame[] = [];
    for (let index = history.first; index < history.next; index++) {
      const frame = history.at(index);
      if (!frame.channel.isIn(wanted) || index >= servedFrom(frame.channel)) continue;
      const seen = position.offsets.get(frame.channel.name);
      // An event may be old and still have come late: to a client that never saw its channel it is new.
      const isNew = frame.eventMs > sinceMs || performance.timeOrigin + frame.takenMs > sinceMs;
      if (seen === undefined ? isNew : frame.offset > seen) frames.push(frame);
    }
    return { frames, isComplete: sinceMs >= history.coveredSinceMs };
  }
}
