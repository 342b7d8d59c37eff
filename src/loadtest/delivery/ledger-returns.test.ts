/** Tests of sequence-ledger.ts with clients that lose their connection and come back. */
import { describe, expect, test } from 'vitest';
import { createLedger, none, offsets } from '../../../test/support/ledger-world.ts';

test('what a client misses between two connections is not lost', () => {
  const { ledger, join } = createLedger();
  const client = join(0);
  client.receive(0, 1);
  join(1).receive(0, 1, 2, 3, 4, 5);
  ledger.disconnected(client.cursor);
  ledger.restarted(client.cursor);
  client.receive(5, 6);
  expect(ledger.counts()).toEqual({ ...none, missedWhileDisconnected: 3 });
});

test('a client that missed nothing while it was away has missed nothing', () => {
  const { ledger, join } = createLedger();
  const client = join(0);
  client.receive(0, 1);
  for (let round = 0; round < 2; round++) {
    ledger.disconnected(client.cursor);
    ledger.restarted(client.cursor);
  }
  client.receive(2, 3);
  expect(ledger.counts()).toEqual(none);
});

describe('a client that resumes', () => {
  /** Has events 0 and 1, loses its connection, and is back after others got up to event 5. */
  function returned(isComplete: boolean, subscription = 'BTC.trade') {
    const { ledger, join, book } = createLedger(subscription);
    const client = join(0);
    client.receive(0, 1);
    join(1).receive(0, 1, 2, 3, 4, 5);
    ledger.disconnected(client.cursor);
    ledger.resumed(client.cursor, () => isComplete, 10_000);
    client.cursor.subscribedAtMs = 10_000;
    return { ledger, book, ...client };
  }

  test('has healed when it gets what it missed', () => {
    const { ledger, receive } = returned(true);
    receive(2, 3, 4, 5);
    expect(ledger.counts()).toEqual({ ...none, healed: 4 });
  });

  test('has healed only what is from before its return', () => {
    const { ledger, receive, cursor } = returned(true);
    cursor.resumedAtMs = -1;
    receive(2, 3, 4, 5);
    expect(ledger.counts()).toEqual(none);
  });

  test('has lost what was promised and did not come', () => {
    const { ledger, receive } = returned(true);
    receive(2, 4, 5);
    expect(ledger.counts()).toEqual({ ...none, healed: 3, lost: 1 });
  });

  test('has lost what was promised when nothing came at all', () => {
    const { ledger, book, cursor } = returned(true);
    ledger.closeTail([cursor], book.newest());
    expect(ledger.counts()).toEqual({ ...none, lost: 4, lostAtEnd: 4 });
  });

  test('gets twice what it already had', () => {
    const { ledger, receive } = returned(true);
    receive(1, 2, 3, 4, 5);
    expect(ledger.counts()).toEqual({ ...none, healed: 4, duplicated: 1 });
  });

  test('could not recover what the server no longer has', () => {
    const { ledger, receive } = returned(false);
    receive(5, 6);
    expect(ledger.counts()).toEqual({ ...none, healed: 2, unrecovered: 3 });
  });

  test('could not recover what no event ever shows to be missing', () => {
    const { ledger, book, cursor } = returned(false);
    ledger.closeTail([cursor], book.newest());
    expect(ledger.counts()).toEqual({ ...none, unrecovered: 4 });
  });

  test('misses nothing when the newest event, sent again, is one that it has', () => {
    const { ledger, join } = createLedger();
    const client = join(0);
    client.receive(0, 1);
    ledger.disconnected(client.cursor);
    ledger.resumed(client.cursor, () => false, 0);
    client.receive(1, 2);
    expect(ledger.counts()).toEqual(none);
  });

  test('takes the word of a node that does not know what came before', () => {
    const { ledger, book, cursor } = returned(true);
    const channel = book.idOf('BTC.trade');
    ledger.observe(cursor, { channel, offset: 99, prev: Number.NaN, ts: 20_000 });
    expect(ledger.counts()).toEqual(none);
    ledger.observe(cursor, { channel, offset: 120, prev: Number.NaN, ts: 20_000 });
    expect(ledger.counts()).toEqual({ ...none, lost: 1 });
  });

  test('knows from others what came before', () => {
    const { ledger, book, cursor } = returned(true);
    const channel = book.idOf('BTC.trade');
    const [offset] = offsets.slice(5);
    ledger.observe(cursor, { channel, offset: offset!, prev: Number.NaN, ts: 20_000 });
    expect(ledger.counts()).toEqual({ ...none, lost: 3 });
  });

  test('may do so again before anything has come', () => {
    const { ledger, receive, cursor } = returned(true);
    ledger.disconnected(cursor);
    ledger.resumed(cursor, () => true, 10_000);
    receive(2, 3, 4, 5);
    expect(ledger.counts()).toEqual({ ...none, healed: 4 });
  });

  test('goes on where it was after a return without recovery and one with it', () => {
    const { ledger, receive, cursor } = returned(false);
    ledger.disconnected(cursor);
    ledger.resumed(cursor, () => true, 10_000);
    receive(2, 3, 4, 5);
    expect(ledger.counts()).toEqual({ ...none, healed: 4 });
  });

  test('is told apart by the subscription that covers a channel', () => {
    const { ledger, cursor, receive } = returned(false, '*.trade');
    ledger.disconnected(cursor);
    ledger.resumed(cursor, (subscription) => subscription === '*.trade', 10_000);
    receive(3, 4);
    expect(ledger.counts()).toEqual({ ...none, healed: 2, lost: 1 });
  });
});
