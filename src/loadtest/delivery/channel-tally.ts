/** What reached the clients of a worker and what did not, channel by channel. */
import type { ChannelBook } from './channel-book.ts';
import type { GapCounts } from './gap-list.ts';

/** Deliveries on one channel, counted per client and event; see docs/loadtest.md. */
export interface ChannelCounts {
  readonly channel: string;
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** Of the reordered, those that filled a gap. */
  readonly late: number;
  readonly missed: number;
  readonly healed: number;
  /** Left out on purpose, as the server told it: conflated. */
  readonly skipped: number;
}

/** A way in which a delivery is counted as it happens. */
type Kind = 'duplicated' | 'reordered' | 'late' | 'missed' | 'healed';

/** Channels with counts, and how many there was no room for. */
export interface ChannelList {
  /** The most troubled first, then the busiest. */
  readonly listed: readonly ChannelCounts[];
  readonly omitted: number;
}

/** Counters by channel; as many channels as the {@link ChannelBook} has room for. */
export class ChannelTally {
  readonly #book: ChannelBook;
  /** By channel id. */
  readonly #received: number[] = [];
  readonly #troubles = new Map<number, Record<Kind, number>>();

  constructor(book: ChannelBook) {
    this.#book = book;
  }

  /** Counts an event of a channel; nothing when there was no room for the channel. */
  receive(channel: number): void {
    if (channel >= 0) this.#received[channel] = (this.#received[channel] ?? 0) + 1;
  }

  add(channel: number, kind: Kind, count = 1): void {
    if (channel < 0 || count === 0) return;
    let trouble = this.#troubles.get(channel);
    if (trouble === undefined) {
      trouble = { duplicated: 0, reordered: 0, late: 0, missed: 0, healed: 0 };
      this.#troubles.set(channel, trouble);
    }
    trouble[kind] += count;
  }

  /** The first `limit` channels. */
  list(gaps: ReadonlyMap<number, GapCounts>, limit: number): ChannelList {
    const ids = new Set([...this.#received.keys(), ...gaps.keys()]);
    const counts = [...ids].map((id) => ({
      ...{ channel: this.#book.nameOf(id), received: this.#received[id] ?? 0 },
      ...{ duplicated: 0, reordered: 0, late: 0, missed: 0, healed: 0 },
      ...this.#troubles.get(id),
      lost: gaps.get(id)?.lost ?? 0,
      skipped: gaps.get(id)?.skipped ?? 0,
    }));
    return worstFirst(counts, limit);
  }
}

/** Channels of several workers as one list of at most `limit`. */
export function mergeChannels(lists: readonly ChannelList[], limit: number): ChannelList {
  const merged = new Map<string, ChannelCounts>();
  for (const counts of lists.flatMap(({ listed }) => listed)) {
    const known = merged.get(counts.channel);
    merged.set(counts.channel, known === undefined ? counts : sumOf(known, counts));
  }
  const { listed, omitted } = worstFirst([...merged.values()], limit);
  // A channel that one worker had no room for may be in the list of another.
  return { listed, omitted: omitted + Math.max(0, ...lists.map((list) => list.omitted)) };
}

function worstFirst(counts: readonly ChannelCounts[], limit: number): ChannelList {
  const sorted = counts.toSorted((a, b) => troubleOf(b) - troubleOf(a) || b.received - a.received);
  return { listed: sorted.slice(0, limit), omitted: Math.max(0, sorted.length - limit) };
}

function troubleOf({ lost, duplicated, reordered, missed, skipped }: ChannelCounts): number {
  return lost + duplicated + reordered + missed + skipped;
}

function sumOf(one: ChannelCounts, two: ChannelCounts): ChannelCounts {
  return {
    channel: one.channel,
    received: one.received + two.received,
    lost: one.lost + two.lost,
    duplicated: one.duplicated + two.duplicated,
    reordered: one.reordered + two.reordered,
    late: one.late + two.late,
    missed: one.missed + two.missed,
    healed: one.healed + two.healed,
    skipped: one.skipped + two.skipped,
  };
}
