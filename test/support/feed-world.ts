/** A primary's half of a feed and shards, in one process, over pipes that the test opens and shuts. */
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect } from 'vitest';
import { createRandom, type Random, randomIndex } from '../../src/base/random.ts';
import type { EventType } from '../../src/events/event-types.ts';
import { createLog } from '../../src/host/log.ts';
import type { Frame } from '../../src/server/delivery/channel.ts';
import { Channels } from '../../src/server/delivery/channels.ts';
import { History } from '../../src/server/delivery/history.ts';
import { Ingest } from '../../src/server/ingest/ingest.ts';
import type { Feed, FeedHandlers } from '../../src/server/multi/feed/feed.ts';
import { FeedIntake } from '../../src/server/multi/feed/feed-intake.ts';
import { Feeds } from '../../src/server/multi/feed/feeds.ts';
import { Counters } from '../../src/server/reporting/counters.ts';

/** What an event of the world is made of. */
export interface WorldEvent {
  readonly symbol: string;
  readonly topic?: 'odin.trades' | 'odin.analytics';
  readonly partition?: number;
  /** Characters of filler. */
  readonly size?: number;
}

const typeOfTopic = {
  'odin.trades': 'TRADE_EXECUTED',
  'odin.analytics': 'PRICE_DELTA_UPDATED',
} as const satisfies Record<string, EventType>;

/** Clocks of the primary and of its shards, as far apart as those of two processes. */
const clocks = { primaryMs: 5_000_000.25, shardMs: 4_000_000.75 };

/** Makes one. `historyBytes` bounds the histories of all. */
export function createFeedWorld({ historyBytes = 1e9, seed = 1, maxChannels = 200_000 } = {}) {
  const random = createRandom(seed);
  const history = new History({ maxAgeMs: 1e9, maxBytes: historyBytes });
  const channels = new Channels(maxChannels);
  const feeds = new Feeds(history, channels, clocks.primaryMs);
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = createLog(output, 'fatal', 'json');
  const ingest = new Ingest(history, channels, feeds, new Counters(), log, 1e7);
  let offset = 100;
  return {
    history,
    channels,
    feeds,
    /** Hands a batch to ingest, as a broker would. */
    publish(...events: readonly WorldEvent[]): void {
      ingest.take(
        events.map(({ symbol, topic = 'odin.trades', partition = 0, size = 10 }) => {
          const data = { filler: 'é'.repeat(size) };
          const value = { type: typeOfTopic[topic], timestamp: 1_000 + offset, data };
          const bytes = Buffer.from(JSON.stringify(value));
          const place = { topic, partition, offset: offset++ };
          return { ...place, key: symbol, value: bytes, timestampMs: 0 };
        }),
      );
    },
    /** Events of a partition of `odin.trades` are gone. */
    lose(partition: number): void {
      ingest.lost({ topic: 'odin.trades', partition, from: offset, to: offset++ });
    },
    /** A new shard; what comes out of a `pipe` of the test's own is given to its intake by the test. */
    join: (handlers: Partial<FeedHandlers> = {}, pipe?: Writable) =>
      new FakeShard(feeds, { historyBytes, maxChannels, random, pipe }, handlers),
    /** Until nothing moves any more. */
    async settle(): Promise<void> {
      for (let i = 0; i < 3; i++) await turn();
      for (let fed = -1; fed !== feeds.counts.bytesFed; ) {
        fed = feeds.counts.bytesFed;
        for (let i = 0; i < 3; i++) await turn();
      }
    },
    /** Whether a shard is a copy of the primary. */
    expectCopied(shard: FakeShard): void {
      expect(shard.frames()).toEqual(
        framesOf(history, Math.max(history.first, shard.startedAt), clocks.primaryMs),
      );
      expect(shard.history.next).toBe(history.next);
      expect(statesOf(shard.channels)).toEqual(statesOf(channels));
    },
    [Symbol.dispose]: () => feeds[Symbol.dispose](),
  };
}

interface ShardOptions {
  readonly historyBytes: number;
  readonly maxChannels: number;
  readonly random: Random;
  readonly pipe: Writable | undefined;
}

/** A shard whose pipe can be shut; bytes come to it in pieces of any size. */
export class FakeShard {
  readonly history: History;
  readonly channels: Channels;
  readonly intake: FeedIntake;
  readonly feed: Feed;
  readonly pipe: Writable;
  readonly counters = new Counters();
  /** Index at which its history began. */
  startedAt = -1;
  levels = 0;
  filled = 0;
  overtaken = 0;
  offered = 0;
  scheduled = 0;
  #isOpen = true;
  #held: (() => void) | undefined;

  constructor(
    feeds: Feeds,
    { historyBytes, maxChannels, random, pipe }: ShardOptions,
    handlers: Partial<FeedHandlers>,
  ) {
    this.history = new History({ maxAgeMs: 1e9, maxBytes: historyBytes });
    this.channels = new Channels(maxChannels);
    const shard = this;
    const sink = { offer: () => shard.offered++, schedule: () => shard.scheduled++ };
    const onLevel = () => shard.levels++;
    const { history, channels, counters } = this;
    class Watched extends FeedIntake {
      override begin(firstIndex: number, coveredSinceMs: number): void {
        super.begin(firstIndex, coveredSinceMs);
        shard.startedAt = firstIndex;
      }
    }
    const parts = { history, channels, sink, counters, onLevel };
    const intake = new Watched(parts, clocks.shardMs);
    this.intake = intake;
    const write = (chunk: Buffer, _encoding: string, done: () => void) => {
      const pass = () => {
        for (const piece of pieces(chunk, random)) intake.take(piece);
        done();
      };
      if (this.#isOpen) pass();
      else this.#held = pass;
    };
    this.pipe = pipe ?? new Writable({ write });
    this.feed = feeds.add(this.pipe, {
      onLevel() {
        shard.filled++;
        handlers.onLevel?.();
      },
      onOvertaken() {
        shard.overtaken++;
        return handlers.onOvertaken?.() ?? 'end';
      },
    });
  }

  get isCurrent(): boolean {
    const { isLevel, lagEvents, bufferedBytes } = this.feed.state;
    return isLevel && lagEvents === 0 && bufferedBytes === 0;
  }

  /** Takes nothing out of its pipe any more. */
  shut(): void {
    this.#isOpen = false;
  }

  open(): void {
    this.#isOpen = true;
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  frames() {
    return framesOf(this.history, this.history.first, clocks.shardMs);
  }
}

function* pieces(chunk: Buffer, random: Random): Iterable<Buffer> {
  const most = [3, 50, 5_000, 1e9][randomIndex(random, 4)]!;
  for (let at = 0; at < chunk.length; ) {
    const length = 1 + randomIndex(random, Math.min(most, chunk.length - at));
    // Pieces of a few bytes only at the start: all of a megabyte would take long.
    const end = at > 500 ? chunk.length : at + length;
    yield Buffer.from(chunk.subarray(at, end));
    at = end;
  }
}

/** All that two copies must agree on. */
function framesOf(history: History, from: number, clockMs: number) {
  const frames: unknown[] = [];
  for (let index = from; index < history.next; index++) {
    const frame = history.at(index);
    const prevIndex = frame.prevIndex >= from ? frame.prevIndex : -1;
    const { supersededBy, eventMs, payloadAt } = frame;
    const takenMs = Math.round(frame.takenMs + clockMs);
    frames.push({ ...textOf(frame), prevIndex, supersededBy, eventMs, payloadAt, takenMs });
  }
  return frames;
}

function statesOf(channels: Channels) {
  const states = [...channels.all()].map(({ name, partition, lastOffset, lastIndex, newest }) => {
    return { name, partition, lastOffset, lastIndex, newest: newest && textOf(newest) };
  });
  return states.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function textOf({ index, channel, offset, prev, type, bytes }: Frame) {
  return { index, channel: channel.name, offset, prev, type, bytes: bytes.toString('latin1') };
}
