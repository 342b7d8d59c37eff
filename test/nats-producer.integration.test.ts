/** Sending to NATS while the server is away, or not answering: no record twice, no endless wait. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { NatsLink } from '../src/broker/nats/link.ts';
import { NatsProducer } from '../src/broker/nats/producer.ts';
import { NatsStream } from '../src/broker/nats/stream.ts';
import { RecordsUnfit } from '../src/broker/send-failures.ts';
import { configSchema } from '../src/config/schema.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { failure, outgoing } from './support/kafka-inbox.ts';
import { describeNats, natsAdmin, ownStream, startNats } from './support/nats.ts';

/** A producer for a stream of its own that forgets ids after `windowMs`. */
async function openProducer(
  server: string,
  through: string,
  { windowMs = 120_000, giveUpMs = 120_000, exclusiveAs = undefined as string | undefined } = {},
) {
  const own = ownStream();
  const nats = { ...own, streamMaxAgeMs: '10m' };
  const { broker } = configSchema.parse({ broker: { url: through, nats } });
  const link = await NatsLink.open(broker, pino({ level: 'silent' }));
  const stream = new NatsStream(link, broker.nats);
  await stream.create(1);
  const admin = await natsAdmin(server);
  await admin.manager.streams.update(own.stream, { duplicate_window: windowMs * 1e6 });
  const producer = new NatsProducer({
    ...{ link, stream, log: pino({ level: 'silent' }), nodeId: 'n', exclusiveAs, giveUpMs },
  });
  await producer.open();
  return {
    producer,
    /** Messages that the stream ever took. */
    taken: async () => (await admin.manager.streams.info(own.stream)).state.last_seq,
    limitMessages: async (bytes: number) =>
      await admin.manager.streams.update(own.stream, { max_msg_size: bytes }),
    async [Symbol.asyncDispose]() {
      await producer[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
      await admin[Symbol.asyncDispose]();
    },
  };
}

describeNats('a producer', () => {
  test('whose answer was lost does not send again when the stream may have forgotten', async () => {
    await using nats = await startNats();
    const port = Number(nats.address.split(':')[1]);
    await using proxy = await FaultProxy.start(port);
    const through = proxy.url.replace(/^ws:(.*)\/ws$/, 'nats:$1');
    await using world = await openProducer(nats.url, through, { windowMs: 3_000 });
    await world.producer.send([outgoing('odin.trades', 'BTC', '1')]);
    // Nothing comes back from here on, and nothing new goes through.
    proxy.target = 1;
    proxy.inflict('truncate', { next: () => 0 } as never);
    const error = await failure(world.producer.send([outgoing('odin.trades', 'BTC', '2')]));
    expect(error.message).toContain('no answer within the duplicate window of the stream');
    expect(await world.taken()).toBe(2);
    // What was sent before is forgotten by then: a repeat would be taken as new.
    await sleep(2_500);
    proxy.target = port;
    await world.producer.send([outgoing('odin.trades', 'BTC', '3')]);
    expect(await world.taken()).toBe(3);
  });

  test.each([undefined, 'name'])(
    'waits for a server that is away no longer than it may (only one of: %s)',
    async (exclusiveAs) => {
      await using nats = await startNats();
      const limits = { giveUpMs: 1_500, exclusiveAs };
      await using world = await openProducer(nats.url, nats.url, limits);
      await world.producer.send([outgoing('odin.trades', 'BTC', '1')]);
      await nats.stop('SIGKILL');
      const startMs = performance.now();
      // Some are under way when it is noticed that the server is gone, some never go.
      const sends = Array.from({ length: 20 }, (_, n) => `${n}`).map((value) =>
        failure(world.producer.send([outgoing('odin.trades', 'BTC', value)])),
      );
      // By then it is known that the server has gone, which nothing outside tells.
      await sleep(200);
      sends.push(failure(world.producer.send([outgoing('odin.trades', 'ETH', 'late')])));
      for (const { message } of await Promise.all(sends)) expect(message).toContain('publishing');
      expect(performance.now() - startMs).toBeGreaterThan(1_000);
      await nats.start();
      const again = world.producer.send([outgoing('odin.trades', 'BTC', '2')]);
      if (exclusiveAs !== undefined) expect((await failure(again)).message).toContain('publishing');
      else await again;
    },
  );

  test('fails at once with a record that is too large with its headers, and only with that', async () => {
    await using nats = await startNats({ config: 'max_payload: 4096' });
    await using world = await openProducer(nats.url, nats.url);
    const large = { ...outgoing('odin.trades', 'BTC', 'x'.repeat(3_500)) };
    const headers = { 'odin-settled': 'y'.repeat(900) };
    const error = await failure(world.producer.send([{ ...large, headers }]));
    expect(error).toBeInstanceOf(RecordsUnfit);
    expect(error.hint).toContain('raise max_payload');
    await world.producer.send([large]);
    await world.limitMessages(1_000);
    expect(await failure(world.producer.send([large]))).toBeInstanceOf(RecordsUnfit);
    await world.producer.send([outgoing('odin.trades', 'BTC', 'small')]);
    expect(await world.taken()).toBe(2);
  });
});
