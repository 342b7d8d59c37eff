/** How many sockets a port takes that are accepted elsewhere. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { createLog } from '../../host/log.ts';
import { Counters } from '../reporting/counters.ts';
import { createPort } from './port.ts';

test('sockets that were accepted elsewhere are taken up to the limit, and again when one is gone', async () => {
  const config = configSchema.parse({ server: { maxConnections: 5 } }).server;
  const counters = new Counters();
  const log = createLog(
    new Duplex({ write: (_line, _encoding, done) => done() }),
    'silent',
    'json',
  );
  using port = createPort(config, undefined, counters, log);
  const come = (count: number) =>
    Array.from({ length: count }, () => {
      const socket = new Duplex({ read() {}, write: (_bytes, _encoding, done) => done() });
      port.receive(socket as Socket);
      return socket;
    });
  const taken = come(10_005);
  expect(taken.filter(({ destroyed }) => destroyed)).toEqual([]);
  expect(come(2).map(({ destroyed }) => destroyed)).toEqual([true, true]);
  expect(counters.socketsDropped).toBe(2);
  const [gone] = taken;
  const closed = new Promise((resolve) => gone?.once('close', resolve));
  gone?.destroy();
  await closed;
  expect(come(2).map(({ destroyed }) => destroyed)).toEqual([false, true]);
  port.limit(6);
  expect(come(1).map(({ destroyed }) => destroyed)).toEqual([false]);
  port.destroySockets();
});
