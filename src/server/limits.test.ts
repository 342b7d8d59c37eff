import { expect, test } from 'vitest';
import { UsageError } from '../base/errors.ts';
import { describeConfig } from '../config/describe.ts';
import { configSchema } from '../config/schema.ts';
import { Limits } from './limits.ts';
import { reload } from './reload.ts';
import { clientAddress } from './security/client-address.ts';
import { allowsOrigin } from './security/origins.ts';

const server = (settings: Record<string, unknown> = {}) =>
  configSchema.parse({ server: settings }).server;

/** Another value for every setting that is said to be reloadable. */
const changed = {
  maxConnections: 5,
  maxSubscriptions: 7,
  auth: { devicesPerUser: 9, origins: ['https://App.example.com:443/'] },
  limits: {
    ...{ ipRate: 2, ipBurst: 1, globalRate: 4, globalBurst: 1, messageRate: 8, messageBurst: 1 },
    trustedProxies: ['10.0.0.0/8'],
  },
  guard: {
    ...{ cpuRejectPercent: 11, cpuPausePercent: 12, memoryRejectPercent: 13 },
    ...{ maxBrokerRate: 14, maxBroadcastRate: 15 },
  },
};

/** Everything that others read of it; a rate by how long its bucket of one takes to fill. */
function valuesOf(limits: Limits) {
  const { maxConnections, maxSubscriptions, devicesPerUser, guard, origins, trustedProxies } =
    limits;
  const nowMs = performance.now() + 1e9;
  const rates = [limits.addressRate, limits.globalRate, limits.messageRate].map((rate) =>
    Math.round(rate.waitMs(rate.afterTaking(0, nowMs), nowMs)),
  );
  const { cpuRejectPercent, cpuPausePercent, memoryRejectPercent } = guard;
  const { maxBrokerRate, maxBroadcastRate } = guard;
  return {
    ...{ maxConnections, maxSubscriptions, devicesPerUser, rates },
    ...{ cpuRejectPercent, cpuPausePercent, memoryRejectPercent, maxBrokerRate, maxBroadcastRate },
    origins: ['https://app.example.com', 'https://other.example.com'].map((origin) =>
      allowsOrigin(origins, origin),
    ),
    client: clientAddress('10.0.0.1', '192.0.2.1', trustedProxies),
  };
}

const before = {
  ...{ maxConnections: 12_000, maxSubscriptions: 200, devicesPerUser: 3, rates: [0, 0, 0] },
  ...{ cpuRejectPercent: 75, cpuPausePercent: 80, memoryRejectPercent: 85 },
  ...{ maxBrokerRate: 0, maxBroadcastRate: 0, origins: [true, true], client: '10.0.0.1' },
};

test('every setting that is said to be reloadable is taken on', () => {
  const limits = new Limits(server());
  expect(valuesOf(limits)).toEqual(before);
  const outcome = reload(limits, server(changed));
  expect(outcome.needRestart).toEqual([]);
  expect(outcome.changed.map((line) => line.split(': ')[0]).toSorted()).toEqual(
    describeConfig(['server'])
      .filter(({ reloadable }) => reloadable)
      .map(({ path }) => path.join('.'))
      .toSorted(),
  );
  expect(valuesOf(limits)).toEqual({
    ...{ maxConnections: 5, maxSubscriptions: 7, devicesPerUser: 9, rates: [500, 250, 125] },
    ...{ cpuRejectPercent: 11, cpuPausePercent: 12, memoryRejectPercent: 13 },
    ...{ maxBrokerRate: 14, maxBroadcastRate: 15, origins: [true, false], client: '192.0.2.1' },
  });
});

test('a value that is no good leaves everything as it was', () => {
  const limits = new Limits(server());
  const bad = { ...changed, limits: { ...changed.limits, trustedProxies: ['10.0.0.0/99'] } };
  expect(() => reload(limits, server(bad))).toThrow(UsageError);
  expect(valuesOf(limits)).toEqual(before);
  expect(reload(limits, server()).changed).toEqual([]);
});

test('what needs a restart is said each time until it has had one', () => {
  const limits = new Limits(server());
  const next = server({ port: 4_000, maxConnections: 5 });
  expect(reload(limits, next).changed).toHaveLength(1);
  const again = reload(limits, next);
  expect(again).toEqual({ changed: [], needRestart: ['server.port: 3004 → 4000'] });
  expect(reload(limits, server()).needRestart).toEqual([]);
});
