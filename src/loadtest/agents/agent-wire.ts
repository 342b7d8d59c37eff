/** Messages as lines of JSON, and lines out of a stream: what agents and coordinator speak. */
import type { Readable } from 'node:stream';
import { UsageError } from '../../base/errors.ts';

/** Longest line that is taken: a run of 65 536 channels names the newest event of each. */
const maxLineBytes = 16 * 1024 * 1024;

const newline = 0x0a;

/** A message as one line. Numbers that JSON has no form for are kept. */
export function encodeMessage(message: object): string {
  const keep = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? { $number: String(value) } : value;
  return `${JSON.stringify(message, keep)}\n`;
}

/** The message of a line; undefined when it is none. */
export function decodeMessage<Message extends { readonly kind: string }>(
  line: string,
): Message | undefined {
  const restore = (_: string, value: unknown) => {
    const text = (value as { $number?: unknown } | null)?.$number;
    return typeof text === 'string' ? Number(text) : value;
  };
  try {
    const message = JSON.parse(line, restore) as Message | null;
    return typeof message?.kind === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

/** The lines of a stream. Throws at one of more than `maxBytes`, before it is read to its end. */
export async function* linesOf(
  input: Readable,
  maxBytes = maxLineBytes,
): AsyncGenerator<string, void, undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const chunk of input as AsyncIterable<Buffer>) {
    let rest = chunk;
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      checkLength(length + end, maxBytes);
      yield Buffer.concat([...parts, rest.subarray(0, end)]).toString();
      rest = rest.subarray(end + 1);
      parts = [];
      length = 0;
    }
    if (rest.length > 0) parts.push(rest);
    length += rest.length;
    checkLength(length, maxBytes);
  }
}

function checkLength(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) throw new UsageError(`a line of more than ${maxBytes} bytes`);
}
