/** A ledger of what reached clients, with a channel of ten events that they receive by index. */
import { ChannelBook } from '../../src/loadtest/delivery/channel-book.ts';
import { Cursor, SubscriptionSet } from '../../src/loadtest/delivery/cursor.ts';
import { SequenceLedger } from '../../src/loadtest/delivery/sequence-ledger.ts';

/** Offsets of a channel: not consecutive, as others share its partition. */
export const offsets = [10, 13, 14, 20, 21, 25, 30, 31, 40, 41];
/** What a ledger counts of clients that miss nothing. */
export const none = {
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
  unread: 0,
};

/** What a gap tells when nothing of it came late or was left out. */
export const seen = { atMs: 1_000, late: 0, skipped: 0 };

/** A ledger, and clients that receive events by their index in {@link offsets}. */
export function createLedger(...subscriptions: string[]) {
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
