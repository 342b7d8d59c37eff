/** Reading Snappy, as Kafka's producers write it: one block, or xerial's chunks of blocks. */

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
const xerialHeaderBytes = 16;

/**
 * The bytes that `input` stands for, at most `maxBytes` of them. Throws an Error when `input` is
 * damaged or larger than that.
 */
export function decompressSnappy(input: Buffer, maxBytes: number): Buffer {
  if (!input.subarray(0, xerialMagic.length).equals(xerialMagic)) {
    return decompressBlock(input, maxBytes);
  }
  const chunks: Buffer[] = [];
  let left = maxBytes;
  for (let at = xerialHeaderBytes; at < input.length; ) {
    const end = at + 4 + input.readUInt32BE(at);
    if (end > input.length) throw new Error('snappy data ends early');
    const chunk = decompressBlock(input.subarray(at + 4, end), left);
    chunks.push(chunk);
    left -= chunk.length;
    at = end;
  }
  return Buffer.concat(chunks);
}

function decompressBlock(input: Buffer, maxBytes: number): Buffer {
  let [size, at] = readSize(input);
  if (size > maxBytes) throw new Error(`snappy data is larger than ${maxBytes} bytes`);
  const output = Buffer.allocUnsafe(size);
  let filled = 0;
  while (at < input.length) {
    const tag = input[at]!;
    const kind = tag & 3;
    if (kind === 0) {
      const extra = Math.max(0, (tag >> 2) - 59);
      const length = 1 + (extra === 0 ? tag >> 2 : input.readUIntLE(at + 1, extra));
      at += 1 + extra;
      if (at + length > input.length || filled + length > size) throw damaged();
      input.copy(output, filled, at, at + length);
      at += length;
      filled += length;
      continue;
    }
    const distanceBytes = kind === 3 ? 4 : kind;
    const low = input.readUIntLE(at + 1, distanceBytes);
    const distance = kind === 1 ? ((tag >> 5) << 8) | low : low;
    const length = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
    at += 1 + distanceBytes;
    if (distance === 0 || distance > filled || filled + length > size) throw damaged();
    copyWithin(output, filled, distance, length);
    filled += length;
  }
  if (filled !== size) throw damaged();
  return output;
}

/** Repeats `length` bytes from `distance` bytes ago; the two may overlap. */
export function copyWithin(output: Buffer, to: number, distance: number, length: number): void {
  if (distance >= length) {
    output.copyWithin(to, to - distance, to - distance + length);
    return;
  }
  for (let at = to; at < to + length; at++) output[at] = output[at - distance]!;
}

function readSize(input: Buffer): [size: number, next: number] {
  let size = 0;
  for (let at = 0; at < 5; at++) {
    const byte = input[at];
    if (byte === undefined) throw damaged();
    size += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return [size, at + 1];
  }
  throw damaged();
}

function damaged(): Error {
  return new Error('snappy data is damaged');
}
