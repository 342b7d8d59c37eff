/** Tests of sequence-ledger.ts, with the cursors and the book it works on, while connections last. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLedger, none, seen } from '../../../test/support/ledger-world.ts';
import { mergeChannels } from './channel-tally.ts';

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
