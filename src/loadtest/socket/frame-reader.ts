/** Reads the frames a WebSocket server sends, without copying what arrives whole. */
import { opcodes } from '../../protocol/websocket-frame.ts';

/** Takes what a {@link FrameReader} finds. The bytes are valid only during the call. */
export interface FrameHandler {
  /** A whole message: text, or binary where it is taken. */
  onMessage(bytes: Buffer, start: number, end: number): void;
  onPing(bytes: Buffer, start: number, end: number): void;
  /** A close frame; 1005 stands for one without a code. Nothing is read after it. */
  onClose(code: number): void;
}

const continuation = 0x0;
const binary = 0x2;
/** First byte of the last and only frame of a text message, nothing reserved. */
const wholeText = 0x81;
const maxHeaderBytes = 10;
const noCode = 1005;

/**
 * An incremental reader of unmasked frames (RFC 6455 §5.2) for one connection. While frames end
 * where chunks end, it holds no memory of its own; otherwise it holds the one unfinished frame.
 */
export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #maxMessageBytes: number;
  readonly #takesBinary: boolean;
  /** The unfinished frame: its first bytes, or room for all of it once its length is known. */
  #carry: Buffer | undefined;
  #carried = 0;
  /** Length of the unfinished frame; 0 while its header is incomplete. */
  #frameBytes = 0;
  #fragments: Buffer[] | undefined;
  #fragmentBytes = 0;
  #stopped = false;
  #complaint: string | undefined;

  /** A message above `maxMessageBytes` is a protocol error, and so is a binary one unless taken. */
  constructor(handler: FrameHandler, maxMessageBytes: number, takesBinary = false) {
    this.#handler = handler;
    this.#maxMessageBytes = maxMessageBytes;
    this.#takesBinary = takesBinary;
  }

  /** Whether it holds nothing: the next byte begins a message. */
  get isBetweenMessages(): boolean {
    return this.#carry === undefined && this.#fragments === undefined && !this.#stopped;
  }

  /** Ignores everything from here on, also the rest of the current chunk. */
  stop(): void {
    this.#stopped = true;
    this.#carry = undefined;
    this.#fragments = undefined;
  }

  /**
   * Reads `bytes` from `start` to `end`. Returns what is wrong when the server broke the protocol;
   * nothing is read after that.
   */
  push(bytes: Buffer, start: number, end: number): string | undefined {
    let at = start;
    if (this.#carry !== undefined) at = this.#fillCarry(this.#carry, bytes, at, end);
    while (at < end && !this.#stopped && this.#complaint === undefined) {
      const size = this.#sizeOfFrame(bytes, at, end);
      if (size === 0 || size > end - at) {
        if (this.#complaint === undefined) this.#startCarry(bytes, at, end, size);
        break;
      }
      this.#takeFrame(bytes, at, at + size);
      at += size;
    }
    if (this.#complaint !== undefined) this.stop();
    return this.#complaint;
  }

  /** Bytes of the frame at `at`, or 0 when not enough of its header is there or it is too big. */
  #sizeOfFrame(bytes: Buffer, at: number, end: number): number {
    if (end - at < 2) return 0;
    const length = (bytes[at + 1] as number) & 0x7f;
    let size: number;
    if (length < 126) size = 2 + length;
    else if (length === 126) {
      if (end - at < 4) return 0;
      size = 4 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
    } else {
      if (end - at < maxHeaderBytes) return 0;
      size = maxHeaderBytes + bytes.readUInt32BE(at + 2) * 2 ** 32 + bytes.readUInt32BE(at + 6);
    }
    if (size - maxHeaderBytes > this.#maxMessageBytes) {
      this.#complaint = `frame of ${size} bytes, more than ${this.#maxMessageBytes}`;
      return 0;
    }
    return size;
  }

  #startCarry(bytes: Buffer, at: number, end: number, size: number): void {
    this.#frameBytes = size;
    this.#carry = Buffer.allocUnsafe(size === 0 ? maxHeaderBytes : size);
    this.#carried = bytes.copy(this.#carry, 0, at, end);
  }

  /** Adds to the unfinished frame; returns where the next frame starts. */
  #fillCarry(carry: Buffer, bytes: Buffer, start: number, end: number): number {
    let at = start;
    let room = carry;
    while (this.#frameBytes === 0) {
      if (at === end) return at;
      room[this.#carried++] = bytes[at++] as number;
      this.#frameBytes = this.#sizeOfFrame(room, 0, this.#carried);
      if (this.#complaint !== undefined) return at;
      if (this.#frameBytes === 0) continue;
      room = Buffer.allocUnsafe(this.#frameBytes);
      carry.copy(room, 0, 0, this.#carried);
      this.#carry = room;
    }
    const taken = Math.min(this.#frameBytes - this.#carried, end - at);
    bytes.copy(room, this.#carried, at, at + taken);
    this.#carried += taken;
    if (this.#carried === this.#frameBytes) {
      const size = this.#frameBytes;
      this.#carry = undefined;
      this.#frameBytes = 0;
      this.#takeFrame(room, 0, size);
    }
    return at + taken;
  }

  #takeFrame(bytes: Buffer, at: number, end: number): void {
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const start = at + (second < 126 ? 2 : second === 126 ? 4 : maxHeaderBytes);
    if (first === wholeText && second < 128 && this.#fragments === undefined) {
      this.#handler.onMessage(bytes, start, end);
      return;
    }
    this.#complaint = this.#takeUnusual(first, second, bytes, start, end);
  }

  #takeUnusual(
    first: number,
    second: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): string | undefined {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) return 'frame with reserved bits';
    if ((second & 0x80) !== 0) return 'masked frame from a server';
    if (opcode >= 0x8) {
      if (first < 0x80 || second > 125) return 'control frame that is fragmented or too long';
      return this.#takeControl(opcode, bytes, start, end);
    }
    const isBinary = opcode === binary && this.#takesBinary;
    if (opcode !== continuation && opcode !== opcodes.text && !isBinary) {
      return `frame with opcode ${opcode}, expected text`;
    }
    if ((opcode === continuation) !== (this.#fragments !== undefined)) {
      return 'fragments of a message out of order';
    }
    return this.#takeFragment(first >= 0x80, bytes, start, end);
  }

  #takeFragment(last: boolean, bytes: Buffer, start: number, end: number): string | undefined {
    this.#fragments ??= [];
    this.#fragmentBytes += end - start;
    if (this.#fragmentBytes > this.#maxMessageBytes) {
      return `message of more than ${this.#maxMessageBytes} bytes`;
    }
    this.#fragments.push(Buffer.from(bytes.subarray(start, end)));
    if (!last) return undefined;
    const message = Buffer.concat(this.#fragments, this.#fragmentBytes);
    this.#fragments = undefined;
    this.#fragmentBytes = 0;
    this.#handler.onMessage(message, 0, message.length);
    return undefined;
  }

  #takeControl(opcode: number, bytes: Buffer, start: number, end: number): string | undefined {
    if (opcode === opcodes.ping) this.#handler.onPing(bytes, start, end);
    else if (opcode === opcodes.close) {
      if (end - start === 1) return 'close frame with half a code';
      this.stop();
      this.#handler.onClose(end > start ? bytes.readUInt16BE(start) : noCode);
    } else if (opcode !== opcodes.pong) return `frame with unknown opcode ${opcode}`;
    return undefined;
  }
}

/** Where the text begins when a chunk is exactly one whole text message of 64 KiB or less; else 0. */
export function wholeTextAt(bytes: Buffer, start: number, end: number): number {
  const size = end - start;
  if (size < 2 || bytes[start] !== wholeText) return 0;
  const length = bytes[start + 1] as number;
  if (length < 126) return size === 2 + length ? start + 2 : 0;
  if (length !== 126 || size < 4) return 0;
  const longLength = ((bytes[start + 2] as number) << 8) | (bytes[start + 3] as number);
  return size === 4 + longLength ? start + 4 : 0;
}
