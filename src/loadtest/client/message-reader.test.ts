/** Tests of message-reader.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeEvent, encodeV1Prefix } from '../../protocol/server-messages.ts';
import { ChannelBook } from '../delivery/channel-book.ts';
import { MessageReader } from './message-reader.ts';

function eventText(
  offset: number,
  prev: number | null,
  data: Record<string, unknown> = {},
): string {
  const event = { type: 'TRADE_EXECUTED', timestamp: 1_700_000_000_000 + offset, data } as const;
  return encodeEvent(event, { channel: 'BTC.trade', offset, prev });
}

function createReader() {
  const book = new ChannelBook();
  const reader = new MessageReader(book);
  const read = (text: string) => {
    const bytes = Buffer.from(`#${text}#`);
    return reader.read(bytes, 1, bytes.length - 1, 5);
  };
  return { book, reader, read };
}

test('an event gives its channel, offset, predecessor and time', () => {
  const { book, read } = createReader();
  const { events, controls, complaint } = read(eventText(1250, 1243, { text: 'naïve {"\n' }));
  expect(events).toEqual([
    { channel: book.idOf('BTC.trade'), offset: 1250, prev: 1243, ts: 1_700_000_001_250 },
  ]);
  expect(controls).toEqual([]);
  expect(complaint).toBeUndefined();
});

test('an event without a predecessor has NaN for it', () => {
  expect(createReader().read(eventText(1, null)).events[0]?.prev).toBeNaN();
});

test('a message of several lines gives all of them in order', () => {
  const { read } = createReader();
  const { events } = read([eventText(1, null), eventText(4, 1), eventText(5, 4)].join('\n'));
  expect(events.map(({ offset }) => offset)).toEqual([1, 4, 5]);
});

test('equal bytes are parsed once', () => {
  const { reader, read } = createReader();
  const first = read(eventText(1, null));
  expect(read(eventText(1, null))).toBe(first);
  expect(reader.hits).toBe(1);
});

test('messages that differ anywhere are never taken for each other', () => {
  const { read } = createReader();
  const offset = fc.integer({ min: 1, max: 99_999 });
  fc.assert(
    fc.property(offset, offset, fc.string({ maxLength: 3 }), (at, before, text) => {
      const { events } = read(eventText(at, before, { text }));
      expect(events).toEqual([
        { channel: 0, offset: at, prev: before, ts: 1_700_000_000_000 + at },
      ]);
    }),
    { seed: 4, numRuns: 2_000 },
  );
});

test('the v1 number is read apart, so clients with other numbers share what was parsed', () => {
  const { reader, read } = createReader();
  const v1 = (seq: number) => `${encodeV1Prefix(seq)}${eventText(7, 6).slice(1)}`;
  const first = read(v1(1));
  expect(reader.seq).toBe(1);
  expect(first.events).toHaveLength(1);
  expect(read(v1(1_234))).toBe(first);
  expect(reader.seq).toBe(1_234);
  read(eventText(8, 7));
  expect(reader.seq).toBe(0);
});

test('a v1 number at another place is found too, also in the cache', () => {
  const { reader, read } = createReader();
  const text = eventText(7, 6).replace('"data":', '"seq":12,"data":');
  for (let times = 0; times < 2; times++) {
    read(text);
    expect(reader.seq).toBe(12);
  }
});

test('a message without an offset is a control message', () => {
  const { read } = createReader();
  const { events, controls } = read('{"type":"subscription_ack","count":3}');
  expect(events).toEqual([]);
  expect(controls).toEqual([
    { type: 'subscription_ack', fields: { type: 'subscription_ack', count: 3 } },
  ]);
});

test.each([
  '{"seq":1,"ts":1,',
  '{"seq":,"ts":1}',
  'nonsense',
  '[1]',
  'null',
  '{"no":"type"}',
  '{"ts":1,"type":"X","channel":"BTC.trade","offset":"7","prev":null,"data":{}}',
  '{"ts":1,"type":"X","channel":"BTC.trade","offset":7,"prev":1.5,"data":{}}',
  `${eventText(1, null)}\n`,
])('%s is complained about', (text) => {
  expect(createReader().read(text).complaint).toMatch(/^(not a JSON object|neither an event)/);
});

test('after a reset the same bytes are parsed anew', () => {
  const { book, reader, read } = createReader();
  read(eventText(1, null));
  book.reset();
  reader.reset();
  read(eventText(1, null));
  expect(reader.hits).toBe(0);
  expect(book.newest()).toEqual([{ channel: 'BTC.trade', offset: 1, dueAtMs: 5 }]);
});
