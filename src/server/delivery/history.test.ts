import { expect, test } from 'vitest';
import { Channel } from './channel.ts';
import { History } from './history.ts';

const channel = new Channel('BTC.trade', 'odin.trades/0');
const payload = ({ bytes, payloadAt }: { bytes: Buffer; payloadAt: number }) =>
  bytes.subarray(payloadAt).toString();

test('frames are found by index, in order, through growth and wrap-around', () => {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 100_000 });
  for (let i = 0; i < 50_000; i++) {
    const frame = history.append(channel, i, 0, `{"n":${i}}`, 0, 'TRADE_EXECUTED');
    expect(frame.index).toBe(i);
  }
  expect(history.next).toBe(50_000);
  expect(history.bytes).toBeLessThanOrEqual(100_000);
  expect(history.next - history.first).toBeGreaterThan(5_000);
  for (let index = history.first; index < history.next; index++) {
    expect(payload(history.at(index))).toBe(`{"n":${index}}`);
  }
});

test('frames older than the limit go, the newest stays whatever its age', () => {
  const history = new History({ maxAgeMs: 1_000, maxBytes: 1e6 });
  history.append(channel, 1, 0, '{}', 0, 'TRADE_EXECUTED');
  history.append(channel, 2, 0, '{}', 900, 'TRADE_EXECUTED');
  history.append(channel, 3, 0, '{}', 1_500, 'TRADE_EXECUTED');
  expect([history.first, history.next]).toEqual([1, 3]);
  history.trim(99_999);
  expect([history.first, history.next]).toEqual([2, 3]);
});

test('a copy that adopts frames holds what the first one holds, and conflates alike', () => {
  const limits = { maxAgeMs: 1_000, maxBytes: 1_500 };
  const [first, copy] = [new History(limits), new History(limits)];
  const own = new Channel('BTC.analytics', 'odin.analytics/0');
  const copied = new Channel('BTC.analytics', 'odin.analytics/0');
  const startedMs = Date.now();
  const eventMs = (i: number) => startedMs - 500 + i;
  for (let i = 0; i < 20; i++) {
    first.append(own, 2 * i, eventMs(i), `{"n":${i}}`, i, 'PRICE_DELTA_UPDATED');
  }
  copy.startAt(5, 77);
  expect([copy.first, copy.next, copy.coveredSinceMs]).toEqual([5, 5, 77]);
  for (let index = 5; index < 20; index++) copy.adopt(copied, first.at(index));
  for (let i = 20; i < 200; i++) {
    const text = `{"n":${i}}`;
    copy.adopt(copied, first.append(own, 2 * i, eventMs(i), text, i, 'PRICE_DELTA_UPDATED'));
  }
  expect([copy.first, copy.next, copy.bytes]).toEqual([first.first, first.next, first.bytes]);
  expect(copy.coveredSinceMs).toBe(eventMs(first.first - 1));
  expect(first.coveredSinceMs).toBe(copy.coveredSinceMs);
  expect(first.first).toBeGreaterThan(20);
  for (let index = first.first; index < first.next; index++) {
    expect({ ...copy.at(index), channel: own }).toEqual(first.at(index));
  }
  expect(copied).toEqual({ ...own, newest: { ...own.newest!, channel: copied } });
});

test('a frame that does not follow is not adopted', () => {
  const history = new History({ maxAgeMs: 1_000, maxBytes: 1_500 });
  const frame = history.append(channel, 1, 0, '{}', 0, 'TRADE_EXECUTED');
  expect(() => history.adopt(channel, frame)).toThrow('event 0 does not follow event 0');
  expect(() => history.adopt(channel, { ...frame, index: 2 })).toThrow('event 2 does not follow');
  expect(history.next).toBe(1);
});

test('a history that starts anew keeps the newest events of its channels, in memory of their own', () => {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const other = new Channel('BTC.trade', 'odin.trades/0');
  for (let i = 0; i < 3_000; i++) {
    history.append(other, i, 0, `{"n":${i}}`, 0, 'TRADE_EXECUTED');
  }
  history.startAt(9_000, 5);
  expect([history.first, history.next, history.bytes]).toEqual([9_000, 9_000, 0]);
  expect(payload(other.newest!)).toBe('{"n":2999}');
  expect(other.newest!.bytes.buffer.byteLength).toBe(other.newest!.bytes.length);
  const frame = history.append(other, 3_000, 0, '{}', 0, 'TRADE_EXECUTED');
  expect(frame).toMatchObject({ index: 9_000, prev: 2_999 });
  expect(history.at(9_000)).toBe(frame);
});

test.each([10, 125, 126, 65_535, 65_536, 300_000])(
  'a payload of %i bytes is a whole text frame',
  (length) => {
    const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
    const text = `"${'é'.repeat((length - 2) / 2)}"`.padEnd(
      length - Math.floor((length - 2) / 2),
      ' ',
    );
    const { bytes, payloadAt } = history.append(channel, 1, 0, text, 0, 'TRADE_EXECUTED');
    expect(bytes[0]).toBe(0x81);
    const size = bytes.length - payloadAt;
    expect(size).toBe(Buffer.byteLength(text));
    const told =
      size < 126 ? bytes[1] : size < 65_536 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
    expect(told).toBe(size);
    expect(payload({ bytes, payloadAt })).toBe(text);
  },
);
