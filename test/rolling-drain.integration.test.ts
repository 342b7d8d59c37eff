/** Two servers on one Kafka, drained one after the other behind one list of clients. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { topics } from '../src/events/categories.ts';
import { TestClient } from './support/client.ts';
import { kafkaAdmin, kafkaBrokers, testKafka } from './support/kafka.ts';
import { record, startTestServer } from './support/start-server.ts';

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

/** A client that comes back when it is told to, to the next server, from where it was. */
class ReturningClient {
  readonly seen: number[] = [];
  /** When it came back. */
  readonly returnsMs: number[] = [];
  readonly #urls: () => readonly string[];
  readonly #channel: string;
  #since: Record<string, unknown> = {};
  #client: TestClient | undefined;
  #isEnded = false;
  running: Promise<void>;

  constructor(urls: () => readonly string[], channel: string) {
    this.#urls = urls;
    this.#channel = channel;
    this.running = this.#run();
  }

  get isSubscribed(): boolean {
    return this.#client !== undefined;
  }

  /** Events so far, those of the open connection included. */
  get count(): number {
    return this.seen.length + (this.#client?.received.length ?? 0);
  }

  async end(): Promise<void> {
    this.#isEnded = true;
    await this.#client?.[Symbol.asyncDispose]();
    await this.running;
  }

  async #run(): Promise<void> {
    while (!this.#isEnded) {
      const [url = ''] = this.#urls();
      const client = await TestClient.open(url);
      const { epoch } = client.messages[0] as { epoch: string };
      client.say({ type: 'subscribe', data: { channels: [this.#channel], since: this.#since } });
      const ack = await client.next('subscription_ack');
      const recovered = (ack['recovered'] ?? {}) as Record<string, { complete: boolean }>;
      expect(Object.values(recovered).every(({ complete }) => complete)).toBe(true);
      this.#client = client;
      const { code } = await client.closing();
      this.#client = undefined;
      for (const event of client.received) {
        this.seen.push((event['data'] as { n: number }).n);
        this.#since = { [this.#channel]: { epoch, offset: event['offset'] } };
      }
      if (!this.#isEnded) expect(code).toBe(1001);
      this.returnsMs.push(performance.now());
    }
  }
}

testKafka('drained one by one, two servers lose nothing, and clients return evenly', async () => {
  await using admin = await kafkaAdmin(kafkaBrokers!);
  await admin.createTopics({
    topics: topics.map((topic) => ({ topic, numPartitions: 3, replicationFactor: 1 })),
  });
  const token = `T${randomBytes(6).toString('hex')}`;
  const start = (nodeId: string) =>
    startTestServer({ nodeId, drain: { budgetMs: '4s' } }, { url: `kafka://${kafkaBrokers}` });
  await using first = await start(`a-${token}`);
  await using second = await start(`b-${token}`);
  await using publisher = await start(`p-${token}`);
  let serving = [first.url, second.url];
  const count = 200;
  const clients = upTo(count).map(
    (n) =>
      new ReturningClient(
        () => serving.map((_, at) => serving[(n + at) % serving.length]!),
        `${token}.trade`,
      ),
  );
  while (!clients.every(({ isSubscribed }) => isSubscribed)) await delay(20);
  const stop = new AbortController();
  let published = 0;
  const publishing = (async () => {
    while (!stop.signal.aborted) {
      await publisher.publish(record(token, 'TRADE_EXECUTED', { n: published++ }));
      await delay(20);
    }
  })();
  // A client that has seen nothing has no position to come back with.
  while (!clients.every((client) => client.count > 0)) await delay(20);
  serving = [second.url];
  await fetch(`${first.http}/api/drain`, { method: 'POST' });
  await first.server.drained;
  await using third = await start(`c-${token}`);
  serving = [third.url];
  await fetch(`${second.http}/api/drain`, { method: 'POST' });
  await second.server.drained;
  stop.abort();
  await publishing;
  await publisher.publish(record(token, 'TRADE_EXECUTED', { n: published++ }));
  const deadline = AbortSignal.timeout(20_000);
  while (clients.some((client) => client.count < published) && !deadline.aborted) await delay(20);
  await Promise.all(clients.map((client) => client.end()));
  for (const { seen } of clients) expect(seen).toEqual(upTo(published));
  // Both servers closed each of theirs in a slot of 10 ms or more: at most 100 in a second. A busy machine
  // puts some of them off, but never lets all 200 of a server come at once.
  const times = clients
    .flatMap(({ returnsMs }) => returnsMs.slice(0, -1))
    .toSorted((a, b) => a - b);
  expect(times.length).toBe(300);
  const mostInSecond = Math.max(
    ...times.map((from, at) => times.slice(at).filter((time) => time < from + 1_000).length),
  );
  expect(mostInSecond).toBeLessThanOrEqual(160);
});
