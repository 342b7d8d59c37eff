/** Delivery against a model: whatever happens, each client sees the log filtered by what it holds. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type ChannelName,
  channelTypes,
  createWorld,
  maxBufferedBytes,
} from '../../../test/support/delivery-world.ts';
import type { FakeClient } from '../../../test/support/fake-client.ts';
import { subscriptionsMatching } from '../../events/channel.ts';
import type { Deflating } from '../compression/deflate-offer.ts';
import type { ThrottleSettings } from '../throttling/sparing.ts';
import type { Frame } from './channel.ts';

const names = Object.keys(channelTypes) as ChannelName[];
const wanted = [...names, 'A.*', '*.trade', '*'];

interface Published {
  readonly n: number;
  readonly channel: ChannelName;
}

/** What the model says a client must and may have seen. */
class Expected {
  readonly client: FakeClient;
  subscriptions: ReadonlySet<string> = new Set();
  must: Published[] = [];
  readonly may: Published[] = [];
  /** Missed events that it was given, each with the number from which everything comes later. */
  readonly resumed: { readonly n: number; readonly before: number }[] = [];

  constructor(client: FakeClient) {
    this.client = client;
  }

  holds(channel: ChannelName): boolean {
    return subscriptionsMatching(channel).some((name) => this.subscriptions.has(name));
  }

  published(event: Published): void {
    if (!this.holds(event.channel)) return;
    this.must.push(event);
    this.may.push(event);
  }

  /** What it no longer holds, and did not get yet, it may or may not still get. */
  resubscribed(subscriptions: ReadonlySet<string>): void {
    const got = new Set(this.client.numbers());
    this.subscriptions = subscriptions;
    this.must = this.must.filter(({ channel, n }) => this.holds(channel) || got.has(n));
  }
}

const clientIndex = fc.nat(4);
const channelsOf = fc.uniqueArray(fc.constantFrom(...wanted), { maxLength: 4 });
const weighted = <K extends string, T>(weight: number, kind: K, fields: fc.Arbitrary<T>) => ({
  weight,
  arbitrary: fields.map((rest) => ({ kind, ...rest })),
});
const command = fc.oneof(
  weighted(
    6,
    'publish',
    fc.record({
      channel: fc.constantFrom(...names),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  ),
  weighted(3, 'flush', fc.record({})),
  weighted(3, 'subscribe', fc.record({ client: clientIndex, channels: channelsOf })),
  weighted(3, 'stall', fc.record({ client: clientIndex })),
  weighted(3, 'drain', fc.record({ client: clientIndex })),
  weighted(1, 'replace', fc.record({ client: clientIndex })),
  weighted(
    2,
    'resume',
    fc.record({
      client: clientIndex,
      channels: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }),
      back: fc.nat(12),
      stalled: fc.boolean(),
    }),
  ),
  weighted(1, 'relax', fc.record({})),
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

/** Runs commands against a world and the model, and checks each client in the end. */
function run(
  commands: readonly Command[],
  settings: Partial<ThrottleSettings>,
  deflatings: readonly Deflating[],
): void {
  using world = createWorld(settings);
  const { delivery } = world;
  const log: { readonly event: Published; readonly frame: Frame }[] = [];
  const connect = (i: number) => new Expected(world.connect(deflatings[i % deflatings.length]));
  const clients = Array.from({ length: 5 }, (_, i) => connect(i));
  const all = [...clients];
  const replace = (i: number) => {
    delivery.remove(clients[i]!.client.connection);
    const fresh = connect(i);
    clients[i] = fresh;
    all.push(fresh);
    return fresh;
  };
  for (const step of commands) {
    if (step.kind === 'publish') {
      for (let i = 0; i < step.count; i++) {
        const event = { n: log.length, channel: step.channel };
        log.push({ event, frame: world.publish(step.channel) });
        for (const expected of clients) expected.published(event);
      }
    } else if (step.kind === 'flush') delivery.flush();
    else if (step.kind === 'relax') delivery.throttle.relax();
    else if (step.kind === 'replace') replace(step.client);
    else if (step.kind === 'resume') {
      const fresh = replace(step.client);
      fresh.client.socket.stalled = step.stalled;
      const subscriptions = new Set<string>(step.channels);
      fresh.resubscribed(subscriptions);
      const missed = log.slice(-step.back - 1).filter(({ event }) => fresh.holds(event.channel));
      for (const { event } of missed) {
        fresh.published(event);
        fresh.resumed.push({ n: event.n, before: log.length });
      }
      const frames = missed.map(({ frame }) => frame);
      delivery.resubscribe(fresh.client.connection, subscriptions, frames);
    } else {
      const expected = clients[step.client]!;
      if (step.kind === 'stall') expected.client.socket.stalled = true;
      else if (step.kind === 'drain') expected.client.drain(delivery);
      else {
        const subscriptions = new Set(step.channels);
        expected.resubscribed(subscriptions);
        delivery.resubscribe(expected.client.connection, subscriptions);
      }
    }
  }
  for (const { client } of clients) client.drain(delivery);
  delivery.flush();
  for (const expected of all) checkOrder(expected);
  for (const expected of clients) if (!expected.client.closed) checkWhole(expected, settings);
  expect(delivery.behind).toBe(0);
}

/** Holds for every client, also one that was closed: nothing twice, nothing foreign, in order. */
function checkOrder({ client, may, resumed }: Expected): void {
  const numbers = client.numbers();
  const allowed = new Set(may.map(({ n }) => n));
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(numbers.filter((n) => !allowed.has(n))).toEqual([]);
  for (const { n, before } of resumed) {
    const place = numbers.indexOf(n);
    if (place >= 0) expect(numbers.slice(0, place).filter((other) => other >= before)).toEqual([]);
  }
  expect(client.socket.most).toBeLessThan(maxBufferedBytes + 70_000);
  if (client.connection.version === 'v1') {
    const seqs = client.socket.messages.flatMap(({ seq }) => (seq === undefined ? [] : [seq]));
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  }
}

/** Holds for a client that is connected and level: what it has not got, it was told about. */
function checkWhole({ client, must, may, resumed }: Expected, { strategy }: Settings): void {
  const got = new Set(client.numbers());
  const missing = must.filter(({ n }) => !got.has(n));
  const skipped = client.skipped();
  for (const channel of names) {
    const count = (events: readonly Published[]) =>
      events.filter((event) => event.channel === channel && !got.has(event.n)).length;
    expect(skipped.get(channel) ?? 0).toBeGreaterThanOrEqual(count(missing));
    expect(skipped.get(channel) ?? 0).toBeLessThanOrEqual(count(may));
  }
  expect(missing.filter(({ channel }) => channel.endsWith('trade'))).toEqual([]);
  expect(missing.filter(({ n }) => resumed.some((event) => event.n === n))).toEqual([]);
  if (strategy === 'none') expect(missing).toEqual([]);
  if (strategy !== 'conflate') return;
  for (const { n, channel } of missing) {
    expect(channel).toMatch(/analytics|social/);
    const newer = must.filter((event) => event.channel === channel && event.n > n);
    expect(newer.some((event) => got.has(event.n))).toBe(true);
  }
}

type Settings = Partial<ThrottleSettings>;

test.each<[Settings, number]>([
  [{ strategy: 'none' }, 1_000],
  [{ strategy: 'conflate' }, 1_000],
  [{ strategy: 'priority' }, 300],
  [{ strategy: 'percentage' }, 300],
])(
  'every client sees the log filtered by its subscriptions, less what it is told: %j',
  (settings, numRuns) => {
    fc.assert(
      fc.property(fc.array(command, { minLength: 10, maxLength: 120 }), (commands) =>
        run(commands, settings, ['none', 'context', 'none', 'alone']),
      ),
      { seed: 20_251, numRuns },
    );
  },
  60_000,
);

test('buffers are built once per cohort and flush, and shared by cohorts that got the same', () => {
  using world = createWorld();
  for (let i = 0; i < 30; i++) {
    const { connection } = world.connect();
    world.delivery.resubscribe(connection, new Set(i % 2 === 0 ? ['A.*'] : ['A.trade']));
  }
  for (let i = 0; i < 5; i++) world.publish('A.trade');
  world.delivery.flush();
  expect(world.counters.messagesDelivered).toBeGreaterThanOrEqual(5 * 20);
  expect(world.counters.buffersBuilt).toBe(1);
});

test('events that come far apart wait for a quarter of what others do', () => {
  using world = createWorld({}, 1_000);
  world.publish('A.trade');
  world.delivery.flush();
  const asBusyMs = world.delivery.flushIntervalMs;
  expect(asBusyMs).toBeGreaterThan(0);
  world.clock.nowMs = 1_000;
  world.publish('A.trade');
  expect(world.delivery.flushIntervalMs).toBeCloseTo(asBusyMs / 4, 6);
});

test('cohorts that nobody is in any more are forgotten', () => {
  using world = createWorld();
  const clients = Array.from({ length: 20 }, () => world.connect());
  const before = world.delivery.cohorts;
  for (const [i, { connection }] of clients.entries()) {
    world.delivery.resubscribe(connection, new Set([`T${i}.trade`]));
  }
  expect(world.delivery.cohorts).toBe(20);
  for (const { connection } of clients) world.delivery.remove(connection);
  expect(world.delivery.cohorts).toBe(0);
  expect(before).toBe(2);
});

test('subscribing and leaving cost the same however many are there', () => {
  using world = createWorld();
  const batch = 2_000;
  const clients: FakeClient[] = [];
  const everybody = new Set(['A.trade', 'B.trade']);
  const cpuMsOf = (work: () => void) => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  };
  const join = () => {
    const more = Array.from({ length: batch }, () => world.connect());
    clients.push(...more);
    return cpuMsOf(() => {
      for (const { connection } of more) world.delivery.resubscribe(connection, everybody);
    });
  };
  const leave = () =>
    cpuMsOf(() => {
      // From the middle, where a list would have to be searched and moved.
      for (const { connection } of clients.splice(clients.length / 4, batch))
        world.delivery.remove(connection);
    });
  const median = (times: number[]) => times.toSorted((a, b) => a - b)[2] as number;
  const joining = Array.from({ length: 20 }, join);
  const leaving = Array.from({ length: 20 }, leave);
  // The first ones compile it. Searching a list of 40 000 takes ten times as long as one of 4 000.
  expect(median(joining.slice(-5))).toBeLessThan(5 * median(joining.slice(1, 6)) + 5);
  expect(median(leaving.slice(0, 5))).toBeLessThan(5 * median(leaving.slice(-5)) + 5);
});

test('missed events that take several steps all go before what came after them', () => {
  using world = createWorld();
  const { delivery } = world;
  const missed = Array.from({ length: 500 }, () => world.publish('A.trade'));
  delivery.flush();
  const client = world.connect();
  client.socket.stalled = true;
  delivery.resubscribe(client.connection, new Set(['A.trade']), missed);
  let steps = 0;
  for (; client.connection.isBehind; steps++) {
    world.publish('A.trade');
    delivery.flush();
    client.socket.drain();
    client.socket.stalled = true;
    delivery.catchUp(client.connection);
  }
  expect(steps).toBeGreaterThan(2);
  client.drain(delivery);
  expect(client.numbers()).toEqual(Array.from({ length: 500 + steps }, (_, n) => n));
});
