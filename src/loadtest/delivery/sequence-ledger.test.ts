/** Tests of sequence-ledger.ts, with the cursors and the book it works on. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChannelBook } from './channel-book.ts';
import { mergeChannels } from './channel-tally.ts';
import { Cursor, SubscriptionSet } from './cursor.ts';
import { SequenceLedger } from './sequence-ledger.ts';
import { SubscriptionTimes } from './subscription-times.ts';

/** Offsets of a channel: not consecutive, as others share its partition. */
const offsets = [10, 13, 14, 20, 21, 25, 30, 31, 40, 41];
const none = {
  lost: 0,
  lostAtEnd: 0,
  duplicated: 0,
  reordered: 0,
  late: 0,
  missedWhileDisconnected: 0,
  missedOnPurpose: 0,
  healed: 0,
  unrecovered: 0,
  skipped: 0,
  unexpected: 0,
  gapsUntracked: 0,
  firstEventsUnchecked: 0,
};

/** What a gap tells when nothing of it came late or was left out. */
const seen = { atMs: 1_000, late: 0, skipped: 0 };

/** A ledger, and clients that receive events by their index in {@link offsets}. */
function createLedger(...subscriptions: string[]) {
  const book = new ChannelBook();
  const ledger = new SequenceLedger(book, () => 1_000);
  const set = new SubscriptionSet(subscriptions.length > 0 ? subscriptions : ['BTC.trade'], book);
  /** By default, all events are from before its subscription. */
  const join = (client: number, subscribedAtMs = 11_000) => {
    const cursor = new Cursor(client, set);
    cursor.subscribedAtMs = subscribedAtMs;
    const receive = (...indices: number[]) => {
      for (const index of indices) {
        const channel = book.idOf('BTC.trade');
        const offset = offsets[index] as number;
        const prev = offsets[index - 1] ?? Number.NaN;
        book.note(channel, offset, prev, 10_000 + index, 10_000 + index);
        ledger.observe(cursor, { channel, offset, prev, ts: 0 });
      }
    };
    return { cursor, receive };
  };
  return { book, ledger, join };
}

test('events in their order are no news', () => {
  const { ledger, join } = createLedger();
  join(0).receive(0, 1, 2, 3);
  join(1).receive(2, 3, 4);
  expect(ledger.counts()).toEqual(none);
});

test('events that another client received are counted exactly when they are lost', () => {
  const { ledger, join } = createLedger();
  const client = join(7);
  client.receive(0, 4);
  join(1).receive(0, 1, 2, 3, 4);
  expect(ledger.counts()).toEqual({ ...none, lost: 3 });
  expect(ledger.gaps(9)).toEqual([
    { connection: 7, channel: 'BTC.trade', after: 10, got: 21, lost: 3, atLeast: false, ...seen },
  ]);
});

test('a gap that nobody can measure counts as at least one', () => {
  const { ledger, join } = createLedger();
  join(0).receive(0, 4);
  expect(ledger.counts().lost).toBe(1);
  expect(ledger.gaps(9)[0]?.atLeast).toBe(true);
});

test('a gap is measured exactly once the events come to another client later', () => {
  const { ledger, join } = createLedger();
  join(0).receive(0, 4);
  const other = join(1);
  other.receive(1, 2);
  expect(ledger.counts().lost).toBe(1);
  other.receive(3);
  expect(ledger.counts().lost).toBe(3);
  expect(ledger.gaps(9)[0]?.atLeast).toBe(false);
});

test('an event that fills a gap is reordered and no longer lost', () => {
  const { ledger, join } = createLedger();
  join(0).receive(0, 3, 1, 2, 4);
  expect(ledger.counts()).toEqual({ ...none, reordered: 2, late: 2 });
  expect(ledger.gaps(9)).toEqual([]);
});

test('an event that fills a gap twice is duplicated the second time', () => {
  const { ledger, join } = createLedger();
  join(0).receive(0, 2, 1, 1);
  expect(ledger.counts()).toEqual({ ...none, reordered: 1, late: 1, duplicated: 1 });
});

test('an event that was seen is duplicated', () => {
  const { ledger, join } = createLedger();
  join(0).receive(0, 1, 1, 0, 2);
  expect(ledger.counts()).toEqual({ ...none, duplicated: 2 });
});

test('an event before the first one is reordered, not duplicated', () => {
  const { ledger, join } = createLedger();
  join(0).receive(3, 2, 4);
  expect(ledger.counts()).toEqual({ ...none, reordered: 1 });
});

test('every channel has its own counts, the most troubled first', () => {
  const { ledger, join } = createLedger('*');
  join(0).receive(0, 1, 2, 3, 4);
  const client = join(1);
  client.receive(0, 3, 1, 1, 4);
  ledger.announceSkipped(client.cursor, { 'BTC.trade': 1 });
  client.receive(6);
  const [btc] = ledger.channels(9).listed;
  expect(btc).toEqual({
    ...{ channel: 'BTC.trade', received: 11, lost: 1, duplicated: 1, reordered: 1, late: 1 },
    ...{ missed: 0, healed: 0, skipped: 1 },
  });
  const quiet = { ...btc!, lost: 0, duplicated: 0, reordered: 0, skipped: 0 };
  const lists = [
    {
      listed: [
        { ...quiet, channel: 'A' },
        { ...btc!, channel: 'B' },
      ],
      omitted: 0,
    },
    { listed: [{ ...quiet, channel: 'A' }], omitted: 3 },
  ];
  expect(mergeChannels(lists, 1)).toEqual({ listed: [{ ...btc, channel: 'B' }], omitted: 4 });
  expect(mergeChannels(lists, 9).listed[1]).toEqual({
    ...quiet,
    ...{ channel: 'A', received: 22, late: 2 },
  });
});

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

test('what the server says it leaves out is skipped, and only that', () => {
  const { ledger, join } = createLedger();
  const client = join(0);
  join(1).receive(0, 1, 2, 3, 4, 5, 6);
  client.receive(0);
  ledger.announceSkipped(client.cursor, { 'BTC.trade': 1 });
  ledger.announceSkipped(client.cursor, { 'BTC.trade': 1 });
  client.receive(3, 6);
  expect(ledger.counts()).toEqual({ ...none, skipped: 2, lost: 2 });
  expect(ledger.gaps(9)).toHaveLength(1);
});

test('events of a channel that was not asked for are unexpected', () => {
  const { ledger, join } = createLedger('ETH.trade');
  join(0).receive(0, 1);
  expect(ledger.counts()).toEqual({ ...none, unexpected: 2 });
});

test.each(['*', '*.trade', 'BTC.*'])('the subscription %s covers the channel', (subscription) => {
  const { ledger, join } = createLedger(subscription);
  join(0).receive(0, 1, 3);
  expect(ledger.counts()).toEqual({ ...none, lost: 1 });
});

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

test('a predecessor that does not fit counts as a gap of at least one', () => {
  const { book, ledger, join } = createLedger();
  const client = join(0);
  client.receive(0, 1);
  const event = { channel: book.idOf('BTC.trade'), offset: 99, prev: Number.NaN, ts: 0 };
  ledger.observe(client.cursor, event);
  expect(ledger.counts().lost).toBe(1);
});

test('beyond the gaps that are remembered, losses still count', () => {
  const { book, ledger, join } = createLedger();
  const { cursor } = join(0);
  const channel = book.idOf('BTC.trade');
  ledger.observe(cursor, { channel, offset: 0, prev: Number.NaN, ts: 0 });
  for (let i = 1; i <= 10_005; i++) {
    ledger.observe(cursor, { channel, offset: i * 2, prev: i * 2 - 1, ts: 0 });
  }
  expect(ledger.counts()).toEqual({ ...none, lost: 10_005, gapsUntracked: 5 });
});

test('whatever is dropped, doubled or swapped, the counts are what was done', () => {
  const fault = fc.constantFrom('ok', 'ok', 'drop', 'double', 'swap');
  fc.assert(
    fc.property(fc.array(fault, { minLength: 8, maxLength: 8 }), (faults) => {
      const { ledger, join } = createLedger();
      const expected = { ...none };
      const sent = [0];
      for (let i = 1; i < 9; i++) {
        const kind = faults[i - 1];
        // A swap takes the next event along, so its own fault is not applied.
        if (kind === 'swap' && i < 8) {
          sent.push(i + 1, i++);
          expected.reordered++;
          expected.late++;
        } else if (kind === 'drop') expected.lost++;
        else if (kind === 'double') {
          sent.push(i, i);
          expected.duplicated++;
        } else sent.push(i);
      }
      join(1).receive(0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
      join(0).receive(...sent, 9);
      expect(ledger.counts()).toEqual(expected);
    }),
    { seed: 5, numRuns: 500 },
  );
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
