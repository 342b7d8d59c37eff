/** The holes in what the clients of a worker received, how many events they lack, and why. */
import type { ChannelBook, DueEvents } from './channel-book.ts';
import type { Cursor } from './cursor.ts';

/** One hole in what a client received. */
export interface GapReport {
  readonly connection: number;
  readonly channel: string;
  /** Offset of the last event before the hole; null when the client had none yet. */
  readonly after: number | null;
  /** Offset of the event that showed the hole; null when the run ended without one. */
  readonly got: number | null;
  /** When it was seen, in milliseconds since 1970. */
  readonly atMs: number;
  readonly lost: number;
  /** Missing in the beginning, and arrived late after all. */
  readonly late: number;
  /** Left out on purpose, as the server told it. */
  readonly skipped: number;
  /** True when more may be missing than could be counted. */
  readonly atLeast: boolean;
}

/** Where a hole is. */
export interface GapPlace {
  /** Of the client: another one may have the same number while the one before it reads out. */
  readonly cursor: Cursor;
  /** Id in the {@link ChannelBook}. */
  readonly channel: number;
  readonly after: number;
  /** Offset of the last missing event. */
  readonly to: number;
  readonly got: number;
}

/** Events that gaps lack, and those of them that were left out on purpose. */
export interface GapCounts {
  readonly lost: number;
  readonly skipped: number;
}

interface Gap extends GapPlace {
  readonly atMs: number;
  /** Late events are from above this offset. */
  readonly floor: number;
  /** Number of the stage in which it showed. */
  readonly stage: number;
  count: number;
  /** Of these, left out on purpose. */
  skipped: number;
  atLeast: boolean;
  /** Offsets that arrived late after all. */
  readonly late: Set<number>;
}

/** Events that did not arrive. */
export interface LossCounts {
  readonly lost: number;
  /** Of these, those that no later event of their channel followed. */
  readonly lostAtEnd: number;
  /** By the stage in which that showed. */
  readonly lostByStage: readonly number[];
  /** Left out on purpose. */
  readonly skipped: number;
}

/** Gaps that one worker remembers. */
const maxGaps = 10_000;
const maxLatePerGap = 4_096;
/** Channels with announced omissions that a worker remembers; those of further ones are lost. */
const maxAnnounced = 100_000;

/** All gaps of one worker, bounded. */
export class GapList {
  readonly #book: ChannelBook;
  readonly #now: () => number;
  readonly #gaps: Gap[] = [];
  readonly #ofClient = new Map<Cursor, Gap[]>();
  /** Omissions announced and not seen yet, by channel id. */
  readonly #announced = new Map<Cursor, Map<number, number>>();
  #announcedCount = 0;
  readonly #lostUntracked: number[] = [];
  readonly #untrackedByChannel = new Map<number, number>();
  /** Number of the stage that is going on. */
  stage = 0;
  /** Gaps beyond the limit: they count as lost and cannot heal. */
  untracked = 0;

  /** `now` tells when the event at hand arrived, in milliseconds since 1970. */
  constructor(book: ChannelBook, now: () => number) {
    this.#book = book;
    this.#now = now;
  }

  /** Adds a gap and counts what it lacks, as far as others received it. */
  add(place: GapPlace): void {
    const gap = this.#gapOf(place, 1, place.after);
    this.#measure(gap);
    if (this.#announced.size > 0) this.#excuse(gap);
    this.#keep(gap);
  }

  /** Adds a gap without a beginning, which lacks at least these events. */
  addUnbegun(place: GapPlace, { count, first }: DueEvents): void {
    this.#keep(this.#gapOf(place, count, first - 1));
  }

  /** The next gap of a client on a channel lacks `count` events on purpose. */
  announce(cursor: Cursor, channel: number, count: number): void {
    const ofClient = this.#announced.get(cursor) ?? new Map<number, number>();
    const known = ofClient.get(channel);
    if (known === undefined && this.#announcedCount >= maxAnnounced) return;
    if (known === undefined) this.#announcedCount++;
    ofClient.set(channel, (known ?? 0) + count);
    this.#announced.set(cursor, ofClient);
  }

  /** Whether a late event belongs to a known gap; counts it when it does. */
  heal(cursor: Cursor, channel: number, offset: number): boolean {
    for (const gap of this.#ofClient.get(cursor) ?? []) {
      if (gap.channel !== channel || offset <= gap.floor || offset > gap.to) continue;
      if (gap.late.has(offset)) return false;
      if (gap.late.size < maxLatePerGap) gap.late.add(offset);
      return true;
    }
    return false;
  }

  /** The gaps of a client do not heal any more. */
  settle(cursor: Cursor): void {
    this.#ofClient.delete(cursor);
  }

  /** Events lost and left out on purpose, by what is known now. */
  counts(): LossCounts {
    const lostByStage = [...this.#lostUntracked];
    let lostAtEnd = 0;
    let skipped = 0;
    for (const gap of this.#gaps) {
      const missing = this.#lostIn(gap);
      addAt(lostByStage, gap.stage, missing);
      if (Number.isNaN(gap.got)) lostAtEnd += missing;
      skipped += gap.skipped;
    }
    const lost = lostByStage.reduce((sum, inStage) => sum + inStage, 0);
    return { lost, lostAtEnd, lostByStage, skipped };
  }

  /** The same by channel id. */
  countsByChannel(): ReadonlyMap<number, GapCounts> {
    const counts = new Map<number, { lost: number; skipped: number }>();
    const of = (channel: number) => {
      const known = counts.get(channel) ?? { lost: 0, skipped: 0 };
      counts.set(channel, known);
      return known;
    };
    for (const [channel, lost] of this.#untrackedByChannel) of(channel).lost += lost;
    for (const gap of this.#gaps) {
      of(gap.channel).lost += this.#lostIn(gap);
      of(gap.channel).skipped += gap.skipped;
    }
    return counts;
  }

  /** The first `limit` gaps that did not heal. */
  reports(limit: number): GapReport[] {
    const reports: GapReport[] = [];
    for (const gap of this.#gaps) {
      if (reports.length >= limit) break;
      const lost = this.#lostIn(gap);
      if (lost === 0) continue;
      reports.push({
        connection: gap.cursor.client,
        channel: this.#book.nameOf(gap.channel),
        after: Number.isNaN(gap.after) ? null : gap.after,
        got: Number.isNaN(gap.got) ? null : gap.got,
        atMs: gap.atMs,
        lost,
        late: gap.late.size,
        skipped: gap.skipped,
        atLeast: gap.atLeast,
      });
    }
    return reports;
  }

  #gapOf(place: GapPlace, count: number, floor: number): Gap {
    const { stage } = this;
    const atMs = Math.round(this.#now());
    return { ...place, atMs, floor, stage, count, skipped: 0, atLeast: true, late: new Set() };
  }

  #excuse(gap: Gap): void {
    const ofClient = this.#announced.get(gap.cursor);
    gap.skipped = ofClient?.get(gap.channel) ?? 0;
    if (ofClient?.delete(gap.channel)) this.#announcedCount--;
    if (ofClient?.size === 0) this.#announced.delete(gap.cursor);
  }

  #keep(gap: Gap): void {
    if (this.#gaps.length >= maxGaps) {
      this.untracked++;
      const lost = Math.max(0, gap.count - gap.skipped);
      addAt(this.#lostUntracked, gap.stage, lost);
      const { channel } = gap;
      this.#untrackedByChannel.set(channel, (this.#untrackedByChannel.get(channel) ?? 0) + lost);
      return;
    }
    this.#gaps.push(gap);
    const ofClient = this.#ofClient.get(gap.cursor);
    if (ofClient === undefined) this.#ofClient.set(gap.cursor, [gap]);
    else ofClient.push(gap);
  }

  /** Events missing in a gap by now: others may have received since what this client lacks. */
  #lostIn(gap: Gap): number {
    if (gap.atLeast) this.#measure(gap);
    return Math.max(0, gap.count - gap.skipped - gap.late.size);
  }

  #measure(gap: Gap): void {
    if (Number.isNaN(gap.to) || Number.isNaN(gap.after)) return;
    const { count, complete } = this.#book.walk(gap.channel, gap.to, gap.after);
    gap.count = Math.max(gap.count, count);
    gap.atLeast = !complete;
  }
}

function addAt(sums: number[], index: number, count: number): void {
  while (sums.length <= index) sums.push(0);
  sums[index] = (sums[index] as number) + count;
}
