/** What the primary answers shards that ask for places, and what it gets back. */
import { expect, test } from 'vitest';
import { configSchema } from '../../../config/schema.ts';
import { Limits } from '../../limits.ts';
import { Counters } from '../../reporting/counters.ts';
import { ConnectionRates } from '../../security/connection-rates.ts';
import { Devices } from '../../security/devices.ts';
import { NodeGate } from './node-gate.ts';
import { Slots } from './slots.ts';

function start() {
  const auth = { secret: 'x'.repeat(32), devicesPerUser: 1 };
  const limits = new Limits(configSchema.parse({ server: { maxConnections: 2, auth } }).server);
  const slots = new Slots(limits, 1);
  slots.add(0);
  const rates = new ConnectionRates(limits.addressRate, limits.globalRate, new Counters());
  const parts = { slots, rates, devices: new Devices(limits), refusedFor: () => undefined };
  return { slots, gate: new NodeGate(parts) };
}

test('who closes while its token is looked at takes no device', () => {
  const { slots, gate } = start();
  slots.take(0, 1, 0);
  expect(gate.enter(0, 1, '192.0.2.1')).toBeUndefined();
  gate.closed(0, [1]);
  expect(gate.enterAs(0, 1, 'ann')).toEqual({ code: 'BAD_HANDSHAKE' });
  slots.take(0, 2, 0);
  expect(gate.enter(0, 2, '192.0.2.1')).toBeUndefined();
  expect(gate.enterAs(0, 2, 'ann')).toBeUndefined();
  expect(slots.inUse).toBe(1);
});

test('the devices of a shard that is gone are free, and those of its sockets that closed only once', () => {
  const { slots, gate } = start();
  for (const socket of [1, 2]) {
    slots.take(0, socket, 0);
    gate.enter(0, socket, '192.0.2.1');
    gate.enterAs(0, socket, `user ${socket}`);
  }
  gate.closed(0, [1]);
  gate.gone(0);
  gate.closed(0, [2]);
  slots.add(0);
  expect(slots.inUse).toBe(0);
  for (const socket of [3, 4]) {
    slots.take(0, socket, 0);
    gate.enter(0, socket, '192.0.2.1');
    expect(gate.enterAs(0, socket, `user ${socket - 2}`)).toBeUndefined();
  }
  expect(gate.enterAs(0, 3, 'user 2')).toMatchObject({ code: 'TOO_MANY_DEVICES' });
});
