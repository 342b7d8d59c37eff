import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Channel, type Frame } from '../../delivery/channel.ts';
import { History } from '../../delivery/history.ts';
import {
  encodeBegin,
  encodeBroken,
  encodeChannels,
  encodeFrames,
  encodeLevel,
  type FedChannel,
  type FedEvent,
} from './feed-codec.ts';
import { FeedDecoder, type FeedReceiver } from './feed-decoder.ts';

/** What a decoder gave, in words of the test's own; bytes as text. */
function createReceiver(): FeedReceiver & { readonly given: unknown[] } {
  const given: unknown[] = [];
  const text = ({ bytes }: { bytes: Buffer }) => bytes.toString('latin1');
  return {
    given,
    begin: (...args) => void given.push(['begin', ...args]),
    channel: (channel: FedChannel) => {
      const { newest } = channel;
      given.push({ ...channel, newest: newest && { ...newest, bytes: text(newest) } });
    },
    event: (event: FedEvent) => void given.push({ ...event, bytes: text(event) }),
    eventsEnd: () => void given.push('end'),
    broken: (...args) => void given.push(['broken', ...args]),
    level: () => void given.push('level'),
  };
}

function decode(...chunks: readonly Buffer[]): unknown[] {
  const receiver = createReceiver();
  const decoder = new FeedDecoder(receiver, 1_000);
  for (const chunk of chunks) decoder.take(chunk);
  return receiver.given;
}

function someFrames(): { frames: Frame[]; trades: Channel; prices: Channel } {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const trades = new Channel('BTC.trade', 'odin.trades/11');
  const prices = new Channel('A-very_long-name.analytics', 'odin.analytics/0');
  const frames = [
    history.append(trades, 2 ** 53 - 1, 1_700_000_000_000.5, '{"a":"é"}', 5.25, 'TRADE_EXECUTED'),
    history.append(trades, 7, 0, 'x'.repeat(300), 5.25, 'SELL_COMPLETED'),
    history.append(prices, 8, 1, 'y'.repeat(100_000), 6, 'PRICE_DELTA_UPDATED'),
    history.append(prices, 9, 1, '{}', 7, 'TRENDING_UPDATED'),
  ];
  return { frames, trades, prices };
}

/** The whole feed that the tests cut up. */
function someFeed(): Buffer {
  const { frames, trades, prices } = someFrames();
  const fresh = new Channel('NEW.social', 'odin.social/3');
  return Buffer.concat([
    encodeBegin(12, 1_699_999_999_999),
    encodeFrames(frames, 1_000),
    encodeChannels([trades, prices, fresh], 3, 1_000),
    encodeBroken('odin.trades/11', 4),
    encodeLevel(),
  ]);
}

test('what is encoded comes out again', () => {
  const { frames, trades, prices } = someFrames();
  const fed = ({ channel, prevIndex: _, supersededBy: __, ...event }: Frame) => ({
    ...event,
    channel: channel.name,
    partition: channel.partition,
    bytes: event.bytes.toString('latin1'),
  });
  const stands = ({ name, partition, lastOffset, lastIndex }: Channel) => ({
    ...{ name, partition, lastOffset, lastIndex },
  });
  const fresh = new Channel('NEW.social', 'odin.social/3');
  expect(decode(someFeed())).toEqual([
    ['begin', 12, 1_699_999_999_999],
    ...frames.map(fed),
    'end',
    { ...stands(trades), newest: fed(frames[1]!) },
    { ...stands(prices), newest: undefined },
    { ...stands(fresh), newest: undefined },
    ['broken', 'odin.trades/11', 4],
    'level',
  ]);
});

test('it does not matter how the bytes are cut', () => {
  const feed = someFeed();
  const whole = decode(feed);
  const cut = fc.array(fc.nat(feed.length), { maxLength: 30 });
  const near = fc.array(fc.nat(80), { maxLength: 30 });
  fc.assert(
    fc.property(cut, near, (far, close) => {
      const places = [0, ...far, ...close, feed.length].sort((a, b) => a - b);
      const chunks = places.slice(1).map((end, i) => Buffer.from(feed.subarray(places[i]!, end)));
      expect(decode(...chunks)).toEqual(whole);
    }),
    { numRuns: 200, seed: 7 },
  );
});

test('events lie together in slabs, whatever pieces they came in', () => {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const channel = new Channel('BTC.trade', 'odin.trades/0');
  const slabs = new Set<ArrayBufferLike>();
  let bytes = 0;
  const receiver: FeedReceiver = {
    ...createReceiver(),
    event(event) {
      slabs.add(event.bytes.buffer);
      bytes += event.bytes.length;
    },
  };
  const decoder = new FeedDecoder(receiver, 0);
  for (let i = 0; i < 20_000; i++) {
    const frame = history.append(channel, i, 0, 'x'.repeat(300), 0, 'TRADE_EXECUTED');
    decoder.take(encodeFrames([frame], 0));
  }
  const held = [...slabs].reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(held / bytes).toBeLessThan(1.35);
});

test.each<[complaint: string, damage: (feed: Buffer) => Buffer]>([
  ['feed message of unknown kind 99', (feed) => patched(feed, 4, 99)],
  ['feed message of 0 bytes, allowed are 1 to 268435456', () => Buffer.alloc(4)],
  ['feed message of 4294967295 bytes, allowed', () => Buffer.alloc(4, 0xff)],
  ['feed event of unknown type 200', (feed) => patched(feed, 5 + 8 + 4 + 2 + 9 + 14, 200)],
  ['feed message of kind 3 ends', (feed) => patched(feed, 5 + 8, 200)],
  ['feed message of kind 3 has 70 bytes too many', (feed) => patched(feed, 5 + 8, 3)],
])('%s: the feed is given up', (complaint, damage) => {
  const feed = encodeFrames(someFrames().frames, 0);
  expect(() => decode(damage(feed))).toThrow(complaint);
});

function patched(feed: Buffer, at: number, byte: number): Buffer {
  feed[at] = byte;
  return feed;
}
