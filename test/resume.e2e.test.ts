/** Outages of every part, with clients that resume: nothing lost, nothing twice. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { startBalancer } from './support/balancer.ts';
import { kafkaBrokers, startKafka, testKafka } from './support/kafka.ts';
import { type OdinProcess, portOf, spawnOdin } from './support/spawn-odin.ts';

const json = ['--log-format', 'json'];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function createTopics(broker: readonly string[]): Promise<void> {
  await using topics = spawnOdin(['topics', 'create', ...broker]);
  expect((await topics.ended).exitCode).not.toBe(4);
}

async function serve(
  broker: readonly string[],
  port = 0,
  ...more: string[]
): Promise<OdinProcess & { port: number }> {
  const server = spawnOdin([
    'serve',
    ...broker,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    ...more,
    ...json,
  ]);
  const listening = portOf(await server.line(/"msg":"listening"/));
  await server.line(/"msg":"ready"/);
  return Object.assign(server, { port: listening });
}

async function publish(broker: readonly string[], rate: number): Promise<OdinProcess> {
  const publisher = spawnOdin([
    'publish',
    ...broker,
    '--rate',
    String(rate),
    '--api-port',
    '0',
    ...json,
  ]);
  await publisher.line(/"msg":"ready"/);
  return publisher;
}

function loadtest(port: number, connections: number, seconds: number): OdinProcess {
  const url = `ws://127.0.0.1:${port}/ws`;
  const size = [
    '--connections',
    String(connections),
    '--ramp-rate',
    '1000',
    '--duration',
    String(seconds),
  ];
  return spawnOdin(['loadtest', '--url', url, ...size, '--json']);
}

async function expectWhole(run: OdinProcess): Promise<Record<string, Record<string, number>>> {
  const report = JSON.parse((await run.ended).stdout);
  expect(report.connections).toMatchObject({ failed: 0, active: report.connections.target });
  expect(report.messages).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, unrecovered: 0 });
  return report;
}

testKafka(
  'a server killed with SIGKILL and started again: 1 000 clients resume whole',
  async () => {
    const broker = ['--broker', `kafka://${kafkaBrokers}`];
    await createTopics(broker);
    const port = await freePort();
    await using publisher = await publish(broker, 200);
    const first = await serve(broker, port);
    await using run = loadtest(port, 1_000, 20);
    await run.line(/hold/);
    await delay(3_000);
    await first[Symbol.asyncDispose]();
    await using _second = await serve(broker, port);
    const report = await expectWhole(run);
    expect(report['connections']!['dropped']).toBe(1_000);
    expect(report['messages']!['healed']).toBeGreaterThan(0);
    publisher.child.kill('SIGTERM');
    expect((await publisher.ended).exitCode).toBe(0);
  },
);

testKafka('Kafka stopped for 20 s under load and started again: clients lose nothing', async () => {
  await using kafka = await startKafka();
  const broker = ['--broker', `kafka://${kafka.brokers}`];
  await createTopics(broker);
  await using server = await serve(broker);
  await using publisher = await publish(broker, 200);
  await using run = loadtest(server.port, 500, 50);
  await run.line(/hold/);
  await delay(2_000);
  await kafka.stop('SIGKILL');
  await delay(20_000);
  await kafka.start();
  const report = await expectWhole(run);
  expect(report['connections']!['dropped']).toBe(0);
  publisher.child.kill('SIGTERM');
  const totals = (await publisher.ended).stdout;
  expect(totals).toMatch(/events published/);
  expect(totals).not.toMatch(/failed/);
});

testKafka(
  'two servers drained one after the other behind one address: nothing is lost',
  async () => {
    const broker = ['--broker', `kafka://${kafkaBrokers}`];
    await createTopics(broker);
    const drain = ['--drain-budget', '4s'];
    const servers = [await serve(broker, 0, ...drain), await serve(broker, 0, ...drain)];
    await using balancer = await startBalancer(servers.map(({ port }) => port));
    await using publisher = await publish(broker, 200);
    await using run = loadtest(balancer.port, 400, 25);
    await run.line(/hold/);
    for (const [index, old] of servers.entries()) {
      const replacement = await serve(broker, 0, ...drain);
      balancer.servers = balancer.servers.map((port, at) =>
        at === index ? replacement.port : port,
      );
      const arrivedBefore = balancer.arrivals.length;
      old.child.kill('SIGTERM');
      expect((await old.ended).exitCode).toBe(0);
      servers[index] = replacement;
      const arrivals = balancer.arrivals.slice(arrivedBefore);
      const perSecond = Map.groupBy(arrivals, (ms) => Math.floor((ms - arrivals[0]!) / 1_000));
      // 200 clients over a budget of 4 s: about 50 a second, and never all at once.
      for (const [, inOneSecond] of perSecond) expect(inOneSecond.length).toBeLessThanOrEqual(150);
    }
    await expectWhole(run);
    publisher.child.kill('SIGTERM');
    for (const server of servers) await server[Symbol.asyncDispose]();
  },
);
