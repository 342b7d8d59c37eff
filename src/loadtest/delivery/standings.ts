/** Where the clients with equal subscriptions stand: shared columns, with a row for each client. */
import type { ReceivedEvent } from '../client/message-reader.ts';

/** A row that no client has. */
export const nobody = 0;
const minRows = 16;

/**
 * What each event needs of its client. An event goes to many clients, one after the other: what is
 * read for one brings the entries of the next ones into the processor's cache, while objects of
 * their own would have to be fetched each. Offsets are by channel slot and row; NaN stands for none.
 */
export class Standings {
  /** Of the newest event. */
  readonly last: Float64Array[] = [];
  /** Of the first event since the subscription. */
  readonly first: Float64Array[] = [];
  /** Newest before the last reconnect, until an event shows what came of it. */
  readonly before: Float64Array[] = [];
  /** Time of the newest event by row, as the event tells it, in milliseconds since 1970. */
  newestTs = columnOf(minRows, Number.NEGATIVE_INFINITY);
  /** By row: events from before this time were missed and came after resuming. */
  resumedAtMs = columnOf(minRows, Number.NEGATIVE_INFINITY);
  #rows = nobody + 1;
  readonly #free: number[] = [];

  /** Takes an event if it is the one that has to come next; returns whether it is. */
  follow(slot: number, row: number, { prev, offset, ts }: ReceivedEvent): boolean {
    const last = this.last[slot];
    if (last === undefined || last[row] !== prev) return false;
    last[row] = offset;
    if (ts > (this.newestTs[row] as number)) this.newestTs[row] = ts;
    return true;
  }

  /** Whether an event that happened at `ts` is one that was missed before its client resumed. */
  wasMissed(row: number, ts: number): boolean {
    return ts < (this.resumedAtMs[row] as number);
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
    for (const columns of [this.last, this.first, this.before]) {
      for (const column of columns) column[row] = Number.NaN;
    }
    this.newestTs[row] = Number.NEGATIVE_INFINITY;
    this.resumedAtMs[row] = Number.NEGATIVE_INFINITY;
    this.#free.push(row);
  }

  /** Makes room for the offsets of a slot. */
  reach(slot: number): void {
    for (const columns of [this.last, this.first, this.before]) {
      while (columns.length <= slot) columns.push(columnOf(this.newestTs.length, Number.NaN));
    }
  }

  #grow(rows: number): void {
    for (const columns of [this.last, this.first, this.before]) {
      for (const [slot, column] of columns.entries()) {
        columns[slot] = columnOf(rows, Number.NaN, column);
      }
    }
    this.newestTs = columnOf(rows, Number.NEGATIVE_INFINITY, this.newestTs);
    this.resumedAtMs = columnOf(rows, Number.NEGATIVE_INFINITY, this.resumedAtMs);
  }
}

/** A column that begins with `before`, and holds `none` for all other rows. */
function columnOf(rows: number, none: number, before: ArrayLike<number> = []): Float64Array {
  const column = new Float64Array(rows).fill(none, before.length);
  column.set(before);
  return column;
}
