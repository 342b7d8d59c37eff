import { expect, test } from 'vitest';
import { decompressLz4 } from './lz4.ts';

/** "abcabcabcab", then nothing: three literals, a match of eight, and an empty last literal run. */
const block = Buffer.from([0x34, 0x61, 0x62, 0x63, 0x03, 0x00, 0x00]);

function frame(flags: number, ...parts: Buffer[]): Buffer {
  return Buffer.concat([
    Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, 0x40, 0x00]),
    ...parts,
    Buffer.alloc(4),
  ]);
}

function sized(data: Buffer, isStored = false): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE((data.length | (isStored ? 0x80000000 : 0)) >>> 0);
  return Buffer.concat([size, data]);
}

test('a compressed block is read, with matches that overlap what they write', () => {
  expect(decompressLz4(frame(0x60, sized(block)), 100).toString()).toBe('abcabcabcab');
});

test('stored blocks, block checksums and a content size are understood', () => {
  const stored = sized(Buffer.from('stored'), true);
  const checksum = Buffer.alloc(4, 7);
  const withChecksums = frame(0x70, sized(block), checksum, stored, checksum);
  expect(decompressLz4(withChecksums, 100).toString()).toBe('abcabcabcabstored');
  const header = Buffer.from([0x04, 0x22, 0x4d, 0x18, 0x68, 0x40, ...Buffer.alloc(8), 0x00]);
  const withSize = Buffer.concat([header, sized(block), Buffer.alloc(4)]);
  expect(decompressLz4(withSize, 100).toString()).toBe('abcabcabcab');
});

test('lengths of fifteen and more go on in further bytes', () => {
  const literals = Buffer.from('y'.repeat(300));
  const long = Buffer.concat([Buffer.from([0xf0, 255, 30]), literals]);
  expect(decompressLz4(frame(0x60, sized(long)), 1_000).toString()).toBe('y'.repeat(300));
});

test('damaged data is refused at every place where it can be cut', () => {
  const whole = frame(0x60, sized(block));
  for (let length = 0; length < whole.length; length++) {
    expect(() => decompressLz4(whole.subarray(0, length), 100)).toThrow();
  }
  const tooFar = Buffer.from([0x34, 0x61, 0x62, 0x63, 0x04, 0x00, 0x00]);
  expect(() => decompressLz4(frame(0x60, sized(tooFar)), 100)).toThrow('damaged');
});

test('data that would grow beyond the limit is refused', () => {
  expect(() => decompressLz4(frame(0x60, sized(block)), 10)).toThrow('larger than 10 bytes');
});
