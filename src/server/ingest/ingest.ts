/** Ingest: broker records in, frames in the history out; what is no event is counted and said. */
import { performance } from 'node:perf_hooks';
import { messageOf } from '../../base/errors.ts';
import type { BrokerRecord, LostRange } from '../../broker/broker.ts';
import { categoryOfTopic } from '../../events/categories.ts';
import { channelOfRecord } from '../../events/channel.ts';
import { isComplaint, parseEvent } from '../../events/event.ts';
import type { Log } from '../../host/log.ts';
import { encodeEvent } from '../../protocol/server-messages.ts';
import { Channel } from '../delivery/channel.ts';
import type { Channels } from '../delivery/channels.ts';
import type { FrameSink, History } from '../delivery/history.ts';
import { bump, type Counters, type SkipReason } from '../reporting/counters.ts';

/** Skipped records that are logged one by one per second; all are counted. */
const complaintsPerSecond = 10;
/** Changes of partition that are logged one by one; all are counted. */
const movesLogged = 10;

/** Turns records into frames. One instance per node: everything is encoded here, once. */
export class Ingest {
  readonly #history: History;
  readonly #channels: Channels;
  readonly #sink: FrameSink;
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #maxEventBytes: number;
  #complaintSecond = 0;
  #complaints = 0;

  constructor(
    history: History,
    channels: Channels,
    sink: FrameSink,
    counters: Counters,
    log: Log,
    maxEventBytes: number,
  ) {
    this.#history = history;
    this.#channels = channels;
    this.#sink = sink;
    this.#counters = counters;
    this.#log = log;
    this.#maxEventBytes = maxEventBytes;
  }

  /** Takes records in broker order and hands them on in one go. */
  take(records: readonly BrokerRecord[]): void {
    const nowMs = performance.now();
    const newest = records.at(-1);
    if (newest !== undefined) this.#counters.newestRecordMs = newest.timestampMs;
    for (const record of records) {
      // One record must never cost another: the driver has moved past all of them.
      try {
        this.#takeOne(record, nowMs);
      } catch (error) {
        this.#skip(record, 'malformed', messageOf(error));
      }
    }
    this.#sink.schedule();
  }

  /** The broker no longer had these positions: clients see it by `prev`, operators here. */
  lost(range: LostRange): void {
    this.#counters.positionsLost += range.to - range.from + 1;
    const partition = `${range.topic}/${range.partition}`;
    const hit = new Set<string>();
    for (const channel of this.#channels.all()) {
      if (range.topic !== undefined && channel.partition !== partition) continue;
      channel.broken();
      hit.add(channel.partition);
    }
    for (const broken of hit) this.#sink.broken?.(broken);
    this.#log.error({ ...range }, 'records are gone from the broker before they were read');
  }

  #takeOne(record: BrokerRecord, nowMs: number): void {
    if (record.value.length > this.#maxEventBytes) {
      const detail = `${record.value.length} bytes, limit ${this.#maxEventBytes}`;
      return this.#skip(record, 'oversized', detail);
    }
    if (record.key === undefined || record.key === '')
      return this.#skip(record, 'no_key', 'no key');
    const name = channelOfRecord(record.topic, record.key);
    if (name === undefined) {
      const isKnown = categoryOfTopic(record.topic) !== undefined;
      const reason = isKnown ? 'bad_key' : 'unknown_topic';
      return this.#skip(
        record,
        reason,
        isKnown ? `key ${record.key.slice(0, 64)}` : 'unknown topic',
      );
    }
    const event = parseEvent(record.value.toString('utf8'));
    if (isComplaint(event)) return this.#skip(record, 'malformed', event.reason);
    const channel = this.#channel(name, `${record.topic}/${record.partition}`);
    const prev = channel.lastOffset ?? null;
    const json = encodeEvent(event, { channel: name, offset: record.offset, prev });
    const { type, timestamp } = event;
    const frame = this.#history.append(channel, record.offset, timestamp, json, nowMs, type);
    this.#counters.eventsIngested++;
    this.#counters.bytesIngested += record.value.length;
    this.#sink.offer(frame);
  }

  #channel(name: string, partition: string): Channel {
    const known = this.#channels.find(name);
    if (known === undefined) {
      const channel = new Channel(name, partition);
      if (this.#channels.add(channel, this.#history.first)) this.#counters.channelsForgotten++;
      return channel;
    }
    if (known.partition !== partition) {
      if (this.#counters.partitionMoves++ < movesLogged) {
        this.#log.warn(
          { channel: name, from: known.partition, to: partition },
          'channel moved to another partition: its publishers do not agree on the partitioner',
        );
      }
      known.partition = partition;
    }
    return known;
  }

  #skip(record: BrokerRecord, reason: SkipReason, detail: string): void {
    bump(this.#counters.skipped, reason);
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#complaintSecond) {
      this.#complaintSecond = second;
      this.#complaints = 0;
    }
    if (++this.#complaints > complaintsPerSecond) return;
    const { topic, partition, offset } = record;
    this.#log.warn({ topic, partition, offset, reason, detail }, 'record skipped');
  }
}
