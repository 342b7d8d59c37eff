/** The truth about delivery: what each client should have received and what it did receive. */
import type { ChannelBook, NewestEvent } from './channel-book.ts';
import type { Cursor } from './cursor.ts';
import type { ReceivedEvent } from './message-reader.ts';

/** Deliveries that went wrong, counted per client and event. */
export interface SequenceCounts {
  /** Never arrived although the connection was up. */
  readonly lost: number;
  /** Arrived again. */
  readonly duplicated: number;
  /** Arrived after a later event of the same channel; not lost. */
  readonly reordered: number;
  /** Sent while the client was between two connections; at least this many. */
  readonly missedWhileDisconnected: number;
  /** Of a channel that the client did not ask for. */
  readonly unexpected: number;
  /** Gaps beyond the limit of those remembered: they count as lost and cannot heal. */
  readonly gapsUntracked: number;
}

/** One hole in what a client received. */
export interface GapReport {
  readonly connection: number;
  readonly channel: string;
  /** Offset of the last event before the hole; null when the client had none yet. */
  readonly after: number | null;
  /** Offset of the event that showed the hole; null when the run ended without one. */
  readonly got: number | null;
  readonly lost: number;
  /** True when more may be missing than could be counted. */
  readonly atLeast: boolean;
}

interface Gap {
  readonly client: number;
  readonly channel: number;
  readonly after: number;
  /** Offset of the last missing event. */
  readonly to: number;
  readonly got: number;
  count: number;
  atLeast: boolean;
  /** Offsets that arrived late after all. */
  readonly late: Set<number>;
}

/** Gaps that one worker remembers. */
const maxGaps = 10_000;
const maxLatePerGap = 4_096;
/**
 * A client without any event on a channel is only expected to have those that others received this
 * long after its subscription: until then, events may have been on their way already.
 */
const subscribeGraceMs = 1_000;

/** Checks every event of every client of a worker against the one before it. */
export class SequenceLedger {
  readonly #book: ChannelBook;
  readonly #gaps: Gap[] = [];
  readonly #gapsOfClient = new Map<number, Gap[]>();
  #lostUntracked = 0;
  #gapsUntracked = 0;
  #duplicated = 0;
  #reordered = 0;
  #missed = 0;
  #unexpected = 0;

  constructor(book: ChannelBook) {
    this.#book = book;
  }

  /** Takes an event that a client received. */
  observe(cursor: Cursor, event: ReceivedEvent): void {
    const slot = cursor.subscriptions.slotOf(event.channel);
    if (slot < 0) this.#unexpected++;
    else if (cursor.last(slot) === event.prev) cursor.advance(slot, event.offset);
    else this.#observeBreak(cursor, slot, event);
  }

  /** Told when a client lost its connection: what it misses until it is back is not lost. */
  disconnected(cursor: Cursor): void {
    cursor.restart();
    this.#gapsOfClient.delete(cursor.client);
  }

  /** Whether all of `cursors` have everything up to `targets`. */
  hasAll(cursors: Iterable<Cursor>, targets: readonly NewestEvent[]): boolean {
    for (const cursor of cursors) {
      for (const target of targets) {
        if (this.#isBehind(cursor, target)) return false;
      }
    }
    return true;
  }

  /** Counts as lost what connected clients do not have of everything up to `targets`. */
  closeTail(cursors: Iterable<Cursor>, targets: readonly NewestEvent[]): void {
    for (const cursor of cursors) {
      for (const target of targets) {
        if (this.#isBehind(cursor, target)) this.#recordTail(cursor, target);
      }
    }
  }

  counts(): SequenceCounts {
    let lost = this.#lostUntracked;
    for (const gap of this.#gaps) lost += this.#lostIn(gap);
    return {
      lost,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      missedWhileDisconnected: this.#missed,
      unexpected: this.#unexpected,
      gapsUntracked: this.#gapsUntracked,
    };
  }

  /** The first `limit` gaps that did not heal. */
  gaps(limit: number): GapReport[] {
    const reports: GapReport[] = [];
    for (const gap of this.#gaps) {
      if (reports.length >= limit) break;
      const lost = this.#lostIn(gap);
      if (lost === 0) continue;
      reports.push({
        connection: gap.client,
        channel: this.#book.nameOf(gap.channel),
        after: Number.isNaN(gap.after) ? null : gap.after,
        got: Number.isNaN(gap.got) ? null : gap.got,
        lost,
        atLeast: gap.atLeast,
      });
    }
    return reports;
  }

  #observeBreak(cursor: Cursor, slot: number, { channel, offset, prev }: ReceivedEvent): void {
    const last = cursor.last(slot);
    if (Number.isNaN(last)) {
      const before = cursor.begin(slot, offset);
      if (prev > before) this.#missed += this.#book.walk(channel, prev, before).count;
    } else if (offset > last) {
      cursor.advance(slot, offset);
      // A `prev` that is unknown, or older than what we have, still says that the chain broke.
      const to = prev > last ? prev : Number.NaN;
      this.#record({ client: cursor.client, channel, after: last, to, got: offset });
    } else if (!this.#healGap(cursor.client, channel, offset)) {
      if (offset < cursor.first(slot)) this.#reordered++;
      else this.#duplicated++;
    }
  }

  /** Whether a late event belongs to a known gap; counts it when it does. */
  #healGap(client: number, channel: number, offset: number): boolean {
    for (const gap of this.#gapsOfClient.get(client) ?? []) {
      if (gap.channel !== channel || offset <= gap.after || offset > gap.to) continue;
      if (gap.late.has(offset)) return false;
      if (gap.late.size < maxLatePerGap) gap.late.add(offset);
      this.#reordered++;
      return true;
    }
    return false;
  }

  #isBehind(cursor: Cursor, target: NewestEvent): boolean {
    if (Number.isNaN(cursor.subscribedAtMs)) return false;
    const slot = cursor.subscriptions.slotOf(this.#book.idOf(target.channel));
    if (slot < 0) return false;
    const last = cursor.last(slot);
    if (!Number.isNaN(last)) return last < target.offset;
    return target.seenAtMs > cursor.subscribedAtMs + subscribeGraceMs;
  }

  #recordTail(cursor: Cursor, target: NewestEvent): void {
    const channel = this.#book.idOf(target.channel);
    const after = cursor.last(cursor.subscriptions.slotOf(channel));
    const position = { client: cursor.client, channel, after, to: target.offset, got: Number.NaN };
    if (!Number.isNaN(after)) return this.#record(position);
    const since = cursor.subscribedAtMs + subscribeGraceMs;
    const count = Math.max(1, this.#book.countSince(channel, target.offset, since));
    this.#keep({ ...position, count, atLeast: true, late: new Set() });
  }

  #record(position: Pick<Gap, 'client' | 'channel' | 'after' | 'to' | 'got'>): void {
    const gap: Gap = { ...position, count: 1, atLeast: true, late: new Set() };
    this.#measure(gap);
    this.#keep(gap);
  }

  #keep(gap: Gap): void {
    if (this.#gaps.length >= maxGaps) {
      this.#gapsUntracked++;
      this.#lostUntracked += gap.count;
      return;
    }
    this.#gaps.push(gap);
    const ofClient = this.#gapsOfClient.get(gap.client);
    if (ofClient === undefined) this.#gapsOfClient.set(gap.client, [gap]);
    else ofClient.push(gap);
  }

  /** Events missing in a gap by now: others may have received since what this client lacks. */
  #lostIn(gap: Gap): number {
    if (gap.atLeast) this.#measure(gap);
    return Math.max(0, gap.count - gap.late.size);
  }

  #measure(gap: Gap): void {
    if (Number.isNaN(gap.to) || Number.isNaN(gap.after)) return;
    const { count, complete } = this.#book.walk(gap.channel, gap.to, gap.after);
    gap.count = Math.max(gap.count, count);
    gap.atLeast = !complete;
  }
}
