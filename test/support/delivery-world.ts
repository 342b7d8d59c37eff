/** A delivery with a history, channels of all priorities and a clock that the test moves. */
import { Writable } from 'node:stream';
import type { EventType } from '../../src/events/event-types.ts';
import { createLog } from '../../src/host/log.ts';
import type { Deflating } from '../../src/server/compression/deflate-offer.ts';
import { Channel, type Frame } from '../../src/server/delivery/channel.ts';
import { Delivery } from '../../src/server/delivery/delivery.ts';
import { History } from '../../src/server/delivery/history.ts';
import { Audit } from '../../src/server/reporting/audit.ts';
import { Counters } from '../../src/server/reporting/counters.ts';
import type { ThrottleSettings } from '../../src/server/throttling/sparing.ts';
import { FakeClient } from './fake-client.ts';

/** Channels of the world; the events of each are of one type. */
export const channelTypes = {
  'A.trade': 'TRADE_EXECUTED',
  'B.trade': 'TRADE_EXECUTED',
  'A.liquidity': 'LIQUIDITY_ADDED',
  'A.analytics': 'PRICE_DELTA_UPDATED',
  'A.social': 'SOCIAL_LINKS_UPDATED',
} as const satisfies Record<string, EventType>;

/** One of {@link channelTypes}. */
export type ChannelName = keyof typeof channelTypes;

/** Bytes that may wait in a socket of this world. */
export const maxBufferedBytes = 4_000;

/** Every full socket counts, and levels go down as soon as `relax` is called. */
const eager: ThrottleSettings = {
  strategy: 'conflate',
  lightPercent: 75,
  mediumPercent: 50,
  heavyPercent: 25,
  maxLevel: 3,
  saturationMs: 0,
  recoveryMs: 0,
};

/** Makes one; flushes are at most `flushIntervalMs` apart. */
export function createWorld(throttle: Partial<ThrottleSettings> = {}, flushIntervalMs = 0) {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const counters = new Counters();
  const logLines: string[] = [];
  const output = new Writable({
    write(chunk, _encoding, done) {
      logLines.push(String(chunk));
      done();
    },
  });
  const log = createLog(output, 'info', 'json');
  const clock = { nowMs: 0 };
  const delivery = new Delivery(
    history,
    {
      flushIntervalMs,
      maxBufferedBytes,
      throttle: { ...eager, ...throttle },
      compression: { minBytes: 64 },
    },
    counters,
    new Audit(log, counters),
    () => clock.nowMs,
  );
  const channels = new Map(Object.keys(channelTypes).map((name) => [name, new Channel(name, 'p')]));
  let nextId = 0;
  let n = 0;
  return {
    history,
    counters,
    delivery,
    clock,
    logLines,
    /** A new client, subscribed to nothing; each third of those that may be speaks v1. */
    connect(deflating: Deflating = 'none'): FakeClient {
      const id = nextId++;
      const version = deflating === 'none' && id % 3 === 0 ? 'v1' : 'v2';
      return new FakeClient(id, version, delivery, deflating);
    },
    /** Appends one event, numbered from 0, and offers it. */
    publish(name: ChannelName): Frame {
      const number = n++;
      const prev = channels.get(name)!.lastOffset ?? null;
      const text = JSON.stringify({ n: number, prev, filler: 'x'.repeat((number * 37) % 900) });
      const type = channelTypes[name];
      const frame = history.append(channels.get(name)!, number, 0, text, clock.nowMs, type);
      delivery.offer(frame);
      return frame;
    },
    [Symbol.dispose]: () => delivery.stop(),
  };
}
