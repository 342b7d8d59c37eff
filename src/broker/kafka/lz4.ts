/** Reading LZ4 frames, as Kafka's producers write them. Checksums are left to Kafka's own. */
import { copyWithin } from './snappy.ts';

const magic = 0x184d2204;

/**
 * The bytes that the frame `input` stands for, at most `maxBytes` of them. Throws an Error when
 * `input` is damaged, no LZ4 frame, or larger than that.
 */
export function decompressLz4(input: Buffer, maxBytes: number): Buffer {
  if (input.length < 7 || input.readUInt32LE(0) !== magic) throw new Error('no LZ4 frame');
  const flags = input[4]!;
  const hasBlockChecksum = (flags & 0x10) !== 0;
  let at = 7 + ((flags & 0x08) !== 0 ? 8 : 0) + ((flags & 0x01) !== 0 ? 4 : 0);
  let output = Buffer.allocUnsafe(Math.min(maxBytes, input.length * 4));
  let filled = 0;
  while (at + 4 <= input.length) {
    const word = input.readUInt32LE(at);
    if (word === 0) return output.subarray(0, filled);
    const bytes = word & 0x7fffffff;
    const block = input.subarray(at + 4, at + 4 + bytes);
    if (block.length < bytes) break;
    at += 4 + bytes + (hasBlockChecksum ? 4 : 0);
    const needed = filled + (word >>> 31 === 1 ? bytes : blockSize(block));
    if (needed > maxBytes) throw new Error(`LZ4 data is larger than ${maxBytes} bytes`);
    if (needed > output.length) output = grown(output, filled, Math.min(maxBytes, needed * 2));
    if (word >>> 31 === 1) block.copy(output, filled);
    else decompressBlock(block, output, filled);
    filled = needed;
  }
  throw new Error('LZ4 data ends early');
}

function grown(output: Buffer, filled: number, size: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafe(size);
  output.copy(larger, 0, 0, filled);
  return larger;
}

/** How many bytes a block holds: its sequences are walked without copying. */
function blockSize(block: Buffer): number {
  return walk(block, undefined, 0);
}

function decompressBlock(block: Buffer, output: Buffer, start: number): void {
  walk(block, output, start);
}

function walk(block: Buffer, output: Buffer | undefined, start: number): number {
  let at = 0;
  let filled = start;
  const readLength = (nibble: number): number => {
    let length = nibble;
    if (nibble < 15) return length;
    for (;;) {
      const byte = block[at++];
      if (byte === undefined) throw damaged();
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (at < block.length) {
    const token = block[at++]!;
    const literals = readLength(token >> 4);
    if (at + literals > block.length) throw damaged();
    if (output !== undefined) block.copy(output, filled, at, at + literals);
    at += literals;
    filled += literals;
    if (at === block.length) return filled - start;
    if (at + 2 > block.length) throw damaged();
    const distance = block.readUInt16LE(at);
    at += 2;
    const length = 4 + readLength(token & 15);
    if (output !== undefined) {
      if (distance === 0 || distance > filled) throw damaged();
      copyWithin(output, filled, distance, length);
    }
    filled += length;
  }
  return filled - start;
}

function damaged(): Error {
  return new Error('LZ4 data is damaged');
}
