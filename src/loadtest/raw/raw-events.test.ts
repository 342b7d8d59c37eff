/** Tests of raw-events.ts and conversation.ts. */
import { expect, test } from 'vitest';
import { readMessages } from '../../../test/support/frames.ts';
import { parseMessagePaths } from '../../config/message-path.ts';
import { ChannelBook } from '../delivery/channel-book.ts';
import { SubscriptionSet } from '../delivery/cursor.ts';
import { answersOf, openingFrames } from './conversation.ts';
import { RawEvents } from './raw-events.ts';

const nowMs = Date.parse('2026-01-02T03:04:05.678Z');

function readerOf(paths: string[], replies: string[] = []) {
  const book = new ChannelBook();
  const parsed = parseMessagePaths(paths);
  if (typeof parsed === 'string') throw new Error(parsed);
  const raw = new RawEvents(parsed, answersOf(replies), book);
  return { book, read: (text: string) => raw.read(text, nowMs) };
}

test('without paths each message is an event of which nothing else is known', () => {
  const { read } = readerOf([]);
  expect(read('anything').events).toEqual([
    { channel: 0, offset: Number.NaN, prev: Number.NaN, ts: Number.POSITIVE_INFINITY },
  ]);
});

test('with paths, what has a time or a number is an event, and nothing else', () => {
  const { read, book } = readerOf(['ts=data.timestamp', 'seq=data.seq', 'channel=channel']);
  const { events } = read(`{"channel":"news","data":{"timestamp":${nowMs},"seq":7}}`);
  expect(events).toEqual([{ channel: 0, offset: 7, prev: 6, ts: nowMs }]);
  expect(book.nameOf(0)).toBe('news');
  expect(book.prevOf(0, 7)).toBe(6);
  expect(read('{"channel":"news","data":{"seq":"8"}}').events[0]).toMatchObject({ offset: 8 });
  for (const text of ['{"type":"ack"}', '[]', '7', 'pong', '{"data":{"seq":1.5}}', '{broken']) {
    expect(read(text)).toMatchObject({ events: [], controls: [{ type: 'other' }] });
  }
});

test('a time may be in seconds to nanoseconds, as a number or as text, or ISO 8601', () => {
  const { read } = readerOf(['ts=t']);
  const told = [
    nowMs / 1e3,
    nowMs,
    nowMs * 1e3,
    nowMs * 1e6,
    String(nowMs),
    '2026-01-02T03:04:05.678Z',
  ];
  for (const time of told) {
    expect(read(JSON.stringify({ t: time })).events[0]?.ts).toBeCloseTo(nowMs, 0);
  }
  expect(read('{"t":"soon"}').events).toEqual([]);
});

test('frames of Socket.IO are read behind their numbers, and lines one by one', () => {
  const socketIo = readerOf(['ts=1.time', 'channel=0']);
  expect(socketIo.read(`42/feed,["tick",{"time":${nowMs}}]`).events).toHaveLength(1);
  expect(socketIo.book.nameOf(0)).toBe('tick');
  const lines = readerOf(['seq=push.n']);
  const batch = '{"push":{"n":1}}\n{"push":{"n":2}}\n{"connect":{}}';
  expect(lines.read(batch)).toMatchObject({
    events: [{ offset: 1 }, { offset: 2 }],
    controls: [{ type: 'other' }],
  });
});

test('what is to be answered is known by its whole text', () => {
  const { read } = readerOf(['seq=n'], ['2=>3', '{}=>{}']);
  const { controls } = read('2');
  const answer = controls[0]?.fields['answer'] as Buffer;
  expect(readMessages(answer, true)).toEqual(['3']);
  expect(read('{"n":2}').events).toHaveLength(1);
});

test('a channel that was asked for by its name is expected by those who asked, any other by all', () => {
  const book = new ChannelBook({ isForeign: true });
  const [one, other] = [new SubscriptionSet(['a'], book), new SubscriptionSet(['b', 'c.*'], book)];
  const covering = (name: string) => [one, other].map((set) => set.slotOf(book.idOf(name)) >= 0);
  expect(covering('a')).toEqual([true, false]);
  expect(covering('b')).toEqual([false, true]);
  expect(covering('c.trade')).toEqual([true, true]);
  expect(covering('stream:a')).toEqual([true, true]);
});

test('an opening has a message for each channel that it names, with the number of the client', () => {
  const texts = ['{"id":"{client}"}', 'join {channel}'];
  expect(readMessages(openingFrames(texts, 7, ['a', 'b']), true)).toEqual([
    '{"id":"7"}',
    'join a',
    'join b',
  ]);
  expect(openingFrames([], 7, [])).toHaveLength(0);
});
