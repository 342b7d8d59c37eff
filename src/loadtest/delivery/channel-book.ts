/** What any client of a worker has seen of each channel: ids, and which event follows which. */
import { EventOrder } from './event-order.ts';

/** What is known of one event besides its offset. */
interface Link {
  /** Offset of the event before it on the channel; NaN when the server did not know. */
  readonly prev: number;
  /** When the first client of this worker received it, in milliseconds since 1970. */
  readonly seenAtMs: number;
  /** When it happened, in milliseconds since 1970, by the clock of who published it. */
  readonly ts: number;
}

interface Chain {
  readonly name: string;
  /** By offset, oldest received first. */
  readonly links: Map<number, Link>;
  newest: number;
  /** Offset of the latest event that was forgotten; NaN before one was. */
  forgotten: number;
}

/** What there is to know of the server, and of the clients. */
interface BookOptions {
  /** See {@link ChannelBook.isForeign}. */
  readonly isForeign?: boolean;
  /** Some clients read only later what others have long since: as much is kept as there is room for. */
  readonly hasLateReaders?: boolean;
}

/** The latest events of a channel up to some event that were due after some time. */
export interface DueEvents {
  readonly count: number;
  /** Offset of the earliest of them; NaN for none. */
  readonly first: number;
}

/** Result of a walk: `complete` is false when the chain was known only in part. */
export interface Walk {
  readonly count: number;
  readonly complete: boolean;
}

/** The newest event of a channel, as one worker saw it. */
export interface NewestEvent {
  readonly channel: string;
  readonly offset: number;
  /** See {@link ChannelBook.dueAtMs}. */
  readonly dueAtMs: number;
}

/** Most channels one worker follows; events of further channels count as `unexpected`. */
const maxChannels = 65_536;
/** Enough for clients that keep up. */
const maxLinksPerChannel = 4_096;
/** Links of all channels together: about 30 MiB. */
const maxLinks = 262_144;
const minLinksPerChannel = 16;

/** Channels by dense id, each with a bounded chain of its latest events. */
export class ChannelBook {
  /**
   * Whether the server is not odin: its channels have names of its own, and the numbers of their
   * events have no holes but those of lost ones.
   */
  readonly isForeign: boolean;
  readonly #maxLinksPerChannel: number;
  readonly #asked = new Set<string>();
  readonly #ids = new Map<string, number>();
  readonly #chains: Chain[] = [];
  /** The shortest time from an event to its arrival, in which the difference of clocks is too. */
  #minDelayMs = Number.POSITIVE_INFINITY;
  /** Links forgotten to make room: a gap older than these is counted as "at least". */
  forgotten = 0;

  constructor({ isForeign = false, hasLateReaders = false }: BookOptions = {}) {
    this.isForeign = isForeign;
    this.#maxLinksPerChannel = hasLateReaders ? maxLinks : maxLinksPerChannel;
  }

  /** Notes what some clients subscribe to. */
  ask(channels: readonly string[]): void {
    for (const channel of channels) this.#asked.add(channel);
  }

  /** Whether some client subscribes to a channel by this very name. */
  isAskedFor(channel: string): boolean {
    return this.#asked.has(channel);
  }

  /** The id of a channel, given on first use; -1 when there are too many channels. */
  idOf(name: string): number {
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    if (this.#chains.length >= maxChannels) return -1;
    const id = this.#chains.length;
    this.#ids.set(name, id);
    this.#chains.push({ name, links: new Map(), newest: Number.NaN, forgotten: Number.NaN });
    return id;
  }

  nameOf(id: number): string {
    return this.#chain(id).name;
  }

  /** Remembers an event that happened at `ts`; the first to tell of an offset is believed. */
  note(id: number, offset: number, prev: number, nowMs: number, ts: number): void {
    const chain = this.#chain(id);
    if (nowMs - ts < this.#minDelayMs) this.#minDelayMs = nowMs - ts;
    // A client that is far behind receives what was forgotten: it must not push out what is newer.
    if (chain.links.has(offset) || offset <= chain.forgotten) return;
    chain.links.set(offset, { prev, seenAtMs: nowMs, ts });
    if (!(offset <= chain.newest)) chain.newest = offset;
    const share = Math.floor(maxLinks / this.#chains.length);
    const limit = Math.min(this.#maxLinksPerChannel, Math.max(minLinksPerChannel, share));
    while (chain.links.size > limit) {
      const oldest = chain.links.keys().next().value as number;
      chain.links.delete(oldest);
      if (!(oldest <= chain.forgotten)) chain.forgotten = oldest;
      this.forgotten++;
    }
  }

  /** Offset of the event before one that was seen; NaN when that is not known. */
  prevOf(id: number, offset: number): number {
    return this.#chain(id).links.get(offset)?.prev ?? Number.NaN;
  }

  /** When this worker first saw an event, in milliseconds since 1970; -Infinity when forgotten. */
  seenAtMs(id: number, offset: number): number {
    return this.#chain(id).links.get(offset)?.seenAtMs ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * When a server without delay would have sent an event, in milliseconds since 1970 of this
   * machine's clock; NaN when it was not seen or is forgotten. Clients that subscribed before that
   * had to get it, however late those that did get it were.
   */
  dueAtMs(id: number, offset: number): number {
    const link = this.#chain(id).links.get(offset);
    return link === undefined ? Number.NaN : this.#dueAtMs(link);
  }

  /**
   * How many events of a channel lie between `after` (exclusive) and `last` (inclusive). `last` is
   * known to exist, so the count is 1 or more. NaN for `after` ends the walk where knowledge ends.
   */
  walk(id: number, last: number, after: number): Walk {
    if (this.isForeign && !Number.isNaN(after)) {
      return { count: Math.max(1, last - after), complete: last > after };
    }
    const { links } = this.#chain(id);
    let count = 0;
    let at = last;
    while (at > after || Number.isNaN(after)) {
      count++;
      const link = links.get(at);
      if (link === undefined || !(link.prev < at)) return { count, complete: false };
      at = link.prev;
    }
    return { count: Math.max(1, count), complete: at === after };
  }

  /** The events up to `last` that were due after `sinceMs`, as far back as they are known. */
  dueSince(id: number, last: number, sinceMs: number): DueEvents {
    const { links } = this.#chain(id);
    let count = 0;
    let first = Number.NaN;
    for (let at = last; ; ) {
      const link = links.get(at);
      if (link === undefined || this.#dueAtMs(link) <= sinceMs) return { count, first };
      count++;
      first = at;
      if (!(link.prev < at)) return { count, first };
      at = link.prev;
    }
  }

  /** The newest event of every channel that was due by `untilMs` and is still known. */
  newest(untilMs = Number.POSITIVE_INFINITY): NewestEvent[] {
    const events: NewestEvent[] = [];
    for (let id = 0; id < this.#chains.length; id++) {
      const event = this.newestOf(id, untilMs);
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  /** The same of one channel; undefined when there is none. */
  newestOf(id: number, untilMs: number): NewestEvent | undefined {
    const { name, newest, links } = this.#chain(id);
    let offset = newest;
    let link = links.get(offset);
    while (link !== undefined && this.#dueAtMs(link) > untilMs) {
      offset = link.prev < offset ? link.prev : Number.NaN;
      link = links.get(offset);
    }
    return link && { channel: name, offset, dueAtMs: this.#dueAtMs(link) };
  }

  /** All that is known of the events of a channel now. */
  orderOf(id: number): EventOrder {
    const known = [...this.#chain(id).links];
    return new EventOrder(
      known.map(([offset, link]) => ({
        ...{ offset, prev: link.prev },
        dueAtMs: this.#dueAtMs(link),
      })),
    );
  }

  /** Forgets all events, since offsets start anew in another epoch. Ids stay. */
  reset(): void {
    for (const chain of this.#chains) {
      chain.links.clear();
      chain.newest = Number.NaN;
      chain.forgotten = Number.NaN;
    }
  }

  #dueAtMs({ seenAtMs, ts }: Link): number {
    // Not a number for an event without a time of its own: it was due when it came.
    const byItsTimeMs = ts + this.#minDelayMs;
    return byItsTimeMs < seenAtMs ? byItsTimeMs : seenAtMs;
  }

  #chain(id: number): Chain {
    return this.#chains[id] as Chain;
  }
}
