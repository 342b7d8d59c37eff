/** Finds events in the messages of any WebSocket server, by the paths that it was told. */
import type { MessagePaths, Path } from '../../config/message-path.ts';
import type {
  ControlMessage,
  ReadMessage,
  ReceivedEvent,
  ReceivedMessage,
} from '../client/message-reader.ts';
import type { ChannelBook } from '../delivery/channel-book.ts';
import type { RawTarget } from '../socket/target.ts';
import { answersOf } from './conversation.ts';

/** Channel of events that name none. */
const onlyChannel = 'all';
/**
 * Time of events that have none: it counts as new, whenever it comes. Their latency is below zero,
 * which no report shows.
 */
const noTime = Number.POSITIVE_INFINITY;
/** What may stand before the JSON of a message: Socket.IO writes `42/name,`. */
const maxPrefixChars = 64;
/** From here on a time is not in seconds, milliseconds or microseconds any more. */
const milliFrom = 1e11;
const microFrom = 1e14;
const nanoFrom = 1e17;

/**
 * Reads messages of any server. A message with a time or a number where the paths lead is an event;
 * without any path each message is one. Everything else is counted as a control message.
 */
export class RawEvents {
  readonly #paths: MessagePaths;
  readonly #answers: ReadonlyMap<string, Buffer>;
  readonly #book: ChannelBook;
  /** All messages are alike where nothing is looked for. */
  readonly #unknown: ReceivedMessage | undefined;

  /** `answers` are what clients send back, by the text that they received. */
  constructor(paths: MessagePaths, answers: ReadonlyMap<string, Buffer>, book: ChannelBook) {
    this.#paths = paths;
    this.#answers = answers;
    this.#book = book;
    if (Object.keys(paths).length > 0) return;
    const event = {
      channel: book.idOf(onlyChannel),
      offset: Number.NaN,
      prev: Number.NaN,
      ts: noTime,
    };
    this.#unknown = { events: [event], controls: [], complaint: undefined, seq: 0 };
  }

  /** Reads one message that arrived at `nowMs` (since 1970). Never throws. */
  read(text: string, nowMs: number): ReceivedMessage {
    const answer = this.#answers.get(text);
    if (answer !== undefined) return controlOf('question', { answer });
    if (this.#unknown !== undefined) return this.#unknown;
    const events: ReceivedEvent[] = [];
    const controls: ControlMessage[] = [];
    for (const value of valuesOf(text)) {
      const event = this.#eventOf(value);
      if (event === undefined) controls.push({ type: 'other', fields: {} });
      else {
        events.push(event);
        const { channel, offset, prev, ts } = event;
        if (channel >= 0 && !Number.isNaN(offset)) {
          this.#book.note(channel, offset, prev, nowMs, ts);
        }
      }
    }
    return { events, controls, complaint: undefined, seq: 0 };
  }

  #eventOf(value: unknown): ReceivedEvent | undefined {
    const { ts, seq, channel } = this.#paths;
    const timeMs = ts === undefined ? Number.NaN : millisecondsOf(at(value, ts));
    const number = seq === undefined ? Number.NaN : numberOf(at(value, seq));
    const name = channel === undefined ? undefined : at(value, channel);
    const isNamed = typeof name === 'string' || typeof name === 'number';
    const isEvent = [timeMs, number].some((known) => !Number.isNaN(known));
    if (!isEvent && !(isNamed && ts === undefined && seq === undefined)) return undefined;
    return {
      channel: this.#book.idOf(isNamed ? String(name) : onlyChannel),
      offset: number,
      prev: number - 1,
      ts: Number.isNaN(timeMs) ? noTime : timeMs,
    };
  }
}

/** What reads the messages of `target`, for a {@link MessageReader}. */
export function rawReader({ paths, replies }: RawTarget, book: ChannelBook): ReadMessage {
  const events = new RawEvents(paths, answersOf(replies), book);
  return (text, nowMs) => events.read(text, nowMs);
}

function controlOf(type: string, fields: ControlMessage['fields']): ReceivedMessage {
  return { events: [], controls: [{ type, fields }], complaint: undefined, seq: 0 };
}

/** The JSON values of a message: one, or one per line. */
function valuesOf(text: string): unknown[] {
  const whole = parse(text);
  if (whole !== undefined || !text.includes('\n')) return [whole];
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parse);
}

function parse(text: string): unknown {
  const start = text.search(/[[{]/);
  if (start < 0 || start > maxPrefixChars) return undefined;
  try {
    return JSON.parse(text.slice(start));
  } catch {
    return undefined;
  }
}

function at(value: unknown, path: Path): unknown {
  let node = value;
  for (const key of path) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Record<string, unknown>)[key];
  }
  return node;
}

/** A whole number, also as text; NaN for anything else. */
function numberOf(value: unknown): number {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : Number.NaN;
}

/** A time in s, ms, µs or ns since 1970, told by its size, or in ISO 8601; NaN for anything else. */
function millisecondsOf(value: unknown): number {
  if (typeof value === 'string' && !/^\d+(\.\d+)?$/.test(value)) return Date.parse(value);
  const time = typeof value === 'string' ? Number(value) : value;
  if (typeof time !== 'number' || !(time > 0)) return Number.NaN;
  if (time < milliFrom) return time * 1e3;
  if (time < microFrom) return time;
  return time < nanoFrom ? time / 1e3 : time / 1e6;
}
