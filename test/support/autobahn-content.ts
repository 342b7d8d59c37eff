/** Cases of the Autobahn fuzzing client, sections 6 to 10: what frames hold. */
import {
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
import { closePayload } from './raw-websocket.ts';

const kosme = Buffer.from('cebae1bdb9cf83cebcceb5', 'hex');
const broken = Buffer.from('cebae1bdb9cf83cebcceb5eda080656469746564', 'hex');
const greeting = 'Hello-µ@ßöäüàá-UTF-8!!';
/** No JSON, but text. */
const isText = ['error:BAD_JSON'];

const validUtf8: readonly string[] = [
  'ceba',
  'cebae1bdb9',
  'cebae1bdb9cf83',
  'cebae1bdb9cf83cebc',
  'cebae1bdb9cf83cebcceb5',
  '00',
  'c280',
  'e0a080',
  'f0908080',
  '7f',
  'dfbf',
  'efbfbf',
  'f48fbfbf',
  'ed9fbf',
  'ee8080',
  'efbfbd',
  'efbfbe',
  'f09fbfbe',
  'f09fbfbf',
  'f0afbfbe',
  'f0bfbfbf',
  'f18fbfbe',
  'f19fbfbf',
  'f28fbfbe',
  'f3afbfbf',
  'f48fbfbe',
  'efb790',
  'efb7af',
];

const invalidUtf8: readonly string[] = [
  // Cut off, and what is no beginning.
  'ce',
  'cebae1',
  'cebae1bd',
  'cebae1bdb9cf',
  '80',
  'bf',
  '80bf',
  '80bf80',
  '80bf80bf80bf',
  'c0',
  'e0',
  'f0',
  'f8',
  'fc',
  'c020c120',
  'e020ef20',
  'f020f720',
  'df',
  'efbf',
  'f7bfbf',
  'c0e080f0808080',
  'dfefbff7bfbf',
  // Beyond the last code point.
  'f4908080',
  'f7bfbfbf',
  'f888808080',
  'fbbfbfbfbf',
  'fc8480808080',
  'fdbfbfbfbfbf',
  'fe',
  'ff',
  'fefeffff',
  // Longer than needed.
  'c0af',
  'e080af',
  'f08080af',
  'f8808080af',
  'fc80808080af',
  'c1bf',
  'e09fbf',
  'f08fbfbf',
  'f887bfbfbf',
  'fc83bfbfbfbf',
  'c080',
  'e08080',
  'f0808080',
  'f880808080',
  'fc8080808080',
  // Halves of UTF-16 pairs.
  'eda080',
  'edadbf',
  'edae80',
  'edafbf',
  'edb080',
  'edbe80',
  'edbfbf',
  'eda080edb080',
  'edafbfedbfbf',
];

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
  fine('6.2.4 one byte per fragment', [fragments(kosme, 1)], isText),
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
  ...[1, 3].map((size) => inPieces(size, failed('6.4.4 invalid text', [text(broken)], 1007))),
  ...validUtf8.map((hex) => fine(`6.5–6.23 valid ${hex}`, [text(Buffer.from(hex, 'hex'))], isText)),
  ...invalidUtf8.map((hex) =>
    failed(`6.6–6.21 invalid ${hex}`, [text(Buffer.from(hex, 'hex'))], 1007),
  ),
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
  fine(
    '7.1.6 large message, then close',
    [text(sized(neededPayloadBytes).payload)],
    [sized(neededPayloadBytes).answer],
  ),
  { name: '7.3.1 close without a code', send: close(''), expect: ['close:'] },
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

const large = sized(neededPayloadBytes);

/** Sections 9 and 10: limits, and large messages in pieces. */
export const limits: readonly Case[] = [
  ...[16_384, 65_536].map((size) =>
    fine(`9.3 fragments of ${size} bytes`, [fragments(large.payload, size)], [large.answer]),
  ),
  ...[1_024, 4_096].map((size) =>
    inPieces(size, fine('9.5 a large message', [text(large.payload)], [large.answer])),
  ),
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
