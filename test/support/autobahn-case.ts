/** How a case of the Autobahn fuzzing client is written: frames, and what must come back. */
import { opcodes } from '../../src/protocol/websocket-frame.ts';
import { closePayload, type FrameOptions, rawFrame, shorten } from './raw-websocket.ts';

/** One case: what is sent, and everything that must come back, in order. */
export interface Case {
  /** Number in Autobahn's list, and what it is about. */
  readonly name: string;
  /** What is written at a time. */
  readonly send: readonly Buffer[];
  readonly expect: readonly string[];
}

/** Payload limit that the cases need, in bytes. */
export const neededPayloadBytes = 4 * 1024 * 1024;

const continuation = 0x0;
/** Opcode of a binary message. */
export const binary = 0x2;
const goodbye = 'close:1000';
/** Bytes that are no UTF-8. */
export const octets = Buffer.from([0x00, 0xff, 0xfe, 0xfd, 0xfc, 0xfb, 0x00, 0xff]);
/** For a fragment that is not the last. */
export const part: FrameOptions = { fin: false };

/** A text frame, or the first of several. */
export const text = (payload: string | Buffer, options?: FrameOptions) =>
  rawFrame(opcodes.text, payload, options);
/** A further frame of a message. */
export const more = (payload: string | Buffer, options?: FrameOptions) =>
  rawFrame(continuation, payload, options);
/** A ping. */
export const ping = (payload: string | Buffer = '', options?: FrameOptions) =>
  rawFrame(opcodes.ping, payload, options);
/** A pong. */
export const pong = (payload: string | Buffer = '', options?: FrameOptions) =>
  rawFrame(opcodes.pong, payload, options);
/** A close frame; with code 1000 unless told otherwise. */
export const close = (payload: string | Buffer = closePayload(1000), options?: FrameOptions) =>
  rawFrame(opcodes.close, payload, options);

/** A message that odin answers with its id: what comes back is what was sent. */
export const message = (id: string) => JSON.stringify({ type: 'heartbeat', id });

/** A message of exactly `length` bytes, and its answer; short ones are no JSON. */
export function sized(length: number): { readonly payload: string; readonly answer: string } {
  if (length < message('').length) {
    return { payload: '*'.repeat(length), answer: 'error:BAD_JSON' };
  }
  const id = '*'.repeat(length - message('').length);
  return { payload: message(id), answer: shorten(`heartbeat:${id}`) };
}

/** `payload` in frames of `size` bytes, the first a text frame unless told otherwise. */
export function fragments(
  payload: string | Buffer,
  size: number,
  opcode: number = opcodes.text,
  rsv = 0,
): Buffer {
  const bytes = Buffer.from(payload as string);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const fin = at + size >= bytes.length;
    const [code, bits] = at === 0 ? [opcode, rsv] : [continuation, 0];
    frames.push(rawFrame(code, bytes.subarray(at, at + size), { fin, rsv: bits }));
  }
  return Buffer.concat(frames);
}

/** The connection must survive: the goodbye that follows is answered. */
export function fine(name: string, frames: readonly Buffer[], answers: readonly string[]): Case {
  return { name, send: [Buffer.concat([...frames, close()])], expect: [...answers, goodbye] };
}

/** The connection must be failed with `code`, after `answers`, and what follows be ignored. */
export function failed(
  name: string,
  frames: readonly Buffer[],
  code: number,
  answers: readonly string[] = [],
): Case {
  return { name, send: [Buffer.concat(frames)], expect: [...answers, `close:${code}`] };
}

/** The same case, sent piece by piece. */
export function inPieces(pieceBytes: number, given: Case): Case {
  const bytes = Buffer.concat(given.send);
  const send: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    send.push(bytes.subarray(at, at + pieceBytes));
  }
  return { ...given, name: `${given.name}, in pieces of ${pieceBytes} bytes`, send };
}

/** A case in its three ways: all at once, frame by frame, and byte by byte. */
export function inAllWays(given: Case): readonly Case[] {
  const frames = framesIn(Buffer.concat(given.send));
  return [
    given,
    { ...given, name: `${given.name}, frame by frame`, send: frames },
    inPieces(1, given),
  ];
}

/** Cuts masked frames of less than 64 KiB apart. */
function framesIn(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = (bytes[at + 1] as number) & 0x7f;
    const length = short === 126 ? 8 + bytes.readUInt16BE(at + 2) : 6 + short;
    frames.push(bytes.subarray(at, at + length));
    at += length;
  }
  return frames;
}
