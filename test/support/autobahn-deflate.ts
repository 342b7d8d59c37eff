/** Cases of the Autobahn fuzzing client, sections 12 and 13: what clients send deflated (RFC 7692). */
import { constants, deflateRawSync } from 'node:zlib';
import { createRandom, randomIndex } from '../../src/base/random.ts';
import {
  type Case,
  failed,
  fine,
  fragments,
  message,
  more,
  neededPayloadBytes,
  part,
  ping,
  text,
} from './autobahn-case.ts';
import { rawFrame, shorten } from './raw-websocket.ts';

/** A case, with what is offered, and what of it the server must take; undefined: nothing. */
export interface DeflateCase extends Case {
  readonly offer: string;
  readonly taken: string | undefined;
}

const sizes = [16, 64, 256, 1_024, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072];
const perSize = 10;
/** Bit RSV1: this message is deflated. */
const deflated = { rsv: 4 };
const opcodeText = 0x1;

/** The window that odin asks clients for, where they let it. */
const windowBits = 10;

function deflate(bytes: string | Buffer): Buffer {
  const flushed = deflateRawSync(bytes, { windowBits, finishFlush: constants.Z_SYNC_FLUSH });
  // RFC 7692 §7.2.1: without the 00 00 ff ff at the end.
  return flushed.subarray(0, -4);
}

/** What Autobahn's client offers beside its wishes for our own window and context. */
const able = 'permessage-deflate; client_no_context_takeover; client_max_window_bits';
const taken = 'permessage-deflate; client_no_context_takeover; client_max_window_bits=10';

/** Numbered as in section 13: our context, our window. A smaller window of ours odin declines. */
const offers: readonly (readonly [section: string, offer: string, taken: string | undefined])[] = [
  ['13.1', able, taken],
  ['13.2', `${able}; server_no_context_takeover`, `${taken}; server_no_context_takeover`],
  ['13.3', `${able}; server_max_window_bits=9`, undefined],
  ['13.4', `${able}; server_max_window_bits=15`, `${taken}; server_max_window_bits=15`],
  ['13.5', `${able}; server_no_context_takeover; server_max_window_bits=9`, undefined],
  [
    '13.6',
    `${able}; server_no_context_takeover; server_max_window_bits=15`,
    `${taken}; server_no_context_takeover; server_max_window_bits=15`,
  ],
  [
    '13.7',
    `${able}; server_no_context_takeover; server_max_window_bits=9, ${able}; server_no_context_takeover, ${able}`,
    `${taken}; server_no_context_takeover`,
  ],
];

const random = createRandom(20_261_128);

/** An id with which a message has a size; it deflates well, or hardly. */
function idOf(size: number, isNoise: boolean): string {
  const length = Math.max(0, size - message('').length);
  if (!isNoise) return 'the quick brown fox '.repeat(length / 20 + 1).slice(0, length);
  return Array.from({ length }, () => randomIndex(random, 36).toString(36)).join('');
}

/** Messages of all sizes: whole, in fragments, and some that are not deflated. */
function exchange(isDeflating: boolean, isNoise: boolean) {
  const frames: Buffer[] = [];
  const answers: string[] = [];
  const pack = isDeflating ? deflate : (bytes: string) => Buffer.from(bytes);
  const bits = isDeflating ? deflated : { rsv: 0 };
  for (const size of sizes) {
    for (let n = 0; n < perSize; n++) {
      const id = idOf(size, isNoise);
      const payload = pack(message(id));
      if (n % 5 === 4) frames.push(text(message(id)));
      else if (n % 2 === 0) frames.push(text(payload, bits));
      else {
        const fragment = Math.ceil(payload.length / 32);
        frames.push(fragments(payload, fragment, opcodeText, bits.rsv));
      }
      answers.push(shorten(`heartbeat:${id}`));
    }
  }
  return { frames, answers };
}

const negotiated = offers.flatMap(([section, offer, answer]): DeflateCase[] =>
  [false, true].map((isNoise) => {
    const { frames, answers } = exchange(answer !== undefined, isNoise);
    const name = `${section} ${isNoise ? 'noise' : 'prose'} after the offer ${offer}`;
    return { ...fine(name, frames, answers), offer, taken: answer };
  }),
);

const hello = ['error:BAD_JSON'];
const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const half = deflate(message('in two')).subarray(0, 5);
const rest = deflate(message('in two')).subarray(5);

/** The examples of RFC 7692 §7.2.3, and what no client must send. */
const single: readonly Case[] = [
  fine('7.2.3.1 one block', [text(bytes('f2 48 cd c9 c9 07 00'), deflated)], hello),
  fine(
    '7.2.3.1 in two fragments',
    [text(bytes('f2 48 cd'), { ...deflated, ...part }), more(bytes('c9 c9 07 00'))],
    hello,
  ),
  failed(
    '7.2.3.2 a message that refers to the one before, which was ruled out',
    [text(bytes('f2 48 cd c9 c9 07 00'), deflated), text(bytes('f2 00 11 00 00'), deflated)],
    1007,
    hello,
  ),
  fine(
    '7.2.3.3 a block that is stored',
    [text(bytes('00 05 00 fa ff 48 65 6c 6c 6f 00'), deflated)],
    hello,
  ),
  fine('7.2.3.4 a final block', [text(bytes('f3 48 cd c9 c9 07 00 00'), deflated)], hello),
  fine(
    '7.2.3.5 two blocks',
    [text(bytes('f2 48 05 00 00 00 ff ff ca c9 c9 07 00'), deflated)],
    hello,
  ),
  fine('7.2.3.6 nothing, deflated', [text(bytes('00'), deflated)], hello),
  fine(
    'a ping between the fragments',
    [text(half, { ...deflated, ...part }), ping('p'), more(rest)],
    ['pong:p', 'heartbeat:in two'],
  ),
  failed('what is no deflate', [text(bytes('ff ff ff ff ff'), deflated)], 1007),
  failed('no UTF-8, deflated', [text(deflate(bytes('ceba ff')), deflated)], 1007),
  failed(
    'RSV 1 in a continuation',
    [text(half, { ...deflated, ...part }), more(rest, deflated)],
    1002,
  ),
  failed('RSV 1 in a ping', [ping('p', deflated)], 1002),
  failed(
    'more than odin takes, once inflated',
    [text(deflate(Buffer.alloc(neededPayloadBytes + 1, 'x')), deflated)],
    1009,
  ),
  fine(
    'a binary message',
    [rawFrame(0x2, deflate(Buffer.alloc(1_000)), deflated)],
    ['error:BINARY_NOT_SUPPORTED'],
  ),
];

/** Sections 12 and 13: a v2 client, which is welcomed first. */
export const deflateCases: readonly DeflateCase[] = [
  ...negotiated,
  ...single.map((given) => ({ ...given, offer: able, taken })),
].map((given) => ({ ...given, expect: ['welcome', ...given.expect] }));
