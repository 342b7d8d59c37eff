/** Delivery against a model: whatever happens, each client sees the log filtered by what it holds. */
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createReader } from '../../test/support/frames.ts';
import { subscriptionsMatching } from '../events/channel.ts';
import { Channel } from './channels.ts';
import { Connection } from './connection.ts';
import { Counters } from './counters.ts';
import { Delivery } from './delivery.ts';
import { History } from './history.ts';

const names = ['A.trade', 'B.trade', 'A.social'];
const wanted = [...names, 'A.*', '*.trade', '*'];
const maxBufferedBytes = 4_000;

/** A socket of which the test decides when it takes bytes. */
class FakeSocket {
  stalled = false;
  writableLength = 0;
  readonly #waiting: Buffer[] = [];
  readonly received: string[] = [];
  most = 0;

  readonly #read = createReader((text) => this.received.push(...text.split('\n')));

  write(bytes: Buffer): boolean {
    if (!this.stalled && this.#waiting.length === 0) this.#read(bytes);
    else {
      this.#waiting.push(bytes);
      this.writableLength += bytes.length;
      this.most = Math.max(this.most, this.writableLength);
    }
    return this.writableLength === 0;
  }

  drain(): void {
    this.stalled = false;
    for (const bytes of this.#waiting.splice(0)) this.#read(bytes);
    this.writableLength = 0;
  }
}

interface Published {
  readonly n: number;
  readonly channel: string;
}

/** One client and what the model says it must and may have seen. */
class Client {
  readonly socket = new FakeSocket();
  readonly connection: Connection;
  subscriptions: ReadonlySet<string> = new Set();
  must: Published[] = [];
  readonly may: number[] = [];

  constructor(id: number, version: 'v1' | 'v2', delivery: Delivery) {
    const webSocket = { OPEN: WebSocket.OPEN, readyState: WebSocket.OPEN } as WebSocket;
    const cohort = delivery.unsubscribed(version);
    const socket = this.socket as unknown as Socket;
    this.connection = new Connection(id, version, webSocket, socket, cohort, 0);
    delivery.add(this.connection);
  }

  holds(channel: string): boolean {
    return subscriptionsMatching(channel).some((name) => this.subscriptions.has(name));
  }

  published(event: Published): void {
    if (!this.holds(event.channel)) return;
    this.must.push(event);
    this.may.push(event.n);
  }

  /** What it no longer holds, and did not get yet, it may or may not still get. */
  resubscribed(subscriptions: ReadonlySet<string>): void {
    this.subscriptions = subscriptions;
    this.must = this.must.filter(
      ({ channel, n }) => this.holds(channel) || this.numbers().includes(n),
    );
  }

  numbers(): number[] {
    return this.socket.received.map((text) => JSON.parse(text).n as number);
  }
}

const clientIndex = fc.nat(4);
const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      channel: fc.constantFrom(...names),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('subscribe' as const),
      client: clientIndex,
      channels: fc.uniqueArray(fc.constantFrom(...wanted), { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('stall' as const), client: clientIndex }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drain' as const), client: clientIndex }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('replace' as const), client: clientIndex }),
  },
);

function createWorld() {
  const history = new History({ maxAgeMs: 1e9, maxBytes: 1e9 });
  const counters = new Counters();
  const delivery = new Delivery(history, { flushIntervalMs: 0, maxBufferedBytes }, counters);
  const channels = new Map(names.map((name) => [name, new Channel(name, 'p')]));
  let n = 0;
  let id = 0;
  const connect = () => new Client(id, id++ % 3 === 0 ? 'v1' : 'v2', delivery);
  const clients = Array.from({ length: 5 }, connect);
  const publish = (name: string, count: number) => {
    for (let i = 0; i < count; i++) {
      const event = { n: n++, channel: name };
      const text = JSON.stringify({ n: event.n, filler: 'x'.repeat((event.n * 37) % 900) });
      delivery.offer(history.append(channels.get(name)!, event.n, 0, text, 0));
      for (const client of clients) client.published(event);
    }
  };
  return { delivery, counters, clients, connect, publish };
}

test('every client sees exactly the log filtered by its subscriptions, in order', () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 10, maxLength: 120 }), (commands) => {
      const { delivery, clients, connect, publish } = createWorld();
      for (const step of commands) {
        if (step.kind === 'publish') publish(step.channel, step.count);
        else if (step.kind === 'flush') delivery.flush();
        else {
          const client = clients[step.client]!;
          if (step.kind === 'stall') client.socket.stalled = true;
          else if (step.kind === 'drain') {
            client.socket.drain();
            if (client.connection.isBehind) delivery.catchUp(client.connection);
          } else if (step.kind === 'subscribe') {
            const subscriptions = new Set(step.channels);
            client.resubscribed(subscriptions);
            delivery.resubscribe(client.connection, subscriptions);
          } else {
            delivery.remove(client.connection);
            clients[step.client] = connect();
          }
        }
      }
      for (const { socket } of clients) expect(socket.most).toBeLessThan(maxBufferedBytes + 70_000);
      for (const { socket, connection } of clients) {
        socket.drain();
        if (connection.isBehind) delivery.catchUp(connection);
      }
      delivery.flush();
      for (const client of clients) {
        const numbers = client.numbers();
        expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
        expect(new Set(numbers).size).toBe(numbers.length);
        expect(numbers.filter((n) => !client.may.includes(n))).toEqual([]);
        expect(client.must.map(({ n }) => n).filter((n) => !numbers.includes(n))).toEqual([]);
        if (client.connection.version === 'v1') {
          const seqs = client.socket.received.map((text) => JSON.parse(text).seq);
          expect(seqs).toEqual(seqs.map((_, index) => index + 1));
        }
      }
      expect(delivery.behind).toBe(0);
    }),
    { seed: 20_251, numRuns: 1_500 },
  );
});

test('buffers are built once per cohort and flush, and shared by cohorts that got the same', () => {
  const { delivery, counters, connect, publish } = createWorld();
  for (let i = 0; i < 30; i++) {
    const client = connect();
    delivery.resubscribe(client.connection, new Set(i % 2 === 0 ? ['A.*'] : ['A.trade']));
  }
  publish('A.trade', 5);
  delivery.flush();
  expect(counters.messagesDelivered).toBeGreaterThanOrEqual(5 * 20);
  expect(counters.buffersBuilt).toBe(1);
});

test('cohorts that nobody is in any more are forgotten', () => {
  const { delivery, connect } = createWorld();
  const before = delivery.cohorts;
  const clients = Array.from({ length: 20 }, connect);
  for (const [i, { connection }] of clients.entries()) {
    delivery.resubscribe(connection, new Set([`T${i}.trade`]));
  }
  expect(delivery.cohorts).toBe(before + 20);
  for (const { connection } of clients) delivery.remove(connection);
  expect(delivery.cohorts).toBe(before);
});
