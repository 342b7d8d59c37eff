/** Batches: several frames joined into as few WebSocket messages and writes as possible. */
import { encodeV1Prefix } from '../../protocol/server-messages.ts';
import { batchSeparator, maxBatchBytes } from '../../protocol/versions.ts';
import { frameHeaderBytes, writeFrameHeader } from '../../protocol/websocket-frame.ts';
import type { Frame } from './channel.ts';

const separatorByte = batchSeparator.charCodeAt(0);

/**
 * The v2 bytes of `frames`: messages of events separated by line feeds, each of at most
 * {@link maxBatchBytes} unless one event alone is larger. One frame is returned as it is.
 */
export function joinV2(frames: readonly Frame[]): Buffer {
  const first = frames[0] as Frame;
  if (frames.length === 1) return first.bytes;
  const lengths = messageLengths(frames);
  let total = 0;
  for (const length of lengths) total += frameHeaderBytes(length) + length;
  const joined = Buffer.allocUnsafeSlow(total);
  let at = 0;
  let next = 0;
  for (const length of lengths) {
    at = writeFrameHeader(joined, at, length);
    const end = at + length;
    while (at < end) {
      const { bytes, payloadAt } = frames[next++] as Frame;
      at += bytes.copy(joined, at, payloadAt);
      if (at < end) joined[at++] = separatorByte;
    }
  }
  return joined;
}

/** Payload bytes of each message that {@link joinV2} makes. */
function messageLengths(frames: readonly Frame[]): number[] {
  const lengths: number[] = [];
  let current = -1;
  for (const { bytes, payloadAt } of frames) {
    const length = bytes.length - payloadAt;
    if (current >= 0 && current + 1 + length <= maxBatchBytes) current += 1 + length;
    else {
      if (current >= 0) lengths.push(current);
      current = length;
    }
  }
  lengths.push(current);
  return lengths;
}

/**
 * The v1 bytes of `frames` for one connection: a message per event, numbered from `firstSeq`.
 * The event itself is shared; only the number in front of it is the connection's own.
 */
export function joinV1(frames: readonly Frame[], firstSeq: number): Buffer {
  const prefixes = frames.map((_, position) => encodeV1Prefix(firstSeq + position));
  let total = 0;
  for (let i = 0; i < frames.length; i++) {
    const length = v1Length(frames[i] as Frame, prefixes[i] as string);
    total += frameHeaderBytes(length) + length;
  }
  const joined = Buffer.allocUnsafe(total);
  let at = 0;
  for (let i = 0; i < frames.length; i++) {
    const frame = frames[i] as Frame;
    const prefix = prefixes[i] as string;
    at = writeFrameHeader(joined, at, v1Length(frame, prefix));
    at += joined.write(prefix, at, 'latin1');
    at += frame.bytes.copy(joined, at, frame.payloadAt + 1);
  }
  return joined;
}

/** The prefix replaces the opening brace of the shared form. */
function v1Length({ bytes, payloadAt }: Frame, prefix: string): number {
  return prefix.length + bytes.length - payloadAt - 1;
}
