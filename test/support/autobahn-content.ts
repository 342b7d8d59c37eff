/** Cases of the Autobahn fuzzing client, sections 6 to 10: what frames hold. */

import { opcodes } from '../../src/protocol/websocket-frame.ts';
import {
  binary,
  type Case,
  close,
  failed,
  fine,
  fragments,
  inPieces,
  message,
  more,
  neededPayloadBytes,
  part,
  ping,
  sized,
  text,
} from './autobahn-case.ts';
import { utf8Sequences } from './autobahn-utf8.ts';
import { closePayload, rawFrame } from './raw-websocket.ts';

const kib = 1_024;
/** Fragments of one message that odin takes. */
const maxFragments = 64;

const kosme = Buffer.from('cebae1bdb9cf83cebcceb5', 'hex');
const broken = Buffer.from('cebae1bdb9cf83cebcceb5eda080656469746564', 'hex');
const greeting = 'Hello-µ@ßöäüàá-UTF-8!!';
/** No JSON, but text. */
const isText = ['error:BAD_JSON'];

/** Section 6: UTF-8. */
export const utf8: readonly Case[] = [
  fine('6.1.1 empty text', [text('')], isText),
  fine('6.1.2 three empty fragments', [text('', part), more('', part), more('')], isText),
  fine(
    '6.1.3 empty fragments around',
    [text('', part), more(message('m'), part), more('')],
    ['heartbeat:m'],
  ),
  fine('6.2.1 text beyond ASCII', [text(message(greeting))], [`heartbeat:${greeting}`]),
  fine(
    '6.2.2 text cut within a character',
    [fragments(message(greeting), 27 + 8)],
    [`heartbeat:${greeting}`],
  ),
  fine('6.2.3 one byte per fragment', [fragments(message(greeting), 1)], [`heartbeat:${greeting}`]),
  fine('6.2.4 one byte per fragment, no JSON', [fragments(kosme, 1)], isText),
  failed('6.3.1 invalid text', [text(broken)], 1007),
  failed('6.3.2 invalid text, one byte per fragment', [fragments(broken, 1)], 1007),
  failed(
    '6.4.1 invalid middle fragment',
    [text(kosme, part), more(Buffer.from('f4908080', 'hex'), part), more('edited')],
    1007,
  ),
  failed(
    '6.4.2 invalid across fragments',
    [
      text(Buffer.concat([kosme, Buffer.from([0xf4])]), part),
      more(Buffer.from([0x90]), part),
      more('edited'),
    ],
    1007,
  ),
  ...[1, 3].map((size) =>
    inPieces(size, failed('6.4.3, 6.4.4 invalid text', [text(broken)], 1007)),
  ),
  ...utf8Sequences.map(({ section, hex, isValid }) => {
    const [name, frames] = [`${section}: ${hex}`, [text(Buffer.from(hex, 'hex'))]];
    return isValid ? fine(name, frames, isText) : failed(name, frames, 1007);
  }),
];

const goodCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const badCodes = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

/** Section 7: closing. */
export const closing: readonly Case[] = [
  fine('7.1.1 a message, then close', [text(message('a'))], ['heartbeat:a']),
  failed('7.1.2 two closes', [close(), close()], 1000),
  failed('7.1.3 ping after close', [close(), ping('late')], 1000),
  failed('7.1.4 text after close', [close(), text(message('late'))], 1000),
  failed(
    '7.1.5 close between fragments',
    [text(message('m').slice(0, 9), part), close(), more(message('m').slice(9))],
    1000,
  ),
  fine('7.1.6 256 KiB, then close', [text(sized(256 * kib).payload)], [sized(256 * kib).answer]),
  { name: '7.3.1 close without a code', send: [close('')], expect: ['close:'] },
  failed('7.3.2 close with half a code', [close('x')], 1002),
  failed('7.3.3 close with a code', [close(closePayload(1000))], 1000),
  failed('7.3.4 close with a reason', [close(closePayload(1000, 'Hello World!'))], 1000),
  failed(
    '7.3.5 close with 123 bytes of reason',
    [close(closePayload(1000, '*'.repeat(123)))],
    1000,
  ),
  failed(
    '7.3.6 close with 124 bytes of reason',
    [close(closePayload(1000, '*'.repeat(124)))],
    1002,
  ),
  failed('7.5.1 reason that is no UTF-8', [close(closePayload(1000, broken))], 1007),
  ...goodCodes.map((code) => failed(`7.7 code ${code}`, [close(closePayload(code))], code)),
  ...badCodes.map((code) => failed(`7.9 code ${code}`, [close(closePayload(code))], 1002)),
];

const mib = 1_024 * kib;
const noText = 'error:BINARY_NOT_SUPPORTED';
const largest = sized(neededPayloadBytes);
const largestBinary = Buffer.alloc(neededPayloadBytes, 0xfe);

/** The beginning of a frame that claims to be longer than odin takes. */
function tooLarge(opcode: number, length: number): Buffer {
  const frame = Buffer.alloc(1_000);
  frame[0] = 0x80 | opcode;
  frame[1] = 0xff;
  frame.writeBigUInt64BE(BigInt(length), 2);
  return frame;
}

/** A message in fragments of a size: more of them than odin takes end the connection. */
function inFragments(size: number): readonly Case[] {
  const isTooMany = neededPayloadBytes / size > maxFragments;
  const name = `of ${neededPayloadBytes / mib} MiB in fragments of ${size} bytes`;
  // The first ones are enough to see that they are too many.
  const [frames, binaries] = [
    fragments(largest.payload, size),
    fragments(largestBinary, size, binary),
  ];
  const few = (bytes: Buffer) => [bytes.subarray(0, (maxFragments + 2) * (size + 16))];
  return isTooMany
    ? [
        failed(`9.3 text ${name}`, few(frames), 1008),
        failed(`9.4 binary ${name}`, few(binaries), 1008),
      ]
    : [
        fine(`9.3 text ${name}`, [frames], [largest.answer]),
        fine(`9.4 binary ${name}`, [binaries], [noText]),
      ];
}

/** Many messages of a size: all that odin may owe a client that does not read, at most. */
function many(size: number): readonly Case[] {
  const count = size > kib ? 250 : 1_000;
  const { payload, answer } = sized(size);
  return [
    fine(
      `9.7 ${count} texts of ${size} bytes`,
      repeat(text(payload), count),
      repeat(answer, count),
    ),
    fine(
      `9.8 ${count} binaries of ${size} bytes`,
      repeat(rawFrame(binary, Buffer.alloc(size, 0xfe)), count),
      repeat(noText, count),
    ),
  ];
}

function repeat<T>(item: T, count: number): T[] {
  return Array.from({ length: count }, () => item);
}

/** Sections 9 and 10: limits, and large messages in pieces. */
export const limits: readonly Case[] = [
  ...[64 * kib, 256 * kib, mib, 4 * mib].flatMap((size) => [
    fine(`9.1 text of ${size} bytes`, [text(sized(size).payload)], [sized(size).answer]),
    fine(`9.2 binary of ${size} bytes`, [rawFrame(binary, Buffer.alloc(size, 0xfe))], [noText]),
  ]),
  ...[8 * mib, 16 * mib].flatMap((size) => [
    failed(`9.1 text of ${size} bytes, more than odin takes`, [tooLarge(opcodes.text, size)], 1009),
    failed(`9.2 binary of ${size} bytes, more than odin takes`, [tooLarge(binary, size)], 1009),
  ]),
  ...[64, 256, kib, 4 * kib, 16 * kib, 64 * kib, 256 * kib, mib, 4 * mib].flatMap(inFragments),
  // As many pieces as odin takes of one frame, half of them.
  ...[64, 128, 256, 512, 1_024, 2_048].flatMap((size) => {
    const { payload, answer } = sized(512 * size);
    return [
      inPieces(size, fine(`9.5 text of ${512 * size} bytes`, [text(payload)], [answer])),
      inPieces(
        size,
        fine(
          `9.6 binary of ${512 * size} bytes`,
          [rawFrame(binary, Buffer.alloc(512 * size, 0xfe))],
          [noText],
        ),
      ),
    ];
  }),
  ...[0, 16, 64, 256, kib, 4 * kib].flatMap(many),
  failed('9 one byte more than odin takes', [text('x'.repeat(neededPayloadBytes + 1))], 1009),
  failed(
    '9 one byte more in two fragments',
    [text('x'.repeat(neededPayloadBytes), part), more('x')],
    1009,
  ),
  failed(
    '9 a length beyond 2^53',
    [Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
    1009,
  ),
  failed(
    '9 a length with its first bit set',
    [Buffer.from([0x81, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])],
    1009,
  ),
  fine(
    '10.1.1 65536 bytes in fragments of 1300',
    [fragments(sized(65_536).payload, 1_300)],
    [sized(65_536).answer],
  ),
];

/** What has no section of its own: frames that a client must not send. */
export const masking: readonly Case[] = [
  failed('unmasked text', [text(message('a'), { isMasked: false })], 1002),
  failed('unmasked ping', [ping('x', { isMasked: false })], 1002),
  failed('unmasked close', [close(closePayload(1000), { isMasked: false })], 1002),
];
