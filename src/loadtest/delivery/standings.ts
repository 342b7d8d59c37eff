/** Where the clients with equal subscriptions stand: shared tables, with a row for each client. */
import type { ReceivedEvent } from '../client/message-reader.ts';

/** A row that no client has. */
export const nobody = 0;
/** Enough for one client: with many channels, there may be no other with the same ones. */
const minRows = 2;

/** What is known of a client on a channel: offsets, NaN for none. */
export interface Offsets {
  /** Of the newest event. */
  readonly last: number;
  /** Of the first event since the subscription. */
  readonly first: number;
  /** Newest before the last reconnect, until an event shows what came of it. */
  readonly before: number;
}

/** Places of the {@link Offsets} in a row. */
const places = { last: 0, first: 1, before: 2 };
const width = 3;
const none: Offsets = { last: Number.NaN, first: Number.NaN, before: Number.NaN };

/**
 * What each event needs of its client. An event goes to many clients, one after the other: what is
 * read for one brings the rows of the next ones into the processor's cache, while objects of their
 * own would have to be fetched each.
 */
export class Standings {
  /** By channel slot, the rows of all clients. */
  readonly #tables: number[][] = [];
  /** Time of the newest event by row, as the event tells it, in milliseconds since 1970. */
  readonly newestTs = rowsOf(minRows, Number.NEGATIVE_INFINITY);
  /** By row: events from before this time were missed and came after resuming. */
  readonly resumedAtMs = rowsOf(minRows, Number.NEGATIVE_INFINITY);
  #rows = nobody + 1;
  readonly #free: number[] = [];

  /** Slots of which anything is known. */
  get slots(): number {
    return this.#tables.length;
  }

  /** Takes an event if it is the one that has to come next; returns whether it is. */
  follow(slot: number, row: number, { prev, offset, ts }: ReceivedEvent): boolean {
    const table = this.#tables[slot];
    const at = row * width;
    if (table === undefined || table[at] !== prev) return false;
    table[at] = offset;
    if (ts > (this.newestTs[row] as number)) this.newestTs[row] = ts;
    return true;
  }

  /** Whether an event that happened at `ts` is one that was missed before its client resumed. */
  wasMissed(row: number, ts: number): boolean {
    return ts < (this.resumedAtMs[row] as number);
  }

  /** One offset of a client. */
  get(slot: number, row: number, which: keyof Offsets): number {
    return this.#tables[slot]?.[row * width + places[which]] ?? Number.NaN;
  }

  /** Sets offsets of a client; those that are not given stay. */
  set(slot: number, row: number, offsets: Partial<Offsets>): void {
    while (this.slots <= slot) this.#tables.push(rowsOf(this.newestTs.length * width, Number.NaN));
    const table = this.#tables[slot] as number[];
    const at = row * width;
    if (offsets.last !== undefined) table[at + places.last] = offsets.last;
    if (offsets.first !== undefined) table[at + places.first] = offsets.first;
    if (offsets.before !== undefined) table[at + places.before] = offsets.before;
  }

  /** Forgets what is known of a client on a channel. */
  clear(slot: number, row: number): void {
    if (slot < this.slots) this.set(slot, row, none);
  }

  /** A row that holds nothing. */
  addRow(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    if (this.#rows === this.newestTs.length) this.#grow(Math.ceil(this.#rows * 1.5));
    return this.#rows++;
  }

  /** A client is gone: its row may become another's. */
  removeRow(row: number): void {
    for (let slot = 0; slot < this.slots; slot++) this.clear(slot, row);
    this.newestTs[row] = Number.NEGATIVE_INFINITY;
    this.resumedAtMs[row] = Number.NEGATIVE_INFINITY;
    this.#free.push(row);
  }

  #grow(rows: number): void {
    for (const table of this.#tables) lengthen(table, rows * width, Number.NaN);
    lengthen(this.newestTs, rows, Number.NEGATIVE_INFINITY);
    lengthen(this.resumedAtMs, rows, Number.NEGATIVE_INFINITY);
  }
}

/** An array of doubles: smaller than a typed one, of which there may be one for each client. */
function rowsOf(length: number, value: number): number[] {
  return new Array<number>(length).fill(value);
}

function lengthen(rows: number[], length: number, value: number): void {
  const from = rows.length;
  rows.length = length;
  rows.fill(value, from);
}
