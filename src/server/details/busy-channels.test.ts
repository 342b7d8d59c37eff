import { expect, test } from 'vitest';
import { Channel } from '../delivery/channels.ts';
import type { Frame } from '../delivery/history.ts';
import { busyChannels } from './busy-channels.ts';

/** A history of these channels' events, one each `everyMs` until now. */
function historyOf(channels: readonly Channel[], everyMs: number, nowMs: number) {
  const { length } = channels;
  const at = (index: number) =>
    ({ channel: channels[index], takenMs: nowMs - (length - 1 - index) * everyMs }) as Frame;
  return { first: 0, next: length, at };
}

const btc = new Channel('BTC.trade', 'odin.trades/0');
const eth = new Channel('ETH.trade', 'odin.trades/1');

test('rates are of the last ten seconds, whatever lies before', () => {
  const channels = Array.from({ length: 300 }, (_, at) => (at % 3 === 0 ? eth : btc));
  const { rows, left_out, window_s } = busyChannels(historyOf(channels, 100, 60_000), 60_000, 0);
  expect(window_s).toBe(10);
  expect(left_out).toBe(0);
  expect(rows.map(({ channel }) => channel)).toEqual(['BTC.trade', 'ETH.trade']);
  expect(rows[0]!.events_per_s).toBeCloseTo(6.7, 0);
  expect(rows[1]!.events_per_s).toBeCloseTo(3.4, 0);
});

test('a node that has just started, or is idle, has no rates of a time that was not', () => {
  const history = historyOf([btc, btc, btc, btc], 100, 3_000);
  expect(busyChannels(history, 3_000, 1_000)).toMatchObject({
    window_s: 2,
    rows: [{ channel: 'BTC.trade', events_per_s: 2 }],
  });
  expect(busyChannels(history, 3_000, 2_990).rows[0]!.events_per_s).toBeLessThanOrEqual(4);
  expect(busyChannels({ ...history, next: 0 }, 3_000, 0)).toMatchObject({ rows: [], left_out: 0 });
});

test('at most 100 are listed and 50 000 events counted, which shortens the window', () => {
  const many = Array.from({ length: 150 }, (_, at) => new Channel(`T${at}.trade`, 'odin.trades/0'));
  const channels = Array.from({ length: 120_000 }, (_, at) => many[at % 150]!);
  const { rows, left_out, window_s } = busyChannels(historyOf(channels, 0.05, 9_000), 9_000, 0);
  expect(rows).toHaveLength(100);
  expect(left_out).toBe(50);
  expect(window_s).toBe(2.5);
  expect(rows[0]!.events_per_s).toBeCloseTo(20_000 / 150, 0);
});
