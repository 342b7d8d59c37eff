import { expect, test } from 'vitest';
import { Channel } from './channels.ts';
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
