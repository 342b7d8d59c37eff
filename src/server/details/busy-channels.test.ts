import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Channel, type Frame } from '../delivery/channel.ts';
import { busyChannels } from './busy-channels.ts';
import { Turns } from './turns.ts';

/** A history of these channels' events, one each `everyMs` until now. */
function historyOf(channels: readonly Channel[], everyMs: number, nowMs: number) {
  const { length } = channels;
  const at = (index: number) =>
    ({ channel: channels[index], takenMs: nowMs - (length - 1 - index) * everyMs }) as Frame;
  return { first: 0, next: length, at };
}

const btc = new Channel('BTC.trade', 'odin.trades/0');
const eth = new Channel('ETH.trade', 'odin.trades/1');

test('rates are of the last ten seconds, whatever lies before', async () => {
  const channels = Array.from({ length: 300 }, (_, at) => (at % 3 === 0 ? eth : btc));
  const { rows, left_out, window_s } = await busyChannels(
    historyOf(channels, 100, 60_000),
    60_000,
    0,
  );
  expect(window_s).toBe(10);
  expect(left_out).toBe(0);
  expect(rows.map(({ channel }) => channel)).toEqual(['BTC.trade', 'ETH.trade']);
  expect(rows[0]!.events_per_s).toBeCloseTo(6.7, 0);
  expect(rows[1]!.events_per_s).toBeCloseTo(3.4, 0);
});

test('a node that has just started, or is idle, has no rates of a time that was not', async () => {
  const history = historyOf([btc, btc, btc, btc], 100, 3_000);
  expect(await busyChannels(history, 3_000, 1_000)).toMatchObject({
    window_s: 2,
    rows: [{ channel: 'BTC.trade', events_per_s: 2 }],
  });
  const { rows } = await busyChannels(history, 3_000, 2_990);
  expect(rows[0]!.events_per_s).toBeLessThanOrEqual(4);
  const none = await busyChannels({ ...history, next: 0 }, 3_000, 0);
  expect(none).toMatchObject({ rows: [], left_out: 0 });
});

test('at most 100 are listed and 50 000 events counted, which shortens the window', async () => {
  const many = Array.from({ length: 150 }, (_, at) => new Channel(`T${at}.trade`, 'odin.trades/0'));
  const channels = Array.from({ length: 120_000 }, (_, at) => many[at % 150]!);
  const { rows, left_out, window_s } = await busyChannels(
    historyOf(channels, 0.05, 9_000),
    9_000,
    0,
  );
  expect(rows).toHaveLength(100);
  expect(left_out).toBe(50);
  expect(window_s).toBe(2.5);
  expect(rows[0]!.events_per_s).toBeCloseTo(20_000 / 150, 0);
});

test('the loop goes on in between, and what leaves the history meanwhile is not looked at', async () => {
  const frames = historyOf(Array(2_000).fill(btc), 1, 9_000);
  const history = {
    first: 0,
    next: frames.next,
    at(index: number) {
      expect(index).toBeGreaterThanOrEqual(this.first);
      return frames.at(index);
    },
  };
  const counting = busyChannels(history, 9_000, 0, new Turns(0));
  let turns = 0;
  for (let isOver = false; !isOver; turns++) {
    history.first += 200;
    isOver = await Promise.race([counting.then(() => true), setImmediate(false)]);
  }
  expect(turns).toBeGreaterThan(2);
  const { rows, window_s } = await counting;
  expect(rows[0]!.events_per_s * window_s).toBeLessThan(2_000);
});

test('what leaves the history meanwhile shortens the window, and makes no rate lower', async () => {
  // One each 20 ms is 50 per second, for longer than the window.
  const history = historyOf(Array(2_000).fill(btc), 20, 60_000);
  class Leaving extends Turns {
    override async next(): Promise<void> {
      await super.next();
      history.first = 1_795;
    }
  }
  const { rows, window_s } = await busyChannels(history, 60_000, 0, new Leaving(0));
  expect(window_s).toBe(4.1);
  expect(rows[0]!.events_per_s).toBeCloseTo(50, 0);
});
