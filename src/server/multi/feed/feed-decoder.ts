/** Feed decoder: chunks of bytes in, the messages of a feed out, in a shard. */
import type { EventType } from '../../../events/event-types.ts';
import type { EncodedEvent } from '../../delivery/channel.ts';
import {
  type FedChannel,
  type FedEvent,
  lengthBytes,
  maxMessageBytes,
  messageKinds,
  typesByNumber,
} from './feed-codec.ts';

/** What becomes of the messages. */
export interface FeedReceiver {
  begin(firstIndex: number, coveredSinceMs: number): void;
  channel(channel: FedChannel): void;
  event(event: FedEvent): void;
  /** The events of one message have been given. */
  eventsEnd(): void;
  broken(partition: string, before: number): void;
  level(): void;
}

/** Received bytes lie in slabs of this size, or of a larger message. */
const slabBytes = 256 * 1024;

/**
 * Takes the bytes as they come. They are copied once, together, into slabs of which the bytes of
 * events are parts: what a history keeps is then hardly more than its events, whatever pieces they
 * came in. After an error it is of no more use.
 */
export class FeedDecoder {
  readonly #receiver: FeedReceiver;
  readonly #clockOffsetMs: number;
  #slab = Buffer.alloc(0);
  /** What came and is no whole message yet lies in [start, end) of the slab. */
  #start = 0;
  #end = 0;

  /** `clockOffsetMs` is that of this process, see `feed-clock.ts`. */
  constructor(receiver: FeedReceiver, clockOffsetMs: number) {
    this.#receiver = receiver;
    this.#clockOffsetMs = clockOffsetMs;
  }

  /** Throws an Error that says what is wrong when the bytes are not what a feed sends. */
  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#end === this.#slab.length) this.#renew();
      const taken = chunk.copy(this.#slab, this.#end, at);
      at += taken;
      this.#end += taken;
      this.#read();
    }
  }

  /** A slab with room for the rest of the message that has begun. */
  #renew(): void {
    const begun = this.#slab.subarray(this.#start, this.#end);
    const length = begun.length < lengthBytes ? 0 : lengthBytes + begun.readUInt32LE(0);
    this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, length));
    this.#end = begun.copy(this.#slab);
    this.#start = 0;
  }

  #read(): void {
    while (this.#end - this.#start >= lengthBytes) {
      const length = this.#slab.readUInt32LE(this.#start);
      if (length === 0 || length > maxMessageBytes)
        throw new Error(`feed message of ${length} bytes, allowed are 1 to ${maxMessageBytes}`);
      const from = this.#start + lengthBytes;
      const to = from + length;
      if (to > this.#end) return;
      this.#start = to;
      this.#message(this.#slab.subarray(from, to));
    }
  }

  #message(bytes: Buffer): void {
    const receiver = this.#receiver;
    const fields = new Fields(bytes, this.#clockOffsetMs);
    const kind = fields.byte();
    if (kind === messageKinds.frames) this.#frames(fields);
    else if (kind === messageKinds.channels) {
      for (let left = fields.word(); left > 0; left--) receiver.channel(channelFrom(fields));
    } else if (kind === messageKinds.begin) receiver.begin(fields.double(), fields.double());
    else if (kind === messageKinds.broken) {
      receiver.broken(fields.text(fields.byte()), fields.double());
    } else if (kind === messageKinds.level) receiver.level();
    else throw new Error(`feed message of unknown kind ${kind}`);
    if (fields.left !== 0)
      throw new Error(`feed message of kind ${kind} has ${fields.left} bytes too many`);
  }

  #frames(fields: Fields): void {
    const firstIndex = fields.double();
    const end = firstIndex + fields.word();
    let partition = '';
    for (let index = firstIndex; index < end; index++) {
      const nameLength = fields.byte();
      const partitionLength = fields.byte();
      const channel = fields.text(nameLength);
      if (partitionLength > 0) partition = fields.text(partitionLength);
      this.#receiver.event(fields.event(index, channel, partition));
    }
    this.#receiver.eventsEnd();
  }
}

function channelFrom(fields: Fields): FedChannel {
  const nameLength = fields.byte();
  const partitionLength = fields.byte();
  const name = fields.text(nameLength);
  const partition = fields.text(partitionLength);
  const lastIndex = fields.double();
  const lastOffset = fields.double();
  const newest: EncodedEvent | undefined =
    fields.byte() === 0 ? undefined : fields.event(lastIndex, name, partition);
  return {
    ...{ name, partition, lastIndex, newest },
    lastOffset: Number.isNaN(lastOffset) ? undefined : lastOffset,
  };
}

/** The fields of one message, read one after the other. */
class Fields {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #clockOffsetMs: number;
  #at = 0;

  constructor(bytes: Buffer, clockOffsetMs: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#clockOffsetMs = clockOffsetMs;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    return this.#view.getUint8(this.#skip(1));
  }

  word(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#skip(8), true);
  }

  text(length: number): string {
    const start = this.#skip(length);
    return this.#bytes.toString('latin1', start, start + length);
  }

  event(index: number, channel: string, partition: string): FedEvent {
    const type = typeOf(this.byte());
    const payloadAt = this.byte();
    const offset = this.double();
    const prev = this.double();
    const eventMs = this.double();
    const takenMs = this.double() - this.#clockOffsetMs;
    const length = this.word();
    const start = this.#skip(length);
    return {
      index,
      channel,
      partition,
      offset,
      prev: Number.isNaN(prev) ? null : prev,
      type,
      eventMs,
      takenMs,
      bytes: this.#bytes.subarray(start, start + length),
      payloadAt,
    };
  }

  #skip(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length)
      throw new Error(`feed message of kind ${this.#bytes[0]} ends ${-this.left} bytes too early`);
    return start;
  }
}

function typeOf(number: number): EventType {
  const type = typesByNumber[number];
  if (type === undefined) throw new Error(`feed event of unknown type ${number}`);
  return type;
}
