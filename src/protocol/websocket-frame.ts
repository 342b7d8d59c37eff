/** RFC 6455 frame headers, built once for bytes that many sockets share. */

/** Opcodes that odin writes itself (RFC 6455 §5.2). */
export const opcodes = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** Set beside the opcode of a message that permessage-deflate has deflated (RFC 7692 §6). */
export const reservedBit1 = 0x40;

/** Bytes of the header of an unmasked frame with `length` bytes of payload: 2, 4 or 10. */
export function frameHeaderBytes(length: number): number {
  if (length < 126) return 2;
  return length < 65_536 ? 4 : 10;
}

/**
 * Writes the header of one unmasked, unfragmented frame at `at` and returns the position behind
 * it. `target` must have {@link frameHeaderBytes} of room there.
 */
export function writeFrameHeader(
  target: Buffer,
  at: number,
  length: number,
  opcode: number = opcodes.text,
): number {
  target[at] = 0x80 | opcode;
  if (length < 126) {
    target[at + 1] = length;
    return at + 2;
  }
  if (length < 65_536) {
    target[at + 1] = 126;
    target.writeUInt16BE(length, at + 2);
    return at + 4;
  }
  target[at + 1] = 127;
  target.writeUInt32BE(0, at + 2);
  target.writeUInt32BE(length, at + 6);
  return at + 10;
}

/**
 * One unmasked frame around `payload`. The memory is its own (not a slice of Node's shared pool),
 * since a frame in the history would otherwise pin a whole pool block.
 */
export function frameOf(payload: Buffer, opcode: number = opcodes.text): Buffer {
  const frame = Buffer.allocUnsafeSlow(frameHeaderBytes(payload.length) + payload.length);
  payload.copy(frame, writeFrameHeader(frame, 0, payload.length, opcode));
  return frame;
}

/** The payloads of whole unmasked frames that {@link writeFrameHeader} made; not copied. */
export function messagesIn(frames: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  for (let at = 0; at < frames.length; ) {
    const short = frames[at + 1] as number;
    const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length =
      short < 126
        ? short
        : short === 126
          ? frames.readUInt16BE(at + 2)
          : frames.readUInt32BE(at + 6);
    at += headerBytes + length;
    payloads.push(frames.subarray(at - length, at));
  }
  return payloads;
}

/**
 * One masked frame around `payload`, as a client must send it (RFC 6455 §5.3). The key hides the
 * payload from proxies, not from readers, so any four bytes will do.
 */
export function maskedFrameOf(payload: Buffer, maskKey: number, opcode: number): Buffer {
  const headerBytes = frameHeaderBytes(payload.length);
  const frame = Buffer.allocUnsafe(headerBytes + 4 + payload.length);
  const keyAt = writeFrameHeader(frame, 0, payload.length, opcode);
  frame[1] = (frame[1] as number) | 0x80;
  frame.writeUInt32BE(maskKey >>> 0, keyAt);
  for (let i = 0; i < payload.length; i++) {
    frame[keyAt + 4 + i] = (payload[i] as number) ^ (frame[keyAt + (i & 3)] as number);
  }
  return frame;
}
