import { expect, test } from 'vitest';
import { decompressSnappy } from './snappy.ts';

/** "abcabcabcab" as a literal of three bytes and a copy that overlaps itself. */
const block = Buffer.from([11, 0x08, 0x61, 0x62, 0x63, 0x11, 0x03]);

test('a block is read, with copies that overlap what they write', () => {
  expect(decompressSnappy(block, 100).toString()).toBe('abcabcabcab');
});

test('copies with distances of two and four bytes are read', () => {
  const literal = Buffer.from('abcdefgh');
  const two = Buffer.from([16, 0x1c, ...literal, (7 << 2) | 2, 8, 0]);
  const four = Buffer.from([16, 0x1c, ...literal, (7 << 2) | 3, 8, 0, 0, 0]);
  expect(decompressSnappy(two, 100).toString()).toBe('abcdefghabcdefgh');
  expect(decompressSnappy(four, 100).toString()).toBe('abcdefghabcdefgh');
});

test('long literals carry their length behind the tag', () => {
  const text = 'x'.repeat(300);
  const input = Buffer.concat([Buffer.from([0xac, 0x02, 61 << 2, 0x2b, 0x01]), Buffer.from(text)]);
  expect(decompressSnappy(input, 1_000).toString()).toBe(text);
});

test('the chunks of the xerial framing are put together', () => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(block.length);
  const header = Buffer.from('\u0082SNAPPY\0\0\0\0\u0001\0\0\0\u0001', 'latin1');
  const input = Buffer.concat([header, size, block, size, block]);
  expect(decompressSnappy(input, 100).toString()).toBe('abcabcabcababcabcabcab');
});

test('damaged data is refused at every place where it can be cut', () => {
  for (let length = 0; length < block.length; length++) {
    expect(() => decompressSnappy(block.subarray(0, length), 100)).toThrow();
  }
  const tooFar = Buffer.from([11, 0x08, 0x61, 0x62, 0x63, 0x11, 0x04]);
  expect(() => decompressSnappy(tooFar, 100)).toThrow('damaged');
});

test('data that would grow beyond the limit is refused before memory is taken', () => {
  const bomb = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
  expect(() => decompressSnappy(bomb, 1_000)).toThrow('larger than 1000 bytes');
});
