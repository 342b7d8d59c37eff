/** Slow clients at their end: each reads first what came until then, as long as there is more. */
import type { VirtualClient } from '../client/virtual-client.ts';
import type { ChannelBook, NewestEvent } from '../delivery/channel-book.ts';
import type { Cursor } from '../delivery/cursor.ts';
import { EventOrders } from '../delivery/event-orders.ts';
import type { SequenceLedger } from '../delivery/sequence-ledger.ts';
import { arrivalMs } from '../plan/plan.ts';
import { epochMs } from '../run-clock.ts';

/** Of a client, what is used here. */
type SlowClient = Pick<VirtualClient, 'cursor' | 'absence' | 'isWaiting' | 'hurry'>;

interface Reader {
  readonly client: SlowClient;
  readonly ledger: SequenceLedger;
  /** What it should have at its end, and when that was. */
  readonly targets: readonly NewestEvent[];
  readonly sinceMs: number;
  /** Called once it has read all, or as much as it could. */
  readonly done: () => void;
  /** How far it was at the last look, and at how many looks in a row it had come no farther. */
  position: number;
  quietLooks: number;
}

/** What is there to be read is looked up, and who has read it all, this often. */
const lookMs = 100;
/** Looks are counted and not time, of which a process that was stopped itself has no idea. */
const maxQuietLooks = arrivalMs / lookMs;
/** A socket of which nothing came from one look to the next has nothing more for now. */
const minQuietLooks = 2;

/**
 * Those of one worker. Of what a client lacks, that is lost which had to come before something that it
 * has, or before its socket had nothing more for 2 s. What it had no time to read is unread: nobody
 * knows whether it was sent.
 */
export class ReadOut {
  readonly #book: ChannelBook;
  readonly #patienceMs: number;
  readonly #readers = new Map<SlowClient, Reader>();
  #timer: NodeJS.Timeout | undefined;
  #newest = { atMs: Number.NEGATIVE_INFINITY, events: [] as readonly NewestEvent[] };

  /** `patienceMs` is how long a client may read at most. */
  constructor(book: ChannelBook, patienceMs: number) {
    this.#book = book;
    this.#patienceMs = patienceMs;
  }

  /** Whether nobody reads any more. */
  get isOver(): boolean {
    return this.#readers.size === 0;
  }

  /** Lets a client read on until it has `targets`, by default all that came so far; then it is `done`. */
  begin(
    client: SlowClient,
    ledger: SequenceLedger,
    done: Reader['done'],
    targets = this.#newestNow(),
  ): void {
    if (this.#readers.has(client)) return;
    client.hurry();
    const progress = { position: Number.NaN, quietLooks: 0 };
    this.#readers.set(client, { client, ledger, targets, sinceMs: epochMs(), done, ...progress });
    this.#timer ??= setTimeout(() => this.#look(), Math.min(lookMs, this.#patienceMs));
  }

  /** Nobody reads on: what somebody has not read by now is unread. */
  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#leaveUnread([...this.#readers.values()]);
  }

  #newestNow(): readonly NewestEvent[] {
    const nowMs = epochMs();
    if (nowMs - this.#newest.atMs >= lookMs) {
      this.#newest = { atMs: nowMs, events: this.#book.newest() };
    }
    return this.#newest.events;
  }

  #look(): void {
    const late: Reader[] = [];
    for (const reader of this.#readers.values()) {
      const { client, ledger, targets, sinceMs } = reader;
      const { position, newestDueMs } = standingOf(client.cursor, this.#book);
      const isQuiet = !client.isWaiting && Object.is(position, reader.position);
      reader.quietLooks = isQuiet ? reader.quietLooks + 1 : 0;
      reader.position = position;
      const { quietLooks } = reader;
      // Of its first moments nothing is expected, whatever still waits for it.
      const isOver = ledger.hasAll([client.cursor], targets)
        ? !client.absence.isReturning && (quietLooks >= minQuietLooks || newestDueMs >= sinceMs)
        : quietLooks >= maxQuietLooks || newestDueMs >= sinceMs + arrivalMs;
      if (isOver) {
        ledger.closeTail([client.cursor], targets);
        this.#end(reader);
      } else if (epochMs() >= sinceMs + this.#patienceMs) late.push(reader);
    }
    this.#leaveUnread(late);
    this.#timer = this.isOver ? undefined : setTimeout(() => this.#look(), lookMs);
  }

  #leaveUnread(readers: readonly Reader[]): void {
    const orders = new EventOrders(this.#book);
    for (const reader of readers) {
      reader.ledger.leaveUnread(reader.client.cursor, reader.targets, orders);
      this.#end(reader);
    }
  }

  #end({ client, done }: Reader): void {
    this.#readers.delete(client);
    done();
  }
}

/** How far a client has come: a number that changes with each event, and what is newest of what it has. */
function standingOf(
  cursor: Cursor,
  book: ChannelBook,
): { readonly position: number; readonly newestDueMs: number } {
  let position = 0;
  let newestDueMs = Number.NEGATIVE_INFINITY;
  for (let slot = 0; slot < cursor.subscriptions.count; slot++) {
    const last = cursor.last(slot);
    if (Number.isNaN(last)) continue;
    position += last;
    const dueAtMs = book.dueAtMs(cursor.subscriptions.channelAt(slot), last);
    if (dueAtMs > newestDueMs) newestDueMs = dueAtMs;
  }
  return { position, newestDueMs };
}
