/** A load test held against the counts of a real publisher and a real server. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { OutgoingRecord } from '../src/broker/broker.ts';
import { FaultServer } from './support/fault-server.ts';
import { publish, run } from './support/run-loadtest.ts';
import { CollectingProducer, startTestPublisher } from './support/start-publisher.ts';
import { startTestServer, type TestServer } from './support/start-server.ts';

/** Publishes to the broker of a server. */
class Forwarder extends CollectingProducer {
  readonly #server: TestServer;

  constructor(server: TestServer) {
    super();
    this.#server = server;
  }

  override send(records: readonly OutgoingRecord[]): Promise<void> {
    return this.#server.publish(...records);
  }
}

const settings = { channels: '*', durationMs: '1500ms', connections: '20' };

test('publisher, server and clients count the same', async () => {
  await using server = await startTestServer();
  const producer = new Forwarder(server);
  await using source = await startTestPublisher({ rate: 200 }, { producer });
  const publisherUrl = source.publisher.apiUrl;
  const { reconciliation, channels, messages } = await run(server.url, {
    ...settings,
    publisherUrl,
  });
  expect(reconciliation.complaints).toEqual([]);
  expect(reconciliation.steps.map(({ between, ok }) => [between, ok])).toEqual([
    ['published-ingested', true],
    ['delivered-received', true],
    ['expected-received', true],
  ]);
  expect(reconciliation.published).toBeGreaterThan(100);
  expect(reconciliation.expected).toBe(messages.received);
  expect(channels.listed.reduce((sum, { received }) => sum + received, 0)).toBe(messages.received);
});

test('clients of others show as what they are', async () => {
  await using server = await startTestServer();
  await using _source = await startTestPublisher(
    { rate: 200 },
    { producer: new Forwarder(server) },
  );
  const stop = new AbortController();
  const { signal } = stop;
  const others = run(server.url, { ...settings, connections: '60', durationMs: '60s' }, { signal });
  const clients = () => server.metric('ws_current_connections');
  await expect.poll(clients).toBe(60);
  const { reconciliation } = await run(server.url, settings);
  stop.abort();
  await others;
  const step = reconciliation.steps.find(({ between }) => between === 'delivered-received');
  expect(step).toMatchObject({ ok: false, meaning: 'the server had 60 other clients' });
  expect(step?.difference).toBeLessThan(0);
  expect(reconciliation).toMatchObject({ published: null, otherClients: 60 });
});

test('a server that tells no counts has none in the report, and is named', async () => {
  await using server = await FaultServer.start();
  const [{ reconciliation }] = await Promise.all([run(server.url, {}), publish(server, 20, 20)]);
  expect(reconciliation).toMatchObject({ published: null, ingested: null, delivered: null });
  expect(reconciliation).toMatchObject({ expected: 400, received: 400 });
  expect(reconciliation.complaints).toEqual([
    `http://127.0.0.1:${server.port}/api/status: status 404`,
  ]);
});

test('counts of a server whose shards do not all answer are left out, and it is said why', async () => {
  await using server = await FaultServer.start();
  const messages = { ingested: 1, delivered: 1 };
  const status = createServer((_, response) => {
    response.end(JSON.stringify({ messages, connections: {}, silent_shards: [1] }));
  }).listen(0, '127.0.0.1');
  await once(status, 'listening');
  const { port } = status.address() as AddressInfo;
  const statusUrl = `http://127.0.0.1:${port}/api/status`;
  const { reconciliation } = await run(server.url, { ...settings, connections: '1', statusUrl });
  status.close();
  expect(reconciliation.complaints).toContain(
    'shard 1 of the server did not answer: its counts are old',
  );
  expect(reconciliation.delivered).toBeNull();
});
