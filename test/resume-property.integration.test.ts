/** Whatever clients and server do: each client sees the log of its channels once, or is told. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { subscriptionsMatching } from '../src/events/channel.ts';
import { TestClient } from './support/client.ts';
import { mode, record, startTestServer, type TestServer } from './support/start-server.ts';

const channels = ['A.trade', 'A.social', 'B.trade', 'B.social', 'C.trade'] as const;
const subscriptions = [...channels, 'A.*', '*.trade', '*'];
const typeOf = { trade: 'TRADE_EXECUTED', social: 'SOCIAL_LINKS_UPDATED' } as const;

const visitorIndex = fc.nat(2);
const name = fc.constantFrom(...subscriptions);
const action = <K extends string, T>(weight: number, kind: K, fields: fc.Arbitrary<T>) => ({
  weight,
  arbitrary: fields.map((rest) => ({ kind, ...rest })),
});
const channel = fc.constantFrom(...channels);
const step = fc.oneof(
  action(6, 'publish', fc.record({ channel, count: fc.integer({ min: 1, max: 40 }) })),
  action(3, 'subscribe', fc.record({ visitor: visitorIndex, name })),
  action(1, 'unsubscribe', fc.record({ visitor: visitorIndex, name })),
  action(2, 'leave', fc.record({ visitor: visitorIndex })),
  action(3, 'return', fc.record({ visitor: visitorIndex })),
  // A node of several processes takes its time to start.
  ...(mode === 'multi' ? [] : [action(1, 'restart', fc.record({}))]),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Seen {
  readonly channel: string;
  readonly n: number;
  readonly offset: number;
  readonly ts: number;
}

/** A person with a browser: connections come and go, what was seen stays. */
class Visitor {
  readonly #version: 'v1' | 'v2';
  readonly held = new Set<string>();
  /** By channel: numbers of the events that it must see. */
  readonly must = new Map<string, Set<number>>(channels.map((one) => [one, new Set()]));
  readonly #seen: Seen[] = [];
  #epoch: string | undefined;
  #client: TestClient | undefined;

  constructor(version: 'v1' | 'v2') {
    this.#version = version;
  }

  get isHere(): boolean {
    return this.#client !== undefined;
  }

  get seen(): readonly Seen[] {
    const received = (this.#client?.received ?? []) as unknown as (Seen & {
      data: { n: number };
    })[];
    const now = received.map(({ data, ...event }) => ({ ...event, n: data.n }));
    return [...this.#seen, ...now];
  }

  holds(one: string): boolean {
    return subscriptionsMatching(one).some((candidate) => this.held.has(candidate));
  }

  async connect(url: string): Promise<void> {
    this.#client = await TestClient.open(url, this.#version);
    this.#epoch = this.#client.messages[0]?.['epoch'] as string | undefined;
  }

  async subscribe(one: string): Promise<void> {
    await this.#client!.subscribe(one);
    this.held.add(one);
  }

  /** Gives up a subscription, once nothing is under way that would then be lost. */
  async unsubscribe(one: string): Promise<void> {
    await this.untilWhole();
    this.#client!.say({ type: 'unsubscribe', channels: [one] });
    await this.#client!.next('unsubscription_ack');
    this.#client!.messages.splice(
      this.#client!.messages.findIndex(({ type }) => type === 'unsubscription_ack'),
      1,
    );
    this.held.delete(one);
  }

  async leave(): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
    this.#seen.splice(0, Number.POSITIVE_INFINITY, ...this.seen);
    this.#client = undefined;
  }

  /** Comes back with what it has of everything it holds. What it is told is gone, it need not get. */
  async return(url: string): Promise<void> {
    await this.connect(url);
    const since: Record<string, unknown> = {};
    for (const one of this.held) since[one] = this.#positionOf(one);
    if (this.held.size === 0) return;
    this.#client!.say({ type: 'subscribe', data: { channels: [...this.held], since } });
    const { recovered = {} } = await this.#client!.next('subscription_ack');
    const isWhole = (one: string) =>
      (recovered as Record<string, { complete: boolean }>)[one]?.complete === true;
    for (const [one, numbers] of this.must) {
      const covering = subscriptionsMatching(one).filter((candidate) => this.held.has(candidate));
      if (covering.some(isWhole)) continue;
      const has = new Set(this.seen.filter((event) => event.channel === one).map(({ n }) => n));
      for (const n of numbers) if (!has.has(n)) numbers.delete(n);
    }
  }

  async untilWhole(): Promise<void> {
    const isWhole = () => {
      const { seen } = this;
      const counts = new Map(channels.map((one) => [one as string, new Set<number>()]));
      for (const { channel: one, n } of seen) counts.get(one)!.add(n);
      return [...this.must].every(([one, numbers]) => counts.get(one)!.isSupersetOf(numbers));
    };
    await this.#client!.until(isWhole);
  }

  #positionOf(one: string): unknown {
    const under = this.seen.filter((event) => subscriptionsMatching(event.channel).includes(one));
    const last = under.at(-1);
    if (last === undefined) return undefined;
    if (!one.includes('*')) {
      return this.#epoch === undefined ? last.offset : { epoch: this.#epoch, offset: last.offset };
    }
    const offsets = Object.fromEntries(under.map((event) => [event.channel, event.offset]));
    return { epoch: this.#epoch, ts: Math.max(...under.map(({ ts }) => ts)), offsets };
  }
}

class World {
  readonly visitors = [new Visitor('v2'), new Visitor('v2'), new Visitor('v1')];
  readonly #server: TestServer;
  readonly #published = new Map<string, number>(channels.map((one) => [one, 0]));

  constructor(server: TestServer) {
    this.#server = server;
  }

  async take(given: Step): Promise<void> {
    if (given.kind === 'publish') return await this.publish(given.channel, given.count);
    if (given.kind === 'restart') {
      const here = this.visitors.filter((visitor) => visitor.isHere);
      for (const visitor of here) await visitor.leave();
      return await this.#server.restart();
    }
    const visitor = this.visitors[given.visitor]!;
    if (given.kind === 'return') {
      if (!visitor.isHere) await visitor.return(this.#server.url);
    } else if (!visitor.isHere) return;
    else if (given.kind === 'leave') await visitor.leave();
    else if (given.kind === 'subscribe') await visitor.subscribe(given.name);
    else if (visitor.held.has(given.name)) await visitor.unsubscribe(given.name);
  }

  async publish(one: (typeof channels)[number], count: number): Promise<void> {
    const [token, category] = one.split('.') as [string, keyof typeof typeOf];
    const first = this.#published.get(one)!;
    this.#published.set(one, first + count);
    const numbers = Array.from({ length: count }, (_, i) => first + i);
    for (const visitor of this.visitors) {
      if (visitor.holds(one)) for (const n of numbers) visitor.must.get(one)!.add(n);
    }
    const filler = 'x'.repeat(1_000);
    const records = numbers.map((n) => record(token, typeOf[category], { n, filler }));
    await this.#server.publish(...records);
  }

  /** Everybody comes back, and then has everything that it must have, in order and once. */
  async finish(): Promise<void> {
    for (const visitor of this.visitors) {
      if (!visitor.isHere) await visitor.return(this.#server.url);
    }
    for (const one of channels) await this.publish(one, 1);
    for (const visitor of this.visitors) {
      await visitor.untilWhole();
      await visitor.leave();
      for (const one of channels) {
        const numbers = visitor.seen.filter((event) => event.channel === one).map(({ n }) => n);
        expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      }
    }
  }
}

test('every client sees the log of its channels exactly once and in order, through returns', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60 }),
      // A history of some sixty events, beyond which the broker is read again, and one for all.
      fc.constantFrom('64KiB', '16MiB'),
      async (steps, historyBytes) => {
        await using server = await startTestServer({ historyBytes });
        const world = new World(server);
        for (const visitor of world.visitors) await visitor.connect(server.url);
        for (const given of steps) await world.take(given);
        await world.finish();
      },
    ),
    // Each run starts a server, which takes longer when it is several processes.
    { seed: 7, numRuns: mode === 'multi' ? 8 : 100 },
  );
});
