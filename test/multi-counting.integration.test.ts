/** What a node does once, however many shards it has. */
import { Writable } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { openBroker } from '../src/broker/open.ts';
import { configSchema } from '../src/config/schema.ts';
import { createLog } from '../src/host/log.ts';
import { startServer } from '../src/server/index.ts';
import { TestClient } from './support/client.ts';
import { countersOf, multi } from './support/shards.ts';
import { record } from './support/start-server.ts';

test('the broker is read once, and each event is taken and counted once', async () => {
  const config = configSchema.parse({ server: { ...multi, host: '127.0.0.1', port: 0 } });
  const log = createLog(
    new Writable({ write: (_line, _encoding, done) => done() }),
    'info',
    'json',
  );
  await using broker = await openBroker(config.broker, { log, nodeId: 'n' });
  const consume = vi.spyOn(broker, 'consume');
  await using server = await startServer(config.server, { broker, nodeId: 'n', log });
  await server.ready;
  await using producer = await broker.openProducer();
  await using clients = new AsyncDisposableStack();
  const opened: TestClient[] = [];
  for (let n = 0; n < 6; n++) {
    const client = clients.use(await TestClient.open(server.url));
    await client.subscribe('*');
    opened.push(client);
  }
  for (let n = 0; n < 10; n++) await producer.send([record('BTC'), record('ETH')]);
  for (const client of opened) await client.events(20);
  const counts = async () => {
    const counters = await countersOf({ http: `http://127.0.0.1:${server.port}` });
    return ['odin_events_ingested_total', 'ws_total_messages'].map((name) => counters.get(name));
  };
  // A shard that does not answer soon is counted as it was.
  await expect.poll(counts).toEqual([20, 6 * 20]);
  expect(consume).toHaveBeenCalledTimes(1);
});
