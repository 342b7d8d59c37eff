/** Tests of sequence-ledger.ts with what is missing before a client's first event, and behind its last. */
import { describe, expect, test } from 'vitest';
import { createLedger, none, seen } from '../../../test/support/ledger-world.ts';

test('a tail that did not arrive is lost', () => {
  const { book, ledger, join } = createLedger();
  const short = join(0);
  const whole = join(1);
  short.receive(0, 1);
  whole.receive(0, 1, 2, 3, 4);
  const targets = book.newest();
  expect(ledger.hasAll([whole.cursor], targets)).toBe(true);
  expect(ledger.hasAll([short.cursor, whole.cursor], targets)).toBe(false);
  ledger.closeTail([short.cursor, whole.cursor], targets);
  expect(ledger.counts()).toEqual({ ...none, lost: 3, lostAtEnd: 3 });
  expect(ledger.gaps(9)[0]).toMatchObject({ connection: 0, after: 13, got: null, lost: 3 });
});

test('a client without any event lacks what others received well after it subscribed', () => {
  const { book, ledger, join } = createLedger();
  const { cursor } = join(0);
  cursor.subscribedAtMs = 10_002.5 - 250;
  join(1).receive(0, 1, 2, 3, 4);
  ledger.closeTail([cursor], book.newest());
  expect(ledger.counts()).toEqual({ ...none, lost: 2, lostAtEnd: 2 });
});

test('a client that has just subscribed, or is away, lacks nothing', () => {
  const { book, ledger, join } = createLedger();
  const young = join(0).cursor;
  young.subscribedAtMs = 9_900;
  const away = join(1).cursor;
  ledger.disconnected(away);
  join(2).receive(0, 1);
  ledger.closeTail([young, away], book.newest());
  expect(ledger.counts()).toEqual(none);
});

describe('a client that subscribed before some events', () => {
  test('has lost those that others received before its first one', () => {
    const { ledger, join } = createLedger();
    join(1).receive(0, 1, 2, 3, 4);
    join(0, 10_001.5 - 250).receive(4);
    expect(ledger.counts()).toEqual({ ...none, lost: 2 });
    expect(ledger.gaps(9)).toEqual([
      {
        connection: 0,
        channel: 'BTC.trade',
        after: null,
        got: 21,
        lost: 2,
        atLeast: true,
        ...seen,
      },
    ]);
  });

  test('has lost what others receive only later', () => {
    const { ledger, join } = createLedger();
    join(0, 10_001.5 - 250).receive(4);
    join(1).receive(0, 1, 2, 3, 4);
    ledger.lookBack(10_010);
    expect(ledger.counts()).toEqual({ ...none, lost: 2 });
  });

  test('has not lost what nobody received, nor what came late', () => {
    const { ledger, join } = createLedger();
    join(0, 0).receive(4);
    ledger.lookBack(20_000);
    join(1).receive(0, 1, 2, 3);
    ledger.lookBack(20_001);
    expect(ledger.counts()).toEqual(none);
    join(2, 10_001.5 - 250).receive(4, 2, 3);
    expect(ledger.counts()).toEqual({ ...none, reordered: 2, late: 2 });
  });

  test('lost only part of what it missed when it came back in between', () => {
    const { ledger, join } = createLedger();
    const client = join(0);
    client.receive(0);
    join(1).receive(0, 1, 2, 3, 4, 5);
    ledger.disconnected(client.cursor);
    ledger.restarted(client.cursor);
    client.cursor.subscribedAtMs = 10_002.5 - 250;
    client.receive(5);
    expect(ledger.counts()).toEqual({ ...none, lost: 2, missedWhileDisconnected: 2 });
  });
});

test('one that reads out and goes closes no gap of the one that came with its number', () => {
  const { ledger, join } = createLedger();
  const [old, fresh] = [join(0), join(0)];
  old.receive(0, 1);
  fresh.receive(0, 2);
  ledger.disconnected(old.cursor);
  fresh.receive(1);
  expect(ledger.counts()).toEqual({ ...none, late: 1, reordered: 1 });
  // Nor does it have what the server announced to the other one.
  ledger.announceSkipped(old.cursor, { 'BTC.trade': 1 });
  fresh.receive(4);
  expect(ledger.counts()).toMatchObject({ lost: 1, skipped: 0 });
});
