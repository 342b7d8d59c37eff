/** Tests of resume.ts. */
import { expect, test } from 'vitest';
import { ChannelBook } from '../delivery/channel-book.ts';
import { Cursor, SubscriptionSet } from '../delivery/cursor.ts';
import { SequenceLedger } from '../delivery/sequence-ledger.ts';
import { sinceOf, subscribeFrame } from './resume.ts';

/** A client that received one event of each of `channels`, in this order. */
function clientWith(subscriptions: readonly string[], channels: readonly string[]) {
  const book = new ChannelBook();
  const cursor = new Cursor(0, new SubscriptionSet(subscriptions, book));
  const ledger = new SequenceLedger(book, () => 1_000);
  for (const [index, name] of channels.entries()) {
    const event = { channel: book.idOf(name), offset: index + 100, prev: Number.NaN };
    book.note(event.channel, event.offset, event.prev, index, index);
    ledger.observe(cursor, { ...event, ts: 1_000 + index });
  }
  return { book, cursor };
}

test('positions are those of the newest events, and none where there was none', () => {
  const { book, cursor } = clientWith(['BTC.trade', 'ETH.trade'], ['BTC.trade']);
  expect(sinceOf(cursor, book, 'e', 10_000)).toEqual({ 'BTC.trade': { epoch: 'e', offset: 100 } });
});

test('a wildcard takes the newest time and the channels under it', () => {
  const names = ['BTC.trade', 'ETH.trade', 'ETH.social'];
  const { book, cursor } = clientWith(['ETH.*', '*.trade', 'SOL.*'], names);
  const wildcard = { epoch: 'e', ts: 1_002 };
  expect(sinceOf(cursor, book, 'e', 10_000)).toEqual({
    'ETH.*': { ...wildcard, offsets: { 'ETH.trade': 101, 'ETH.social': 102 } },
    '*.trade': { ...wildcard, offsets: { 'BTC.trade': 100, 'ETH.trade': 101 } },
    'SOL.*': { ...wildcard, offsets: {} },
  });
});

test('positions outlast a lost connection, and connections without any event', () => {
  const { book, cursor } = clientWith(['BTC.trade'], ['BTC.trade']);
  for (let round = 0; round < 2; round++) {
    cursor.suspend();
    cursor.restart();
  }
  expect(sinceOf(cursor, book, 'e', 10_000)).toEqual({ 'BTC.trade': { epoch: 'e', offset: 100 } });
});

test('under a wildcard the channels seen longest ago are left out for want of room', () => {
  const names = Array.from({ length: 1_000 }, (_, n) => `T${n}.trade`);
  const { book, cursor } = clientWith(['*', 'T0.trade'], names);
  const since = sinceOf(cursor, book, 'e', 4_096);
  expect(JSON.stringify(since).length).toBeLessThanOrEqual(4_096);
  const { offsets } = since['*'] as { offsets: Record<string, number> };
  const kept = Object.keys(offsets);
  expect(kept.length).toBeGreaterThan(100);
  expect(new Set(kept)).toEqual(new Set(names.slice(-kept.length)));
  expect(since['T0.trade']).toEqual({ epoch: 'e', offset: 100 });
});

test('a message without positions does not mention them', () => {
  const length = JSON.stringify({ type: 'subscribe', data: { channels: ['*'] } }).length;
  expect(subscribeFrame(['*'])).toHaveLength(2 + 4 + length);
});
