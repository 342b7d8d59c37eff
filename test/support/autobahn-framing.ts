/** Cases of the Autobahn fuzzing client, sections 1 to 5: how frames are made. */
import {
  binary,
  type Case,
  close,
  failed,
  fine,
  fragments,
  inAllWays,
  inPieces,
  message,
  more,
  octets,
  part,
  ping,
  pong,
  sized,
  text,
} from './autobahn-case.ts';
import { closePayload, rawFrame } from './raw-websocket.ts';

const lengths = [0, 125, 126, 127, 128, 65_535, 65_536];

/** Section 1: lengths. */
export const framing: readonly Case[] = [
  ...lengths.map((length) => {
    const { payload, answer } = sized(length);
    return fine(`1.1 text of ${length} bytes`, [text(payload)], [answer]);
  }),
  inPieces(
    997,
    fine('1.1.8 text of 65536 bytes', [text(sized(65_536).payload)], [sized(65_536).answer]),
  ),
  ...lengths.map((length) => {
    const bytes = Buffer.alloc(length, 0xfe);
    return fine(
      `1.2 binary of ${length} bytes`,
      [rawFrame(binary, bytes)],
      ['error:BINARY_NOT_SUPPORTED'],
    );
  }),
  inPieces(
    997,
    fine(
      '1.2.8 binary of 65536 bytes',
      [rawFrame(binary, Buffer.alloc(65_536, 0xfe))],
      ['error:BINARY_NOT_SUPPORTED'],
    ),
  ),
];

const tenPings = Array.from({ length: 10 }, (_, n) => `payload-${n}`);
const tenPongs = tenPings.map((payload) => `pong:${payload}`);

/** Section 2: pings and pongs. */
export const pings: readonly Case[] = [
  fine('2.1 ping without payload', [ping()], ['pong:']),
  fine('2.2 ping with text', [ping('Hello, world!')], ['pong:Hello, world!']),
  fine('2.3 ping with bytes', [ping(octets)], [`pong:${octets.toString('latin1')}`]),
  fine('2.4 ping of 125 bytes', [ping('x'.repeat(125))], [`pong:${'x'.repeat(125)}`]),
  failed('2.5 ping of 126 bytes', [ping('x'.repeat(126))], 1002),
  inPieces(1, fine('2.6 ping of 125 bytes', [ping('x'.repeat(125))], [`pong:${'x'.repeat(125)}`])),
  fine('2.7 pong nobody asked for, empty', [pong()], []),
  fine('2.8 pong nobody asked for', [pong('unsolicited')], []),
  fine('2.9 pong nobody asked for, then a ping', [pong('unsolicited'), ping('p')], ['pong:p']),
  fine(
    '2.10 ten pings',
    tenPings.map((payload) => ping(payload)),
    tenPongs,
  ),
  inPieces(
    1,
    fine(
      '2.11 ten pings',
      tenPings.map((payload) => ping(payload)),
      tenPongs,
    ),
  ),
];

/** Section 3: reserved bits. */
export const reservedBits: readonly Case[] = [
  failed('3.1 RSV 1', [text(message('a'), { rsv: 1 })], 1002),
  failed(
    '3.2 RSV 2 after a good message',
    [text(message('a')), text('b', { rsv: 2 }), ping()],
    1002,
    ['heartbeat:a'],
  ),
  inPieces(
    1,
    failed(
      '3.4 RSV 4 after a good message',
      [text(message('a')), text('b', { rsv: 4 }), ping()],
      1002,
      ['heartbeat:a'],
    ),
  ),
  failed(
    '3.3 RSV 3 after a good message',
    [text(message('a')), text('b', { rsv: 3 }), ping()],
    1002,
    ['heartbeat:a'],
  ),
  failed('3.5 RSV 5 of a binary frame', [rawFrame(binary, octets, { rsv: 5 })], 1002),
  failed('3.6 RSV 6 of a ping', [ping('x', { rsv: 6 })], 1002),
  failed('3.7 RSV 7 of a close', [close(closePayload(1000), { rsv: 7 })], 1002),
];

/** Section 4: reserved opcodes. */
export const reservedOpcodes: readonly Case[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap(
  (opcode) => [
    failed(`4 opcode ${opcode}`, [rawFrame(opcode)], 1002),
    ...inAllWays(
      failed(
        `4 opcode ${opcode} with payload after a good message`,
        [text(message('a')), rawFrame(opcode, 'x'), ping()],
        1002,
        ['heartbeat:a'],
      ),
    ),
  ],
);

const [head, tail] = [message('fragmented').slice(0, 9), message('fragmented').slice(9)];
const whole = 'heartbeat:fragmented';

/** Section 5: fragments. */
export const fragmentation: readonly Case[] = [
  failed('5.1 ping in two fragments', [ping('a', part), more('b')], 1002),
  failed('5.2 pong in two fragments', [pong('a', part), more('b')], 1002),
  ...inAllWays(fine('5.3–5.5 text in two fragments', [text(head, part), more(tail)], [whole])),
  ...inAllWays(
    fine(
      '5.6–5.8 ping between two fragments',
      [text(head, part), ping('p'), more(tail)],
      ['pong:p', whole],
    ),
  ),
  ...inAllWays(
    failed('5.9–5.11 last continuation of nothing', [more('x'), text(message('a'))], 1002),
  ),
  ...inAllWays(
    failed('5.12–5.14 continuation of nothing', [more('x', part), text(message('a'))], 1002),
  ),
  failed(
    '5.15 continuation after the last',
    [text(head, part), more(tail), more('x', part), text(message('a'))],
    1002,
    [whole],
  ),
  failed(
    '5.16 continuation of nothing, twice',
    [more('x', part), text('y', part), more('z')],
    1002,
  ),
  failed('5.17 last continuation of nothing, twice', [more('x'), text('y', part), more('z')], 1002),
  failed('5.18 text instead of a continuation', [text(head, part), text(tail)], 1002),
  ...inAllWays(
    fine(
      '5.19, 5.20 pings between many fragments',
      [
        text(head.slice(0, 3), part),
        more(head.slice(3), part),
        ping('1'),
        more(tail.slice(0, 3), part),
        more(tail.slice(3, 5), part),
        ping('2'),
        more(tail.slice(5)),
      ],
      ['pong:1', 'pong:2', whole],
    ),
  ),
  failed(
    '5 binary between two fragments',
    [text(head, part), rawFrame(binary, octets), more(tail)],
    1002,
  ),
  fine('5 close between two fragments', [text(head, part)], []),
  fine('5 64 fragments', [fragments(sized(64).payload, 1)], [sized(64).answer]),
  failed('5 65 fragments, more than odin takes', [fragments(sized(65).payload, 1)], 1008),
];
