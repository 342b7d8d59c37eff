/** A byte stream as lines, of bounded length, whatever the chunks. */
import type { Readable } from 'node:stream';

/** A line without its end, or undefined text when it was longer than allowed. */
export interface Line {
  /** Counted from 1, empty lines included. */
  readonly number: number;
  readonly text: string | undefined;
}

/**
 * The lines of UTF-8 `input` that are not blank. Ends are `\n` or `\r\n`, the last may be missing,
 * a byte order mark is skipped. At most one line and one chunk are held at a time.
 */
export async function* readLines(input: Readable, maxLineBytes: number): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let length = 0;
  let number = 0;
  const add = (part: Buffer) => {
    length += part.length;
    // The length goes on counting, so that the line is known to be too long; its bytes do not.
    if (length <= maxLineBytes) parts.push(part);
  };
  const end = (): Line | undefined => {
    number++;
    const text = length <= maxLineBytes ? cleaned(parts, number) : undefined;
    parts = [];
    length = 0;
    return text === '' ? undefined : { number, text };
  };
  for await (const given of input) {
    const chunk = typeof given === 'string' ? Buffer.from(given) : (given as Buffer);
    let start = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, at));
      start = at + 1;
      const line = end();
      if (line !== undefined) yield line;
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  const line = length > 0 ? end() : undefined;
  if (line !== undefined) yield line;
}

function cleaned(parts: readonly Buffer[], number: number): string {
  const text = (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString('utf8');
  return (number === 1 ? text.replace(/^\uFEFF/, '') : text).trim();
}
