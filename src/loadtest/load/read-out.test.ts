/** Tests of read-out.ts: what slow clients have not read when their time is over is lost, or unread. */
import { performance } from 'node:perf_hooks';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { PlannedAbsence } from '../client/planned-absence.ts';
import { ChannelBook } from '../delivery/channel-book.ts';
import { Cursor, SubscriptionSet } from '../delivery/cursor.ts';
import { SequenceLedger } from '../delivery/sequence-ledger.ts';
import { epochMs } from '../run-clock.ts';
import { ReadOut } from './read-out.ts';

const channels = ['BTC.trade', 'ETH.trade'];
const events = 100;
const patienceMs = 30_000;

beforeEach(() => {
  vi.useFakeTimers();
  // The clock of a run, too.
  const now = vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
  onTestFinished(() => {
    now.mockRestore();
    vi.useRealTimers();
  });
});

/** A slow client that has read the first event of each of two channels, of which others have a hundred. */
function createReader() {
  const book = new ChannelBook();
  const ledger = new SequenceLedger(book, epochMs);
  const cursor = new Cursor(0, new SubscriptionSet(channels, book));
  cursor.subscribedAtMs = epochMs();
  const note = (name: string, n: number) => {
    book.note(book.idOf(name), n, n > 1 ? n - 1 : Number.NaN, epochMs(), epochMs());
  };
  const read = (name: string, n: number) => {
    ledger.observe(cursor, { channel: book.idOf(name), offset: n, prev: n - 1, ts: 0 });
  };
  for (const name of channels) {
    for (let n = 1; n <= events; n++) note(name, n);
    read(name, 1);
  }
  vi.advanceTimersByTime(1_000);
  const client = {
    ...{ cursor, absence: new PlannedAbsence({ returning: 0 }) },
    isWaiting: false,
    hurry: vi.fn(),
  };
  const readOut = new ReadOut(book, patienceMs);
  const done = vi.fn();
  const begin = () => readOut.begin(client, ledger, done);
  return { ledger, note, read, client, readOut, done, begin };
}

test('a client that reads on has all the time that it needs, and lacks nothing then', () => {
  const { ledger, read, client, done, begin } = createReader();
  begin();
  expect(client.hurry).toHaveBeenCalledOnce();
  for (let n = 2; n <= events; n++) {
    for (const name of channels) read(name, n);
    expect(done).not.toHaveBeenCalled();
    vi.advanceTimersByTime(200);
  }
  vi.advanceTimersByTime(400);
  expect(done).toHaveBeenCalledOnce();
  expect(ledger.counts()).toMatchObject({ lost: 0, unread: 0 });
});

test('what does not come within 2 s is lost, unless others read first', () => {
  const { ledger, read, client, done, begin } = createReader();
  begin();
  for (let n = 2; n <= 90; n++) read('BTC.trade', n);
  for (let n = 2; n <= events; n++) read('ETH.trade', n);
  client.isWaiting = true;
  vi.advanceTimersByTime(10_000);
  expect(done).not.toHaveBeenCalled();
  client.isWaiting = false;
  vi.advanceTimersByTime(1_900);
  expect(done).not.toHaveBeenCalled();
  vi.advanceTimersByTime(300);
  expect(done).toHaveBeenCalledOnce();
  expect(ledger.counts()).toMatchObject({ lost: 10, lostAtEnd: 10, unread: 0 });
});

test('what is still missing when events come that are 2 s younger is lost', () => {
  const { ledger, note, read, done, begin } = createReader();
  begin();
  for (let n = 2; n <= 95; n++) read('BTC.trade', n);
  for (let n = 2; n <= events; n++) read('ETH.trade', n);
  for (let n = events + 1; !done.mock.calls.length && n < 200; n++) {
    note('ETH.trade', n);
    read('ETH.trade', n);
    vi.advanceTimersByTime(100);
  }
  expect(done).toHaveBeenCalledOnce();
  expect(ledger.counts()).toMatchObject({ lost: 5, lostAtEnd: 5, unread: 0 });
});

test('what a client has no time to read is unread, and never lost', () => {
  const { ledger, read, done, begin } = createReader();
  begin();
  for (let n = 2; n <= 31; n++) {
    expect(done).not.toHaveBeenCalled();
    read('BTC.trade', n);
    vi.advanceTimersByTime(1_000);
  }
  vi.advanceTimersByTime(100);
  expect(done).toHaveBeenCalledOnce();
  expect(ledger.counts()).toMatchObject({ lost: 0, unread: 2 * events - 31 - 1 });
});

test('a client that has to end at once leaves what it has not read, once', () => {
  const { ledger, done, begin, readOut } = createReader();
  begin();
  readOut.end();
  readOut.end();
  expect(done).toHaveBeenCalledOnce();
  expect(readOut.isOver).toBe(true);
  expect(ledger.counts()).toMatchObject({ lost: 0, unread: 2 * (events - 1) });
});
