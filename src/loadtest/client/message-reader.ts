/** Turns the text messages of a server into events, parsing equal bytes only once per worker. */
import { batchSeparator } from '../../protocol/versions.ts';
import type { ChannelBook } from '../delivery/channel-book.ts';

/** What the load tester needs of an event. */
export interface ReceivedEvent {
  /** Id in the {@link ChannelBook}; -1 when there are too many channels. */
  readonly channel: number;
  readonly offset: number;
  /** NaN when the server did not know the event before it. */
  readonly prev: number;
  /** When the event happened, in milliseconds since 1970. */
  readonly ts: number;
}

/** A message that is no event: an answer, a welcome, a notice. */
export interface ControlMessage {
  readonly type: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** One WebSocket text message. */
export interface ReceivedMessage {
  readonly events: readonly ReceivedEvent[];
  readonly controls: readonly ControlMessage[];
  /** What is wrong with it; undefined when all of it could be read. */
  readonly complaint: string | undefined;
  /** The v1 number of the message when it does not stand at its start; 0 when there is none. */
  readonly seq: number;
}

/** Reads the text of a message that arrived at `nowMs` (since 1970). Never throws. */
export type ReadMessage = (text: string, nowMs: number) => ReceivedMessage;

interface CacheEntry {
  readonly bytes: Buffer;
  readonly message: ReceivedMessage;
}

const cacheEntries = 512;
/** Shorter messages are answers, which differ from client to client. */
const minCachedBytes = 32;
const maxCachedBytes = 8 * 1024 * 1024;

/**
 * Reads messages. Members of a cohort receive the same bytes, so what was parsed for one client is
 * found again for the others by comparing bytes; anything else is parsed as JSON.
 */
export class MessageReader {
  readonly #book: ChannelBook;
  readonly #readOther: ReadMessage | undefined;
  readonly #cache: (CacheEntry | undefined)[] = new Array(cacheEntries).fill(undefined);
  #cachedBytes = 0;
  /** See `partOf`. */
  #whole: Buffer | undefined;
  #from = 0;
  #part: Buffer = Buffer.alloc(0);
  /** The v1 number of the message read last; 0 when it had none. */
  seq = 0;
  /** Messages that were found in the cache. */
  hits = 0;

  /** `readOther` reads the messages of a server that is not odin. */
  constructor(book: ChannelBook, readOther?: ReadMessage) {
    this.#book = book;
    this.#readOther = readOther;
  }

  /** Reads the message at `start`–`end`, which arrived at `nowMs` (since 1970). Never throws. */
  read(bytes: Buffer, start: number, end: number, nowMs: number): ReceivedMessage {
    const from = this.#readOther === undefined ? this.#readSeq(bytes, start, end) : start;
    const key = end - from < minCachedBytes ? -1 : cacheKey(bytes, from, end);
    if (key >= 0) {
      const entry = this.#cache[key];
      if (
        entry !== undefined &&
        entry.bytes.length === end - from &&
        this.#partOf(bytes, from, end).equals(entry.bytes)
      ) {
        this.hits++;
        if (entry.message.seq > 0) this.seq = entry.message.seq;
        return entry.message;
      }
    }
    const text = bytes.toString('utf8', from, end);
    const message =
      this.#readOther?.(text, nowMs) ?? this.#parse(from === start ? text : `{${text}`, nowMs);
    if (message.seq > 0) this.seq = message.seq;
    if (key >= 0 && message.events.length > 0) this.#keep(key, bytes, from, end, message);
    return message;
  }

  /** Forgets what was parsed, since equal bytes mean other events in another epoch. */
  reset(): void {
    this.#cache.fill(undefined);
    this.#cachedBytes = 0;
  }

  /**
   * Sets {@link seq} when the message starts with `{"seq":n,`, which only v1 writes and which
   * differs between clients. Returns where the part that clients share begins.
   */
  #readSeq(bytes: Buffer, start: number, end: number): number {
    this.seq = 0;
    // {"seq":
    if (
      bytes[start + 2] !== 0x73 ||
      bytes[start + 3] !== 0x65 ||
      bytes[start + 4] !== 0x71 ||
      bytes[start + 5] !== 0x22 ||
      bytes[start + 6] !== 0x3a
    ) {
      return start;
    }
    let seq = 0;
    for (let at = start + 7; at < end; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) {
        if (bytes[at] !== 0x2c || at === start + 7) return start;
        this.seq = seq;
        return at + 1;
      }
      seq = seq * 10 + digit;
    }
    return start;
  }

  /** A view of a part of `bytes`; the same again for clients that receive messages of one length. */
  #partOf(bytes: Buffer, from: number, end: number): Buffer {
    if (this.#whole !== bytes || this.#from !== from || this.#part.length !== end - from) {
      this.#whole = bytes;
      this.#from = from;
      this.#part = bytes.subarray(from, end);
    }
    return this.#part;
  }

  #keep(key: number, bytes: Buffer, from: number, end: number, message: ReceivedMessage): void {
    this.#cachedBytes += end - from - (this.#cache[key]?.bytes.length ?? 0);
    if (this.#cachedBytes > maxCachedBytes) {
      this.reset();
      this.#cachedBytes = end - from;
    }
    const kept = Buffer.allocUnsafeSlow(end - from);
    bytes.copy(kept, 0, from, end);
    this.#cache[key] = { bytes: kept, message };
  }

  #parse(text: string, nowMs: number): ReceivedMessage {
    const events: ReceivedEvent[] = [];
    const controls: ControlMessage[] = [];
    let complaint: string | undefined;
    let seq = 0;
    for (const line of text.split(batchSeparator)) {
      const fields = parseObject(line);
      if (fields === undefined) {
        complaint = `not a JSON object: ${line.slice(0, 80)}`;
        continue;
      }
      const event = this.#eventOf(fields);
      if (event !== undefined) {
        if (event.channel >= 0)
          this.#book.note(event.channel, event.offset, event.prev, nowMs, event.ts);
        events.push(event);
        if (typeof fields['seq'] === 'number') seq = fields['seq'];
      } else if (typeof fields['type'] === 'string' && fields['offset'] === undefined) {
        controls.push({ type: fields['type'], fields });
      } else {
        complaint = `neither an event nor a control message: ${line.slice(0, 80)}`;
      }
    }
    // The number is taken from the start of v1 messages; here it is one of another server's form.
    return { events, controls, complaint, seq: this.seq > 0 ? 0 : seq };
  }

  #eventOf(fields: Record<string, unknown>): ReceivedEvent | undefined {
    const { channel, offset, prev, ts } = fields;
    if (typeof channel !== 'string' || typeof ts !== 'number') return undefined;
    if (!Number.isSafeInteger(offset)) return undefined;
    if (prev !== null && !Number.isSafeInteger(prev)) return undefined;
    return {
      channel: this.#book.idOf(channel),
      offset: offset as number,
      prev: prev === null ? Number.NaN : (prev as number),
      ts,
    };
  }
}

/** Mixes the length with bytes that differ between events: the end of `ts`, and parts of `data`. */
function cacheKey(bytes: Buffer, from: number, end: number): number {
  // In whole numbers of 32 bits: the remainder of a larger one takes longer than all else here.
  let hash = end - from;
  hash = Math.imul(hash, 31) + (bytes[from + 16] as number);
  hash = Math.imul(hash, 31) + (bytes[from + 17] as number);
  hash = Math.imul(hash, 31) + (bytes[(from + end) >>> 1] as number);
  hash = Math.imul(hash, 31) + (bytes[end - 6] as number);
  return (hash >>> 0) % cacheEntries;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
