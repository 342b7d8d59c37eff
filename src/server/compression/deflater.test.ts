/** Compression against zlib: what clients inflate is what was published, whenever they came. */
import { constants, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createWorld } from '../../../test/support/delivery-world.ts';
import type { FakeClient } from '../../../test/support/fake-client.ts';
import { frameOf, messagesIn } from '../../protocol/websocket-frame.ts';
import { Counters } from '../reporting/counters.ts';
import type { Deflating } from './deflate-offer.ts';
import { Deflater } from './deflater.ts';
import { contextBytes, FlushContext } from './flush-context.ts';

const event = (n: number, size = 200) =>
  `{"type":"TRADE_EXECUTED","channel":"BTC.trade","offset":${n},"data":{"x":"${'ab'.repeat(size / 2)}"}}`;
const shared = (...texts: string[]) =>
  Buffer.concat(texts.map((text) => frameOf(Buffer.from(text))));

function inflate(frame: Buffer, dictionary?: Buffer): string {
  const payload = Buffer.concat([messagesIn(frame)[0]!, Buffer.from([0, 0, 255, 255])]);
  const finishFlush = constants.Z_SYNC_FLUSH;
  return inflateRawSync(
    payload,
    dictionary ? { finishFlush, dictionary } : { finishFlush },
  ).toString();
}

test('a deflated frame has RSV1, no trailer, and inflates to the payload', () => {
  const raw = shared(event(1));
  const frame = new Deflater(64, new Counters()).alone(raw);
  expect(frame.length).toBeLessThan(raw.length);
  expect(frame[0]).toBe(0x80 | 0x40 | 0x1);
  expect(frame.subarray(-4)).not.toEqual(Buffer.from([0, 0, 255, 255]));
  expect(inflate(frame)).toBe(event(1));
});

test('what is too small or does not get smaller stays as it is', () => {
  const counters = new Counters();
  const deflater = new Deflater(64, counters);
  const small = shared('{"n":1}');
  expect(deflater.alone(small)).toBe(small);
  const noise = shared(String.fromCharCode(...Array.from({ length: 90 }, (_, i) => 33 + i)));
  expect(deflater.alone(noise)).toEqual(noise);
  const context = new FlushContext();
  const { inContext, alone } = deflater.inContext(noise, context);
  expect(inContext).toEqual(noise);
  expect(alone()).toEqual(noise);
  expect(context.position).toBe(0);
  expect(counters).toMatchObject({ flushesDeflated: 0, flushesNotDeflated: 3 });
});

test('a flush refers to the ones before it, and can be had without them', () => {
  const deflater = new Deflater(64, new Counters());
  const context = new FlushContext();
  const first = deflater.inContext(shared(event(1)), context);
  expect(first.inContext).toEqual(first.alone());
  const second = deflater.inContext(shared(event(2)), context);
  expect(second.inContext.length).toBeLessThan(second.alone().length / 2);
  expect(inflate(second.inContext, Buffer.from(event(1)))).toBe(event(2));
  expect(inflate(second.alone())).toBe(event(2));
});

test('a context keeps the newest bytes, at most so many, and forgets on reset', () => {
  const context = new FlushContext();
  let all = Buffer.alloc(0);
  for (let n = 0; n < 100; n++) {
    const payload = Buffer.from(event(n, (n * 97) % 900));
    context.append(payload);
    all = Buffer.concat([all, payload]);
    expect(context.window.equals(all.subarray(-contextBytes))).toBe(true);
  }
  expect(context.position).toBe(all.length);
  context.append(Buffer.alloc(contextBytes * 3, 'y'));
  expect(context.window.equals(Buffer.alloc(contextBytes, 'y'))).toBe(true);
  context.reset();
  expect(context.start).toBe(context.position);
  expect(context.window).toHaveLength(0);
});

const clients = 22;
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('publish'), client: fc.nat(3) }) },
  ...['stall', 'drain', 'replace', 'narrow', 'widen'].map((kind) => ({
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant(kind), client: fc.nat(clients - 1) }),
  })),
);

test('clients that come, go and lag inflate exactly what they hold', () => {
  let inContext = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 100 }), (steps) => {
      using world = createWorld({ strategy: 'none' });
      const { delivery } = world;
      const everything = new Set(['*']);
      let published = 0;
      const connect = (i: number) => {
        const deflating: Deflating = i % 7 === 0 ? 'alone' : 'context';
        const client = world.connect(deflating);
        delivery.resubscribe(client.connection, everything);
        return { client, from: published };
      };
      const members = Array.from({ length: clients }, (_, i) => connect(i));
      for (const { kind, client: i } of steps) {
        const member = members[i]!;
        if (kind === 'publish') {
          for (let k = 0; k <= i; k++) world.publish(k % 2 === 0 ? 'A.trade' : 'A.social');
          published += i + 1;
          delivery.flush();
        } else if (kind === 'stall') member.client.socket.stalled = true;
        else if (kind === 'drain') member.client.drain(delivery);
        else if (kind === 'replace') {
          delivery.remove(member.client.connection);
          members[i] = connect(i);
        } else {
          const subscriptions = kind === 'narrow' ? new Set(['A.*']) : everything;
          delivery.resubscribe(member.client.connection, subscriptions);
        }
      }
      for (const { client } of members) client.drain(delivery);
      delivery.flush();
      for (const { client, from } of members) {
        const all = Array.from({ length: published - from }, (_, n) => from + n);
        expect(client.numbers()).toEqual(all);
        if (client.connection.deflating === 'context') inContext += client.socket.deflated;
      }
    }),
    { seed: 7, numRuns: 300 },
  );
  expect(inContext).toBeGreaterThan(10_000);
}, 60_000);

test('small cohorts share what was deflated once', () => {
  using world = createWorld();
  const all: FakeClient[] = [];
  for (const subscription of ['A.trade', 'A.*', '*.trade', '*']) {
    const client = world.connect('context');
    world.delivery.resubscribe(client.connection, new Set([subscription]));
    all.push(client);
  }
  for (let i = 0; i < 8; i++) world.publish('A.trade');
  world.delivery.flush();
  expect(world.counters.flushesDeflated).toBe(1);
  expect(all.map(({ socket }) => socket.deflated)).toEqual([1, 1, 1, 1]);
  expect(world.counters.bytesSaved).toBeGreaterThan(0);
});
