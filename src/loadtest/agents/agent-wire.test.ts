/** Tests of agent-wire.ts: whatever the cuts, whole lines, and none without end. */
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { Histogram } from '../../base/histogram.ts';
import { decodeMessage, encodeMessage, linesOf } from './agent-wire.ts';

async function collect(lines: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const line of lines) found.push(line);
  return found;
}

async function linesIn(chunks: readonly string[], maxBytes?: number): Promise<string[]> {
  const input = Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
  return await collect(linesOf(input, maxBytes));
}

test('a message arrives as it was, also an empty histogram and what JSON has no form for', () => {
  const latency = new Histogram().snapshot();
  const message = { kind: 'said', worker: 3, latency, dueAtMs: Number.NaN, text: 'naïve\n"{' };
  const line = encodeMessage(message);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  expect(decodeMessage(line)).toEqual(message);
});

test.each(['', 'Welcome', '{', 'null', '7', '[]', '{"worker":1}', '{"kind":1}'])(
  '%j is no message',
  (line) => {
    expect(decodeMessage(line)).toBeUndefined();
  },
);

test('lines are whole wherever the stream was cut; an unfinished one is none', async () => {
  expect(await linesIn(['a', 'b\nc\n', '\nd', '', 'e\nrest'])).toEqual(['ab', 'c', '', 'de']);
  const text = 'ä'.repeat(3);
  const bytes = Buffer.from(`${text}\n`);
  const cut = Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]);
  expect(await collect(linesOf(cut))).toEqual([text]);
});

test('a line that is too long is refused, whether it ends or not', async () => {
  expect(await linesIn(['1234\n', '12', '34\n'], 4)).toEqual(['1234', '1234']);
  await expect(linesIn(['123', '45\n'], 4)).rejects.toThrow('a line of more than 4 bytes');
  await expect(linesIn(['12345'], 4)).rejects.toThrow('a line of more than 4 bytes');
});
