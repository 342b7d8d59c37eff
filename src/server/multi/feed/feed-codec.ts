/** Feed codec: how the messages of a feed are written, from the primary process to a shard. */
import { type EventType, eventTypes } from '../../../events/event-types.ts';
import type { AdoptedEvent, Channel, EncodedEvent, Frame } from '../../delivery/channel.ts';

/** First byte of a message, behind its length (four bytes, little endian, as everything here). */
export const messageKinds = { begin: 1, channels: 2, frames: 3, broken: 4, level: 5 } as const;

/** Event types by their number on the wire; both ends run the same build. */
export const typesByNumber = Object.keys(eventTypes) as readonly EventType[];

/** Bytes that a message of events is cut at; one larger event is a message of its own. */
export const stepBytes = 256 * 1024;

/** A length above this is nonsense, since the largest event is far below it. */
export const maxMessageBytes = 256 * 1024 * 1024;

/** Bytes of the length in front of each message. */
export const lengthBytes = 4;

/** An event as it comes out of a feed. */
export interface FedEvent extends AdoptedEvent {
  readonly channel: string;
  /** Where the channel is read from: `topic/number`. */
  readonly partition: string;
}

/** Where a channel stands that the events of a feed do not tell, or not wholly. */
export interface FedChannel {
  readonly name: string;
  readonly partition: string;
  readonly lastOffset: number | undefined;
  readonly lastIndex: number;
  /** Its newest event, when it comes before all that are fed. */
  readonly newest: EncodedEvent | undefined;
}

const numberOfType = new Map(typesByNumber.map((type, number) => [type, number]));

const kindAt = lengthBytes;
const bodyAt = kindAt + 1;
/** Type, start of the payload, four doubles, length. */
const eventHeadBytes = 2 + 4 * 8 + 4;
/** Lengths of two names, two doubles, whether there is a newest event. */
const channelHeadBytes = 2 + 2 * 8 + 1;

/** The history of a shard starts at this index, anew if there was one. */
export function encodeBegin(firstIndex: number, coveredSinceMs: number): Buffer {
  const message = new Message(messageKinds.begin, 16);
  message.double(firstIndex);
  message.double(coveredSinceMs);
  return message.buffer;
}

/** Everything that the primary process had at this moment has been sent. */
export function encodeLevel(): Buffer {
  return new Message(messageKinds.level, 0).buffer;
}

/** Channels of a partition whose newest event is below history index `before` are broken. */
export function encodeBroken(partition: string, before: number): Buffer {
  const message = new Message(messageKinds.broken, 1 + partition.length + 8);
  message.byte(partition.length);
  message.text(partition);
  message.double(before);
  return message.buffer;
}

/** Events that follow each other in the history; at least one. */
export function encodeFrames(frames: readonly Frame[], clockOffsetMs: number): Buffer {
  let size = 8 + 4;
  let partition = '';
  for (const { channel, bytes } of frames) {
    size += 2 + channel.name.length + eventHeadBytes + bytes.length;
    if (channel.partition !== partition) size += channel.partition.length;
    partition = channel.partition;
  }
  const message = new Message(messageKinds.frames, size);
  message.double((frames[0] as Frame).index);
  message.word(frames.length);
  partition = '';
  for (const frame of frames) {
    const { channel } = frame;
    const isSame = channel.partition === partition;
    partition = channel.partition;
    message.byte(channel.name.length);
    message.byte(isSame ? 0 : partition.length);
    message.text(channel.name);
    if (!isSame) message.text(partition);
    message.event(frame, clockOffsetMs);
  }
  return message.buffer;
}

/** Channels, each with its newest event if that is below history index `firstIndex`. */
export function encodeChannels(
  channels: readonly Channel[],
  firstIndex: number,
  clockOffsetMs: number,
): Buffer {
  let size = 4;
  for (const channel of channels) size += channelBytes(channel, firstIndex);
  const message = new Message(messageKinds.channels, size);
  message.word(channels.length);
  for (const channel of channels) {
    const newest = newestBelow(channel, firstIndex);
    message.byte(channel.name.length);
    message.byte(channel.partition.length);
    message.text(channel.name);
    message.text(channel.partition);
    message.double(channel.lastIndex);
    message.double(channel.lastOffset ?? Number.NaN);
    message.byte(newest === undefined ? 0 : 1);
    if (newest !== undefined) message.event(newest, clockOffsetMs);
  }
  return message.buffer;
}

/** What a channel adds to {@link encodeChannels}, in bytes. */
export function channelBytes(channel: Channel, firstIndex: number): number {
  const newest = newestBelow(channel, firstIndex);
  const names = channel.name.length + channel.partition.length;
  return channelHeadBytes + names + (newest ? eventHeadBytes + newest.bytes.length : 0);
}

function newestBelow({ newest }: Channel, firstIndex: number): Frame | undefined {
  return newest !== undefined && newest.index < firstIndex ? newest : undefined;
}

/** One message while it is written: exactly as long as it was said to be. */
class Message {
  readonly buffer: Buffer;
  readonly #view: DataView;
  #at = bodyAt;

  constructor(kind: number, size: number) {
    this.buffer = Buffer.allocUnsafe(bodyAt + size);
    this.#view = new DataView(this.buffer.buffer, this.buffer.byteOffset, this.buffer.length);
    this.#view.setUint32(0, this.buffer.length - lengthBytes, true);
    this.buffer[kindAt] = kind;
  }

  byte(value: number): void {
    this.#view.setUint8(this.#at++, value);
  }

  word(value: number): void {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  double(value: number): void {
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  // Names of channels and partitions are short and ASCII: a loop beats a call out of JavaScript.
  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#view.setUint8(this.#at++, text.charCodeAt(i));
  }

  event({ type, payloadAt, offset, prev, eventMs, takenMs, bytes }: EncodedEvent, shiftMs: number) {
    this.byte(numberOfType.get(type) as number);
    this.byte(payloadAt);
    this.double(offset);
    this.double(prev ?? Number.NaN);
    this.double(eventMs);
    this.double(takenMs + shiftMs);
    this.word(bytes.length);
    this.buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}
