/** Tests of frame-reader.ts. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as ws from 'ws';
import { frameOf, maskedFrameOf, opcodes } from '../../protocol/websocket-frame.ts';
import { type FrameHandler, FrameReader, wholeTextAt } from './frame-reader.ts';

/** ws exports its frame writer, though its types do not say so. */
const { Sender } = ws as unknown as {
  readonly Sender: {
    frame(data: Buffer, options: { opcode: number; fin: boolean; readOnly: boolean }): Buffer[];
  };
};

const maxMessageBytes = 1_000_000;

class Recorder implements FrameHandler {
  readonly found: string[] = [];

  onMessage(bytes: Buffer, start: number, end: number): void {
    this.found.push(`text ${bytes.toString('latin1', start, end)}`);
  }

  onPing(bytes: Buffer, start: number, end: number): void {
    this.found.push(`ping ${bytes.toString('latin1', start, end)}`);
  }

  onClose(code: number): void {
    this.found.push(`close ${code}`);
  }
}

/** Reads `stream` in pieces that all pass through one buffer, as they do from a socket. */
function readInPieces(stream: Buffer, cuts: readonly number[]) {
  const recorder = new Recorder();
  const reader = new FrameReader(recorder, maxMessageBytes);
  const shared = Buffer.alloc(stream.length + 1);
  let complaint: string | undefined;
  let from = 0;
  for (const cut of [...cuts, stream.length]) {
    shared.fill(0xff);
    stream.copy(shared, 0, from, cut);
    complaint ??= reader.push(shared, 0, cut - from);
    from = cut;
  }
  return { found: recorder.found, complaint };
}

function textOf(length: number, letter = 'x'): Buffer {
  return Buffer.alloc(length, letter);
}

test('a stream with frames of every length class reads the same however it is cut', () => {
  const stream = Buffer.concat([
    frameOf(textOf(0)),
    frameOf(textOf(125, 'a')),
    frameOf(Buffer.from('p'), opcodes.ping),
    frameOf(textOf(126, 'b')),
    frameOf(textOf(300, 'c')),
    frameOf(textOf(65_536, 'd')),
    frameOf(Buffer.from([0x03, 0xe9]), opcodes.close),
  ]);
  const whole = readInPieces(stream, []);
  expect(whole.found.map((entry) => entry.slice(0, 6))).toEqual([
    'text ',
    'text a',
    'ping p',
    'text b',
    'text c',
    'text d',
    'close ',
  ]);
  const ends = [...Array(1_000).keys(), ...[...Array(20).keys()].map((i) => stream.length - i)];
  for (const cut of ends) expect(readInPieces(stream, [cut])).toEqual(whole);
});

test('a stream that arrives byte by byte reads the same', () => {
  const stream = Buffer.concat([frameOf(textOf(126)), frameOf(textOf(7)), frameOf(textOf(70_000))]);
  const cuts = [...Array(stream.length - 1).keys()].map((i) => i + 1);
  expect(readInPieces(stream, cuts)).toEqual(readInPieces(stream, []));
});

test('whatever ws writes, fragments and control frames between them, reads as it was sent', () => {
  const part = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 400 }) },
    { weight: 1, arbitrary: fc.integer({ min: 65_530, max: 66_000 }) },
  );
  const message = fc.record({ parts: fc.array(part, { minLength: 1, maxLength: 4 }), ping: part });
  fc.assert(
    fc.property(
      fc.array(message, { minLength: 1, maxLength: 6 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
      (messages, fractions) => {
        const frames: Buffer[] = [];
        const expected: string[] = [];
        const add = (opcode: number, payload: Buffer, fin = true) =>
          frames.push(...Sender.frame(payload, { opcode, fin, readOnly: false }));
        for (const [index, { parts, ping }] of messages.entries()) {
          for (const [i, size] of parts.entries()) {
            add(i === 0 ? 1 : 0, textOf(size, String(index)), i === parts.length - 1);
            if (i > 0 || ping % 2 === 0) continue;
            add(opcodes.ping, textOf(ping % 125, 'p'));
            expected.push(`ping ${'p'.repeat(ping % 125)}`);
          }
          const text = `text ${String(index).repeat(parts.reduce((a, b) => a + b, 0))}`;
          // A ping in the middle of a message comes first; behind a whole one, after it.
          if (parts.length === 1 && ping % 2 === 1) expected.splice(-1, 0, text);
          else expected.push(text);
        }
        const stream = Buffer.concat(frames);
        const cuts = fractions.map((f) => Math.floor(f * stream.length)).sort((a, b) => a - b);
        expect(readInPieces(stream, cuts)).toEqual({ found: expected, complaint: undefined });
      },
    ),
    { seed: 3, numRuns: 150 },
  );
});

test('a message that is whole in its chunk is handed over without a copy', () => {
  const chunk = Buffer.concat([frameOf(textOf(10)), frameOf(textOf(200))]);
  const seen: Buffer[] = [];
  const handler = new (class extends Recorder {
    override onMessage(bytes: Buffer): void {
      seen.push(bytes);
    }
  })();
  new FrameReader(handler, maxMessageBytes).push(chunk, 0, chunk.length);
  expect(seen).toHaveLength(2);
  expect(seen.every((bytes) => bytes === chunk)).toBe(true);
});

test('nothing behind a close frame is read', () => {
  const stream = Buffer.concat([frameOf(Buffer.alloc(0), opcodes.close), frameOf(textOf(3))]);
  expect(readInPieces(stream, [])).toEqual({ found: ['close 1005'], complaint: undefined });
});

const huge = Buffer.from([0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0]);

test.each([
  ['a masked frame', maskedFrameOf(textOf(2), 7, opcodes.text), 'masked frame from a server'],
  ['reserved bits', Buffer.from([0xc1, 0]), 'frame with reserved bits'],
  ['a binary frame', Buffer.from([0x82, 0]), 'frame with opcode 2, expected text'],
  ['an unknown control frame', Buffer.from([0x8b, 0]), 'frame with unknown opcode 11'],
  ['a fragmented ping', Buffer.from([0x09, 0]), 'control frame that is fragmented or too long'],
  ['a long ping', frameOf(textOf(126), 9), 'control frame that is fragmented or too long'],
  ['a continuation of nothing', Buffer.from([0x80, 0]), 'fragments of a message out of order'],
  [
    'a new message inside another',
    Buffer.from([0x01, 0, 0x81, 0]),
    'fragments of a message out of order',
  ],
  ['half a close code', Buffer.from([0x88, 1, 3]), 'close frame with half a code'],
  ['a frame above the limit', huge, 'frame of 4294967306 bytes, more than 1000000'],
])('%s is a protocol error wherever it is cut', (_, stream, complaint) => {
  const cuts = [...Array(Math.min(stream.length, 12)).keys()];
  for (const cut of cuts) expect(readInPieces(stream, [cut]).complaint).toBe(complaint);
});

test('fragments that add up to more than the limit are a protocol error', () => {
  const fragment = (first: number) =>
    Buffer.concat([Buffer.from([first, 126, 0xff, 0xff]), textOf(65_535)]);
  const stream = Buffer.concat([fragment(0x01), ...Array(16).fill(fragment(0x00))]);
  expect(readInPieces(stream, [100, 70_000]).complaint).toBe('message of more than 1000000 bytes');
});

test('a chunk that is one whole text message is told from anything else', () => {
  for (const length of [0, 1, 125, 126, 65_535]) {
    const frame = frameOf(textOf(length));
    const within = Buffer.concat([Buffer.from('##'), frame, Buffer.from('##')]);
    const end = within.length - 2;
    expect(wholeTextAt(within, 2, end)).toBe(end - length);
    expect(wholeTextAt(within, 2, end - 1)).toBe(0);
    expect(wholeTextAt(within, 2, end + 1)).toBe(0);
  }
  const others = [
    frameOf(textOf(65_536)),
    frameOf(textOf(10), opcodes.ping),
    maskedFrameOf(textOf(10), 0x01020304, opcodes.text),
    Buffer.concat([frameOf(textOf(3)), frameOf(textOf(3))]),
    Buffer.from([0x01, 0x01, 0x61]),
    Buffer.from([0xc1, 0x01, 0x61]),
    Buffer.from([0x81]),
  ];
  for (const other of others) expect(wholeTextAt(other, 0, other.length)).toBe(0);
});
