/** How a case of the Autobahn fuzzing client is written: frames, and what must come back. */
import { opcodes } from '../../src/protocol/websocket-frame.ts';
import { closePayload, type FrameOptions, rawFrame, shorten } from './raw-websocket.ts';

/** One case: what is sent, and everything that must come back, in order. */
export interface Case {
  /** Number in Autobahn's list, and what it is about. */
  readonly name: string;
  readonly send: Buffer;
  /** Bytes per piece; all at once by default. */
  readonly pieceBytes?: number;
  readonly expect: readonly string[];
}

/** Payload limit that the cases need, in bytes. */
export const neededPayloadBytes = 256 * 1024;

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

/** A message of exactly `length` bytes, and its answer. */
export function sized(length: number): { readonly payload: string; readonly answer: string } {
  if (length === 0) return { payload: '', answer: 'error:BAD_JSON' };
  const id = '*'.repeat(length - message('').length);
  return { payload: message(id), answer: shorten(`heartbeat:${id}`) };
}

/** `payload` in frames of `size` bytes, the first a text frame. */
export function fragments(payload: string | Buffer, size: number): Buffer {
  const bytes = Buffer.from(payload as string);
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const fin = at + size >= bytes.length;
    frames.push(rawFrame(at === 0 ? opcodes.text : 0, bytes.subarray(at, at + size), { fin }));
  }
  return Buffer.concat(frames);
}

/** The connection must survive: the goodbye that follows is answered. */
export function fine(name: string, frames: readonly Buffer[], answers: readonly string[]): Case {
  return { name, send: Buffer.concat([...frames, close()]), expect: [...answers, goodbye] };
}

/** The connection must be failed with `code`, after `answers`, and what follows be ignored. */
export function failed(
  name: string,
  frames: readonly Buffer[],
  code: number,
  answers: readonly string[] = [],
): Case {
  return { name, send: Buffer.concat([...frames]), expect: [...answers, `close:${code}`] };
}

/** The same case, sent piece by piece. */
export const inPieces = (pieceBytes: number, given: Case): Case => ({
  ...given,
  name: `${given.name}, in pieces of ${pieceBytes} bytes`,
  pieceBytes,
});
