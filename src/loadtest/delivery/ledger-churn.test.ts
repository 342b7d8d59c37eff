/** Tests of sequence-ledger.ts with clients that drop channels and take them back. */
import { describe, expect, test } from 'vitest';
import { createLedger, none, offsets } from '../../../test/support/ledger-world.ts';
import { SubscriptionTimes } from './subscription-times.ts';

describe('a client that drops a channel and takes it back', () => {
  /** Has received the first two events, and asked to drop the channel. */
  function leaving(subscriptions = ['BTC.trade'], dropped = 'BTC.trade') {
    const { ledger, join, book } = createLedger(...subscriptions);
    const other = join(1);
    other.receive(0, 1);
    const client = join(7);
    client.receive(0, 1);
    const times = new SubscriptionTimes();
    client.cursor.times = times;
    times.leave(dropped);
    const left = (untilMs = 0) => ledger.unsubscribed(client.cursor, dropped, untilMs);
    const target = (index: number) => [
      { channel: 'BTC.trade', offset: offsets[index] as number, dueAtMs: 10_000 + index },
    ];
    const isDone = (index: number) => ledger.hasAll([client.cursor], target(index));
    return { ...client, ledger, book, other, times, left, target, isDone };
  }

  test('misses nothing while it is away, and starts anew', () => {
    const { ledger, cursor, receive, other, times, left, target, isDone } = leaving();
    receive(2);
    other.receive(2, 3, 4, 5);
    expect(isDone(5)).toBe(true);
    left();
    expect(isDone(5)).toBe(true);
    times.join('BTC.trade');
    receive(6);
    times.joined('BTC.trade', 20_000);
    receive(7);
    other.receive(6, 7, 8);
    expect(isDone(8)).toBe(false);
    ledger.closeTail([cursor], target(7));
    expect(ledger.counts()).toEqual(none);
  });

  test('lacks what was sent while it had it', () => {
    const { ledger, receive, other, times, left } = leaving();
    receive(3);
    other.receive(2, 3, 4, 5);
    // Of what was due by then, only the fifth did not come.
    left(10_004);
    times.join('BTC.trade');
    times.joined('BTC.trade', 10_000 - 250 + 6);
    other.receive(6, 7, 8);
    receive(9);
    expect(ledger.counts()).toEqual({ ...none, lost: 4, lostAtEnd: 1 });
  });

  test('wants no event of it until it asks again', () => {
    const { ledger, receive, times, left } = leaving();
    left();
    receive(2, 3);
    times.join('BTC.trade');
    receive(4);
    expect(ledger.counts()).toEqual({ ...none, unexpected: 2 });
  });

  test('goes on with what another subscription covers', () => {
    const { ledger, receive, other, left, isDone } = leaving(['BTC.trade', '*'], '*');
    left();
    other.receive(2, 3);
    expect(isDone(3)).toBe(false);
    receive(3);
    expect(ledger.counts()).toEqual({ ...none, lost: 1 });
  });
});
