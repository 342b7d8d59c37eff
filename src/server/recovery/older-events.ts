/** Older events: what a client missed and the history no longer holds, read again from the broker. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, Consumption, ReadBackResult } from '../../broker/broker.ts';
import { topicOfChannel } from '../../events/channel.ts';
import { Channel } from '../delivery/channel.ts';
import type { Channels } from '../delivery/channels.ts';
import type { History } from '../delivery/history.ts';
import type { Counters } from '../reporting/counters.ts';
import { missedIn } from './missed.ts';
import type { ReadBack } from './read-back.ts';
import { keyOf } from './recovered-frames.ts';

/** How often it is looked whether this node has caught up with a client, in milliseconds. */
const lookMs = 20;
/** How long a client may be ahead of this node before its position belongs to another log. */
const aheadMs = 2_000;

/** What was read from the broker for one channel, and how far this node was when it was asked. */
export interface ReadChannel {
  readonly result: ReadBackResult;
  /** Exclusive end of the range. */
  readonly to: number;
  /** History index at the time: what came since is in the history. */
  readonly index: number;
}

/** Reads beyond the history. In a shard, the primary process is asked. */
export interface OlderEvents {
  /**
   * The records of a channel beyond `offset`; undefined when the history holds them all, or nobody
   * has them. Takes at most `recovery.maxMs` and a little.
   */
  read(channel: string, offset: number): Promise<ReadChannel | undefined>;
}

/** What {@link BrokerEvents} reads with. */
export interface BrokerEventsDeps {
  readonly history: History;
  readonly channels: Channels;
  readonly broker: Broker;
  /** Set when the consumer runs; a server takes no clients before. */
  readonly consumption: () => Consumption | undefined;
  readonly readBack: ReadBack;
  readonly counters: Pick<Counters, 'channelsForgotten'>;
}

/** In the process that reads the broker. */
export class BrokerEvents implements OlderEvents {
  readonly #deps: BrokerEventsDeps;

  constructor(deps: BrokerEventsDeps) {
    this.#deps = deps;
  }

  async read(name: string, offset: number): Promise<ReadChannel | undefined> {
    const { history, channels, readBack } = this.#deps;
    const place = await this.#placeOf(name);
    if (place === undefined) return undefined;
    const { topic, partition } = place;
    const position = () => this.#deps.consumption()?.position(topic, partition) ?? 0;
    // The client may come from a node that was a little ahead of this one.
    for (let waitedMs = 0; position() <= offset && waitedMs < aheadMs; waitedMs += lookMs) {
      await sleep(lookMs);
    }
    const to = position();
    if (to <= offset) return undefined;
    const channel = channels.find(name);
    if (channel !== undefined && missedIn(history, channel, offset, history.next).isComplete)
      return undefined;
    const index = history.next;
    const result = await readBack.read(topic, partition, { from: offset + 1, to });
    const records = result.records.filter(({ key }) => key === keyOf(name));
    if (result.complete && history.first <= index) {
      this.#learn(name, `${topic}/${partition}`, records.at(-1)?.offset ?? offset);
    }
    return { result: { ...result, records }, to, index };
  }

  /** A channel that this node never saw an event of: what was read, all of it, tells where it stands. */
  #learn(name: string, partition: string, newestOffset: number): void {
    const { channels, history, counters } = this.#deps;
    if (channels.find(name) !== undefined) return;
    const channel = new Channel(name, partition);
    channel.lastOffset = newestOffset;
    if (channels.add(channel, history.first)) counters.channelsForgotten++;
  }

  async #placeOf(name: string): Promise<{ topic: string; partition: number } | undefined> {
    const known = this.#deps.channels.find(name)?.partition;
    if (known !== undefined) {
      const slash = known.lastIndexOf('/');
      return { topic: known.slice(0, slash), partition: Number(known.slice(slash + 1)) };
    }
    const topic = topicOfChannel(name);
    if (topic === undefined) return undefined;
    const partition = await this.#deps.broker
      .partitionOf(topic, keyOf(name))
      .catch(() => undefined);
    return partition === undefined ? undefined : { topic, partition };
  }
}
