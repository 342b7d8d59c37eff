/** A node whose shards cannot start, however long its broker takes to answer. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openBroker } from '../src/broker/open.ts';
import { configSchema } from '../src/config/schema.ts';
import { createLog } from '../src/host/log.ts';
import { startServer } from '../src/server/index.ts';

test('a shard that fails while the broker is still being asked is an error of the node, once', async () => {
  await using blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const { port: basePort } = blocker.address() as AddressInfo;
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  const ended = Promise.withResolvers<void>();
  const output = new Writable({
    write(line, _encoding, done) {
      if (String(line).includes('shard ended')) ended.resolve();
      done();
    },
  });
  const log = createLog(output, 'info', 'json');
  const config = configSchema.parse({
    server: { mode: 'multi', shards: { count: 1, basePort }, host: '127.0.0.1', port: 0 },
  });
  await using broker = await openBroker(config.broker, { log, nodeId: 'n' });
  const consume = broker.consume.bind(broker);
  broker.consume = async (options) => {
    await ended.promise;
    await nextTurn();
    return await consume(options);
  };
  await using server = await startServer(config.server, { broker, nodeId: 'n', log });
  await expect(server.ready).rejects.toThrow(`shard 0: port ${basePort} on 127.0.0.1 is in use`);
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
