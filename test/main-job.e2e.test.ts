/** The main job, as the README says it: topics, server, publisher and load tester on a Kafka. */
import { expect } from 'vitest';
import { kafkaBrokers, testKafka } from './support/kafka.ts';
import { faultsOf } from './support/run-loadtest.ts';
import { portOf, spawnOdin } from './support/spawn-odin.ts';

testKafka('2 000 clients on Kafka: all opened, nothing lost, nothing twice', async () => {
  const broker = ['--broker', `kafka://${kafkaBrokers}`];
  await using topics = spawnOdin(['topics', 'create', ...broker, '--json']);
  const created = JSON.parse((await topics.ended).stdout);
  expect(created.topics).toHaveLength(8);
  await using server = spawnOdin([
    'serve',
    ...broker,
    '--host',
    '127.0.0.1',
    '--port',
    '0',
    '--log-format',
    'json',
  ]);
  const port = portOf(await server.line(/"msg":"listening"/));
  await server.line(/"msg":"ready"/);
  await using publisher = spawnOdin([
    'publish',
    ...broker,
    '--rate',
    '200',
    '--api-port',
    '0',
    '--log-format',
    'json',
  ]);
  await publisher.line(/"msg":"ready"/);
  const url = `ws://127.0.0.1:${port}/ws`;
  await using loadtest = spawnOdin([
    'loadtest',
    '--url',
    url,
    '--connections',
    '2000',
    '--ramp-rate',
    '1000',
    '--duration',
    '10',
    '--json',
  ]);
  const { exitCode, stdout } = await loadtest.ended;
  const report = JSON.parse(stdout);
  expect(faultsOf(report)).toEqual([]);
  expect(report.connections).toMatchObject({ target: 2_000, opened: 2_000, failed: 0, dropped: 0 });
  expect(report.messages).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
  expect(report.messages.received).toBeGreaterThan(2_000);
  expect(exitCode).toBe(report.verdict === 'pass' ? 0 : 98);
  publisher.child.kill('SIGTERM');
  expect((await publisher.ended).exitCode).toBe(0);
  server.child.kill('SIGTERM');
  expect((await server.ended).exitCode).toBe(0);
});
