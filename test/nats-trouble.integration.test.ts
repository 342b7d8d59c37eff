/** What a NATS server does to its clients, and how that shows: in counters, warnings, and in pauses. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { NatsLink } from '../src/broker/nats/link.ts';
import { configSchema } from '../src/config/schema.ts';
import { consumeInto, Inbox, openQuietly, outgoing } from './support/kafka-inbox.ts';
import { describeNats, natsAdmin, natsUrl, ownStream } from './support/nats.ts';
import { startTestServer } from './support/start-server.ts';

describeNats('on NATS', () => {
  test('a stream that is not as asked is told by the health of a server, with its troubles', async () => {
    const nats = ownStream();
    await using broker = await openQuietly({ url: natsUrl, nats }, 'trouble');
    await broker.createTopics([]);
    const asked = { ...nats, streamMaxAgeMs: '1m', streamMaxMessages: 7 };
    await using server = await startTestServer({ nodeId: 'n' }, { url: natsUrl, nats: asked });
    expect((await server.health())['warnings']).toEqual([
      `stream ${nats.stream} is not as the settings ask: max age: 30s, wanted 1m; max messages: 100 000, wanted 7; duplicate window: 30s, wanted 1m`,
    ]);
    expect(await server.metric('odin_broker_troubles_total{kind="disconnect"}')).toBe(0);
  });

  test('consumers that are deleted again and again are made anew with growing pauses', async () => {
    const nats = ownStream();
    await using broker = await openQuietly({ url: natsUrl, nats }, 'trouble');
    await broker.createTopics([]);
    const inbox = new Inbox();
    await using _ = await consumeInto(broker, inbox);
    await using admin = await natsAdmin(natsUrl!);
    const { consumers } = admin.manager;
    let deleted = 0;
    const endMs = performance.now() + 3_000;
    while (performance.now() < endMs) {
      for await (const { name } of consumers.list(nats.stream)) {
        if (await consumers.delete(nats.stream, name).catch(() => false)) deleted += 1;
      }
      await sleep(5);
    }
    expect(deleted).toBeGreaterThan(1);
    expect(deleted).toBeLessThan(16);
    await using producer = await broker.openProducer();
    await producer.send([outgoing('odin.trades', 'BTC', 'there again')]);
    await inbox.untilCount(1);
  });
});

test('a server that gives a slow consumer up is counted as that', async () => {
  // A stand-in: a real server gives up only those who do not read for many seconds.
  const info = {
    server_id: 'x',
    version: '2.9.10',
    max_payload: 1_048_576,
    headers: true,
    proto: 1,
  };
  const server = createServer((socket) => {
    socket.on('error', () => {}).write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (bytes) => {
      if (!bytes.includes('PING')) return;
      socket.write('PONG\r\n');
      setImmediate(() => socket.end("-ERR 'Slow Consumer'\r\n"));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `nats://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { broker } = configSchema.parse({ broker: { url } });
  await using link = await NatsLink.open(broker, pino({ level: 'silent' }));
  while (link.troubles.get('slow_consumer') === 0) await sleep(10);
  expect(link.troubles.get('error')).toBe(0);
  server.close();
});
