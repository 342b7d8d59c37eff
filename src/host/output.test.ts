import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { write } from './output.ts';

/** Takes `room` writes at once, then none; `fail` ends it as EPIPE ends standard output. */
function outputWith(room: number) {
  const taken: string[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const output = new Writable({
    // Standard output is never destroyed.
    autoDestroy: false,
    highWaterMark: 1,
    decodeStrings: false,
    write(chunk, _encoding, done) {
      taken.push(String(chunk));
      if (taken.length <= room) done();
      else waiting.push(done);
    },
  });
  output.on('error', () => undefined);
  return {
    output,
    taken,
    drain: () => waiting.pop()?.(),
    fail: () => waiting.pop()?.(new Error()),
  };
}

test('a slow reader is waited for', async () => {
  const { output, taken, drain } = outputWith(0);
  let isWritten = false;
  const written = write(output, 'a').then(() => {
    isWritten = true;
  });
  await new Promise(setImmediate);
  expect(isWritten).toBe(false);
  drain();
  await written;
  expect(taken).toEqual(['a']);
});

test('a reader that goes away is not waited for, and gets and keeps nothing more', async () => {
  const { output, taken, fail } = outputWith(0);
  const written = write(output, 'a');
  fail();
  await written;
  expect(output).toMatchObject({ destroyed: false, writable: false });
  await write(output, 'b');
  expect(taken).toEqual(['a']);
  expect(output.writableLength).toBeLessThanOrEqual(1);
});
