/** Whatever clients do, leave and return included: each sees the log of its channels, once. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TestClient } from './support/client.ts';
import { mode, record, startTestServer, type TestServer } from './support/start-server.ts';

const tokens = ['A', 'B', 'C'];
const channelOf = (token: string) => `${token}.trade`;

const clientIndex = fc.nat(2);
const token = fc.constantFrom(...tokens);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      token,
      count: fc.integer({ min: 1, max: 30 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('subscribe' as const), client: clientIndex, token }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), client: clientIndex }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('return' as const), client: clientIndex }),
  },
);

/** A person with a browser: connections come and go, what was seen stays. */
class Visitor {
  client: TestClient | undefined;
  epoch = '';
  /** By token: how many of its events there were when the subscription was acknowledged. */
  readonly held = new Map<string, number>();
  readonly seen: { token: string; n: number; offset: number }[] = [];

  async connect(url: string): Promise<void> {
    this.client = await TestClient.open(url);
    this.epoch = this.client.messages[0]!['epoch'] as string;
  }

  /** Takes what the connection received, and forgets the connection. */
  async leave(): Promise<void> {
    for (const { channel, data, offset } of this.client?.received ?? []) {
      const name = (channel as string).split('.')[0]!;
      this.seen.push({ token: name, n: (data as { n: number }).n, offset: offset as number });
    }
    await this.client?.[Symbol.asyncDispose]();
    this.client = undefined;
  }

  numbersOf(name: string): number[] {
    return this.seen.filter((event) => event.token === name).map(({ n }) => n);
  }

  /** Comes back with the newest position of every channel of which it saw an event. */
  async return(url: string, counts: ReadonlyMap<string, number>): Promise<void> {
    await this.connect(url);
    const since: Record<string, unknown> = {};
    for (const name of this.held.keys()) {
      const offset = this.seen.findLast((event) => event.token === name)?.offset;
      if (offset !== undefined) since[channelOf(name)] = { epoch: this.epoch, offset };
      else this.held.set(name, counts.get(name) ?? 0);
    }
    const channels = [...this.held.keys()].map(channelOf);
    if (channels.length === 0) return;
    this.client!.say({ type: 'subscribe', data: { channels, since } });
    const ack = await this.client!.next('subscription_ack');
    for (const { complete } of Object.values(
      (ack['recovered'] ?? {}) as Record<string, { complete: boolean }>,
    )) {
      expect(complete).toBe(true);
    }
  }
}

async function play(server: TestServer, steps: readonly unknown[]) {
  const counts = new Map(tokens.map((name) => [name, 0]));
  const visitors = [new Visitor(), new Visitor(), new Visitor()];
  const filler = 'x'.repeat(400);
  for (const visitor of visitors) await visitor.connect(server.url);
  for (const action of steps as readonly {
    kind: string;
    client: number;
    token: string;
    count: number;
  }[]) {
    const visitor = visitors[action.client]!;
    if (action.kind === 'publish') {
      const first = counts.get(action.token)!;
      counts.set(action.token, first + action.count);
      const batch = Array.from({ length: action.count }, (_, i) =>
        record(action.token, 'TRADE_EXECUTED', { n: first + i, filler }),
      );
      await server.publish(...batch);
    } else if (action.kind === 'leave') await visitor.leave();
    else if (action.kind === 'return' && visitor.client === undefined)
      await visitor.return(server.url, counts);
    else if (
      action.kind === 'subscribe' &&
      visitor.client !== undefined &&
      !visitor.held.has(action.token)
    ) {
      await visitor.client.subscribe(channelOf(action.token));
      visitor.held.set(action.token, counts.get(action.token)!);
    }
  }
  for (const visitor of visitors)
    if (visitor.client === undefined) await visitor.return(server.url, counts);
  // The last event of each channel: whoever holds it and has this one is not waiting for more.
  for (const name of tokens)
    await server.publish(record(name, 'TRADE_EXECUTED', { n: counts.get(name), filler }));
  for (const visitor of visitors) {
    for (const name of visitor.held.keys()) {
      await visitor.client!.until(() =>
        visitor.client!.received.some(
          ({ channel, data }) =>
            channel === channelOf(name) && (data as { n: number }).n === counts.get(name),
        ),
      );
    }
    await visitor.leave();
    for (const [name, heldFrom] of visitor.held) {
      const numbers = visitor.numbersOf(name);
      const first = numbers[0]!;
      expect(first).toBeLessThanOrEqual(heldFrom);
      expect(numbers).toEqual(
        Array.from({ length: counts.get(name)! - first + 1 }, (_, i) => first + i),
      );
    }
  }
}

test('every client sees the log of its channels exactly once and in order, through returns', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      // A history of some hundred events: older ones are read from the broker again.
      await using server = await startTestServer({ historyBytes: '64KiB' });
      await play(server, steps);
    }),
    // Each run starts a server, which takes longer when it is several processes.
    { seed: 7, numRuns: mode === 'multi' ? 8 : 60 },
  );
});
