/** The control frames that clients of a load test send. */
import { maskedFrameOf, opcodes } from '../../protocol/websocket-frame.ts';

const maskKey = 0x6f64696e;

/** A goodbye with a code (RFC 6455 §5.5.1). */
export function closeFrame(code: number): Buffer {
  const payload = Buffer.allocUnsafe(2);
  payload.writeUInt16BE(code);
  return maskedFrameOf(payload, maskKey, opcodes.close);
}

/** The answer to a ping with `payload`. */
export function pongFrame(payload: Buffer): Buffer {
  return maskedFrameOf(payload, maskKey, opcodes.pong);
}
