/** Outages of every part, side by side, with clients that resume: nothing lost, nothing twice. */
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { topics } from '../src/events/categories.ts';
import type { StatusReport } from '../src/protocol/status-report.ts';
import { startBalancer } from './support/balancer.ts';
import { freePort } from './support/free-port.ts';
import { kafkaAdmin, kafkaBrokers, startKafka, testKafka } from './support/kafka.ts';
import { openQuietly, outgoing } from './support/kafka-inbox.ts';
import { type OdinProcess, portOf, spawnOdin } from './support/spawn-odin.ts';

const json = ['--log-format', 'json'];

interface Server extends OdinProcess {
  readonly port: number;
}

/** All topics, with the retention of Kafka itself: a slow machine may take longer than theirs. */
async function createTopics(brokers: string): Promise<void> {
  await using admin = await kafkaAdmin(brokers);
  await admin.createTopics({ topics: topics.map((topic) => ({ topic, numPartitions: 12 })) });
}

async function serve(broker: readonly string[], port = 0, ...more: string[]): Promise<Server> {
  const address = ['--host', '127.0.0.1', '--port', String(port)];
  const server = spawnOdin(['serve', ...broker, ...address, ...more, ...json]);
  const listening = portOf(await server.line(/"msg":"listening"/));
  await server.line(/"msg":"ready"/);
  return Object.assign(server, { port: listening });
}

async function publish(broker: readonly string[]): Promise<OdinProcess> {
  const publisher = spawnOdin(['publish', ...broker, '--rate', '200', '--api-port', '0', ...json]);
  await publisher.line(/"msg":"ready"/);
  return publisher;
}

/** Ends a publisher in order; how many events it published. */
async function endPublishing(publisher: OdinProcess): Promise<number> {
  publisher.child.kill('SIGTERM');
  const { exitCode, stdout } = await publisher.ended;
  expect(exitCode).toBe(0);
  expect(stdout).not.toMatch(/failed/);
  return Number(/([\d ]+) events published/.exec(stdout)?.[1]?.replaceAll(' ', ''));
}

const traded = ['BTC', 'ETH', 'SOL', 'ODIN', 'DOGE', 'END'].map((token) => `${token}.trade`);

/** Holds until the condition does not hold any more, and then waits for what is under way. */
function loadtest(port: number, connections: number, whileIt: string): OdinProcess {
  const url = `ws://127.0.0.1:${port}/ws`;
  const size = ['--connections', String(connections), '--ramp-rate', '1000'];
  const length = ['--duration', '100', '--threshold', `${whileIt} abort`];
  const channels = ['--channels', traded.join(',')];
  return spawnOdin(['loadtest', '--url', url, ...channels, ...size, ...length, '--json']);
}

/** Publishes an event that claims to be an hour old. */
async function publishOld(kafka: string): Promise<void> {
  await using broker = await openQuietly({ url: `kafka://${kafka}` }, 'ending');
  await using producer = await broker.openProducer();
  const event = { type: 'TRADE_EXECUTED', timestamp: Date.now() - 3_600_000, data: {} };
  await producer.send([outgoing('odin.trades', 'END', JSON.stringify(event))]);
}

async function expectWhole(run: OdinProcess): Promise<Record<string, Record<string, number>>> {
  const report = JSON.parse((await run.ended).stdout);
  expect(report.connections).toMatchObject({ failed: 0, active: report.connections.target });
  expect(report.messages).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, unrecovered: 0 });
  return report;
}

/** Events that a server has taken from its broker. */
async function ingestedBy({ port }: Server): Promise<number> {
  const status = await (await fetch(`http://127.0.0.1:${port}/api/status`)).json();
  return (status as StatusReport).messages.ingested;
}

/** Resolves when a server has taken so many events more than `before`, or than it has now. */
async function untilIngested(server: Server, count: number, before?: number): Promise<void> {
  const from = before ?? (await ingestedBy(server));
  while ((await ingestedBy(server)) < from + count) await delay(100);
}

// They wait more than they work, each on servers of its own.
describe.concurrent('nothing is lost and nothing comes twice', { timeout: 300_000 }, () => {
  testKafka(
    'when a server with 1 000 clients is killed with SIGKILL and started again',
    async () => {
      const broker = ['--broker', `kafka://${kafkaBrokers}`];
      await createTopics(kafkaBrokers!);
      const port = await freePort();
      await using publisher = await publish(broker);
      await using first = await serve(broker, port);
      await using run = loadtest(port, 1_000, 'reconnected < 1000');
      await run.line(/s hold /);
      await untilIngested(first, 400);
      await first[Symbol.asyncDispose]();
      await using _second = await serve(broker, port);
      const report = await expectWhole(run);
      expect(report['connections']!['dropped']).toBe(1_000);
      expect(report['messages']!['healed']).toBeGreaterThan(0);
      await endPublishing(publisher);
    },
  );

  testKafka('when Kafka is away for 20 s under load', async () => {
    await using kafka = await startKafka();
    const broker = ['--broker', `kafka://${kafka.brokers}`];
    await createTopics(kafka.brokers);
    await using server = await serve(broker);
    await using publisher = await publish(broker);
    await using run = loadtest(server.port, 500, 'latency.max < 1800s');
    await run.line(/s hold /);
    await untilIngested(server, 400);
    await kafka.stop('SIGKILL');
    const before = await ingestedBy(server);
    // As long as the title says.
    await delay(20_000);
    await kafka.start();
    await untilIngested(server, 20 * 200, before);
    const published = await endPublishing(publisher);
    await untilIngested(server, published, 0);
    // Nobody else writes to this Kafka.
    expect(await ingestedBy(server)).toBe(published);
    await publishOld(kafka.brokers);
    const report = await expectWhole(run);
    expect(report['connections']!['dropped']).toBe(0);
  });

  testKafka('when two servers behind one address are drained one after the other', async () => {
    const broker = ['--broker', `kafka://${kafkaBrokers}`];
    await createTopics(kafkaBrokers!);
    const drain = ['--drain-budget', '4s'];
    await using started = new AsyncDisposableStack();
    const start = async () => started.use(await serve(broker, 0, ...drain));
    const servers = [await start(), await start()];
    await using balancer = await startBalancer(servers.map(({ port }) => port));
    await using publisher = await publish(broker);
    // 200 leave the first server, half of them for the second, where then 300 are.
    await using run = loadtest(balancer.port, 400, 'reconnected < 500');
    await run.line(/s hold /);
    for (const [index, old] of servers.entries()) {
      const replacement = await start();
      balancer.servers = balancer.servers.map((port, at) =>
        at === index ? replacement.port : port,
      );
      const arrivedBefore = balancer.arrivals.length;
      old.child.kill('SIGTERM');
      expect((await old.ended).exitCode).toBe(0);
      const arrivals = balancer.arrivals.slice(arrivedBefore);
      const perSecond = Map.groupBy(arrivals, (ms) => Math.floor((ms - arrivals[0]!) / 1_000));
      // 200 clients over a budget of 4 s: about 50 a second, and never all at once.
      for (const [, inOneSecond] of perSecond) expect(inOneSecond.length).toBeLessThanOrEqual(150);
    }
    const report = await expectWhole(run);
    expect(report['messages']!['healed']).toBeGreaterThan(0);
    await endPublishing(publisher);
  });
});
