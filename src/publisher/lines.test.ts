/** Lines out of any chunking, with ends of both kinds and a bound on their length. */
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { type Line, readLines } from './lines.ts';

async function linesOf(chunks: readonly (string | Buffer)[], maxLineBytes = 100): Promise<Line[]> {
  const lines: Line[] = [];
  for await (const line of readLines(Readable.from(chunks), maxLineBytes)) lines.push(line);
  return lines;
}

test('both line ends, blank lines, a byte order mark and a missing last end are understood', async () => {
  expect(await linesOf(['\uFEFFone\r\n\n  \r\ntwo\nthree'])).toEqual([
    { number: 1, text: 'one' },
    { number: 4, text: 'two' },
    { number: 5, text: 'three' },
  ]);
});

test('every way of cutting the bytes gives the same lines', async () => {
  const bytes = Buffer.from('héllo\r\nwörld €\n\nend');
  const expected = await linesOf([bytes]);
  expect(expected.map(({ text }) => text)).toEqual(['héllo', 'wörld €', 'end']);
  for (let first = 1; first < bytes.length - 1; first++) {
    for (let second = first + 1; second < bytes.length; second++) {
      const chunks = [
        bytes.subarray(0, first),
        bytes.subarray(first, second),
        bytes.subarray(second),
      ];
      expect(await linesOf(chunks)).toEqual(expected);
    }
  }
});

test('a line that is too long comes without text, and the next one is whole', async () => {
  const long = 'x'.repeat(101);
  expect(
    await linesOf([long.slice(0, 50), long.slice(50), '\nok\n', `${'y'.repeat(100)}\n`]),
  ).toEqual([
    { number: 1, text: undefined },
    { number: 2, text: 'ok' },
    { number: 3, text: 'y'.repeat(100) },
  ]);
});

test('nothing at all has no lines', async () => {
  expect(await linesOf([])).toEqual([]);
  expect(await linesOf(['\n\r\n'])).toEqual([]);
});
