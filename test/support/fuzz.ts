/** Hostile input from a seed: values, messages, frames, handshakes and bodies, random and mutated. */
import { type Random, randomIndex } from '../../src/base/random.ts';
import { rawFrame, upgradeText } from './raw-websocket.ts';

const junk: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  -0.5,
  2 ** 53,
  '',
  ' ',
  '*',
  '.',
  '*.*',
  '..',
  'BTC.',
  '.trade',
  'BTC.trade',
  '*.trade',
  'BTC.*',
  'odin.token.BTC.trade',
  'global.trending',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\ud800',
  '💥',
  'x'.repeat(5_000),
  '\n{"type":"pong"}',
  [],
  [[]],
  {},
  { __proto__: null },
  ['BTC.trade'],
  { 'BTC.trade': 1 },
  { '*': { ts: 0 } },
  { 'BTC.trade': { epoch: 'x', offset: 5 } },
  { '*.trade': { epoch: '', ts: 1, offsets: {} } },
];

const messages: readonly object[] = [
  { type: 'subscribe', data: { channels: ['BTC.trade', 'ETH.*'] }, id: 1 },
  {
    type: 'subscribe',
    channels: ['*'],
    since: { '*': { epoch: 'e', ts: 1, offsets: { 'BTC.trade': 4 } } },
  },
  { type: 'subscribe', data: { bundle: 'TRADING', tokens: ['BTC', '*'] }, snapshot: true },
  {
    type: 'subscribe',
    data: { channels: ['BTC.trade'], since: { 'BTC.trade': { epoch: 'e', offset: 9 } } },
  },
  { type: 'unsubscribe', data: { channels: ['BTC.trade', '*'] } },
  { type: 'replay', data: { from_seq: 1, to_seq: 50 } },
  { type: 'reconnect', data: { client_id: 'a', last_offset: { 'BTC.trade': 7 } } },
  { type: 'refresh_token', data: { token: 'a.b.c' } },
  { type: 'heartbeat', id: 'x' },
];

const events: readonly object[] = [
  {
    key: 'BTC',
    type: 'TRADE_EXECUTED',
    timestamp: 1_763_673_600_123,
    data: { price: 1.5, side: 'buy' },
  },
  { key: 'ETH', type: 'LIQUIDITY_ADDED', timestamp: 1, data: {} },
  { key: 'global.trending', type: 'TRADE_EXECUTED', timestamp: 2, data: { deep: [[[{}]]] } },
];

/** One of `list`. */
function pick<T>(random: Random, list: readonly T[]): T {
  return list[randomIndex(random, list.length)] as T;
}

/** Up to `limit` random bytes. */
function randomBytes(random: Random, limit: number): Buffer {
  const bytes = Buffer.alloc(randomIndex(random, limit + 1));
  for (let at = 0; at < bytes.length; at++) bytes[at] = randomIndex(random, 256);
  return bytes;
}

/** A copy in which about one value in four is junk, missing or renamed. */
function mutateValue(random: Random, value: unknown): unknown {
  if (random.next() < 0.15) return pick(random, junk);
  if (Array.isArray(value)) return value.map((item) => mutateValue(random, item));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).flatMap(([name, item]): [string, unknown][] => {
    const dice = random.next();
    if (dice < 0.04) return [];
    return [
      [dice < 0.08 ? String(JSON.stringify(pick(random, junk))) : name, mutateValue(random, item)],
    ];
  });
  return Object.fromEntries(entries);
}

/** A copy with a few bytes changed, removed, doubled or inserted. */
function mutateBytes(random: Random, bytes: Buffer): Buffer {
  let result = Buffer.from(bytes);
  for (let times = 1 + randomIndex(random, 4); times > 0; times--) {
    const at = randomIndex(random, result.length + 1);
    const rest = result.subarray(at);
    switch (randomIndex(random, 4)) {
      case 0:
        if (at < result.length) result[at] = (result[at] as number) ^ (1 << randomIndex(random, 8));
        break;
      case 1:
        result = Buffer.concat([result.subarray(0, at), rest.subarray(randomIndex(random, 8))]);
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), rest.subarray(0, 20), rest]);
        break;
      default:
        result = Buffer.concat([result.subarray(0, at), randomBytes(random, 8), rest]);
    }
  }
  return result;
}

/** The text of a message that may be anything, within 16 KiB. */
function hostileText(random: Random): Buffer {
  const dice = random.next();
  if (dice < 0.1) return Buffer.from(randomBytes(random, 300).toString('latin1'));
  if (dice < 0.2) return Buffer.from(JSON.stringify(pick(random, junk)));
  const text = JSON.stringify(mutateValue(random, pick(random, messages))) ?? '';
  const bytes = Buffer.from(text);
  // Changed bytes may be no UTF-8, for which a connection is closed; that is for frames to try.
  const isChanged = dice > 0.8;
  const changed = isChanged ? mutateBytes(random, bytes).toString('latin1') : bytes;
  return Buffer.from(changed as string).subarray(0, 16_000);
}

/** A message in one frame that keeps the connection open. */
export function hostileMessage(random: Random): Buffer {
  return rawFrame(random.next() < 0.03 ? 0x2 : 0x1, wellFormed(hostileText(random)));
}

/** Frames that are most likely broken, for a connection of their own. */
export function hostileFrames(random: Random): Buffer {
  if (random.next() < 0.2) return randomBytes(random, 200);
  const frames = Array.from({ length: 1 + randomIndex(random, 3) }, () =>
    rawFrame(randomIndex(random, 16), randomBytes(random, 140), {
      fin: random.next() < 0.7,
      rsv: random.next() < 0.8 ? 0 : randomIndex(random, 8),
      isMasked: random.next() < 0.95,
    }),
  );
  if (random.next() < 0.5) frames.push(rawFrame(0x1, hostileText(random)));
  const bytes = Buffer.concat(frames);
  return random.next() < 0.3 ? mutateBytes(random, bytes) : bytes;
}

const headers = [
  'Sec-WebSocket-Protocol: odin.v2',
  'Sec-WebSocket-Protocol: ,,;"',
  'Origin: null',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99',
  'Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover, x; y="',
  'Sec-WebSocket-Version: 8',
  'Sec-WebSocket-Key: short',
  'Authorization: Bearer a.b.c',
  'X-Forwarded-For: 1.2.3.4, ::1, x',
  'Transfer-Encoding: chunked',
  'Content-Length: 99',
  `X-Long: ${'x'.repeat(20_000)}`,
  'Host: a\r\nHost: b',
  'Connection: close',
  'Upgrade: h2c',
] as const;

const paths = [
  '/ws',
  '/ws?token=a.b.c',
  '/ws?auth=%00%ff',
  '/ws/',
  '/',
  '//ws',
  '/ws?',
  '*',
  '/%',
  '/health',
  'http://[',
  '/ws?token=a&token=b',
  `/ws?${'a'.repeat(9_000)}`,
] as const;

/** A request to upgrade that is wrong somewhere, or everywhere. */
export function hostileHandshake(random: Random): Buffer {
  if (random.next() < 0.1) return randomBytes(random, 500);
  const more = Array.from({ length: randomIndex(random, 3) }, () => pick(random, headers));
  const bytes = Buffer.from(upgradeText(pick(random, paths), ...more), 'latin1');
  return random.next() < 0.6 ? mutateBytes(random, bytes) : bytes;
}

/** A body for `/api/publish`, with the header that says how long it is. */
export function hostileBody(random: Random): Buffer {
  const lines = Array.from({ length: 1 + randomIndex(random, 3) }, () => {
    const line = Buffer.from(JSON.stringify(mutateValue(random, pick(random, events))) ?? '');
    return random.next() < 0.2 ? mutateBytes(random, line) : line;
  });
  const isArray = random.next() < 0.3;
  const text = lines.map((line) => line.toString('latin1')).join(isArray ? ',' : '\n');
  const body = Buffer.from(isArray ? `[${text}]` : text, 'latin1');
  const type = pick(random, ['application/x-ndjson', 'application/json', 'text/plain', '']);
  const batch =
    random.next() < 0.2 ? `X-Odin-Producer: p\r\nX-Odin-Batch: ${random.next()}\r\n` : '';
  const head =
    `POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${batch}` +
    `Content-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function wellFormed(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('utf8'));
}
