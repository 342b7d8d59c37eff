/** The guard and the pacing on real sockets, with resources that the test decides. */
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { ResourceSample } from '../src/host/usage.ts';
import type { GuardSenses } from '../src/server/guard/guard.ts';
import { TestClient } from './support/client.ts';
import { record, startTestServer, type TestServer } from './support/start-server.ts';

const gib = 1024 ** 3;
const thresholds = { cpuRejectPercent: 75, cpuPausePercent: 80, memoryRejectPercent: 85 };

/** Senses whose seconds pass in 10 ms, until the test stops their clock. */
class FakeSenses implements GuardSenses {
  readonly periodMs = 10;
  stepMs = 1_000;
  #nowMs = 0;
  current: ResourceSample = {
    cpuPercent: 5,
    groupCpuPercent: undefined,
    memoryBytes: 0.2 * gib,
    loopDelayMs: 0,
  };
  readonly meter = {
    limits: { cpuCores: 1, memoryBytes: gib },
    sample: () => this.current,
    [Symbol.dispose]: () => {},
  };

  readonly nowMs = () => {
    this.#nowMs += this.stepMs;
    return this.#nowMs;
  };

  set(change: Partial<ResourceSample>): void {
    this.current = { ...this.current, ...change };
  }
}

interface GuardCheck {
  level: number;
  refusing: string | null;
  broker_paused: boolean;
}

async function untilGuard(server: TestServer, condition: (guard: GuardCheck) => boolean) {
  const deadline = AbortSignal.timeout(10_000);
  for (;;) {
    const { guard } = (await server.health())['checks'] as unknown as { guard: GuardCheck };
    if (condition(guard)) return;
    if (deadline.aborted) throw new Error(`waited in vain; guard is ${JSON.stringify(guard)}`);
  }
}

async function refusalOf(url: string) {
  const socket = new WebSocket(url);
  const [, response] = await once(socket, 'unexpected-response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return {
    status: response.statusCode,
    retryAfter: response.headers['retry-after'],
    ...JSON.parse(body),
  };
}

const numbers = (client: TestClient) =>
  client.received.map((event) => (event['data'] as { n: number }).n);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);
const trade = (n: number, filler = '') => record('BTC', 'TRADE_EXECUTED', { n, filler });

test('short of CPU, new clients are refused and the broker waits; afterwards nothing is lost', async () => {
  const senses = new FakeSenses();
  await using server = await startTestServer({ guard: thresholds }, {}, senses);
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  await server.publish(trade(0));
  await client.events(1);
  // No pause lasts longer than 10 s, so time stands still.
  senses.stepMs = 0;
  senses.set({ cpuPercent: 100 });
  await untilGuard(server, (guard) => guard.broker_paused);
  expect(await refusalOf(server.url)).toMatchObject({
    status: 503,
    code: 'CPU_OVERLOAD',
    retryAfter: '5',
    retry_after_ms: 5_000,
  });
  const ready = await fetch(`${server.http}/readyz`);
  expect(ready.status).toBe(503);
  expect(((await ready.json()) as { reasons: string[] }).reasons).toEqual([
    'short of CPU: new clients are refused',
    'short of CPU or memory: the broker is paused',
  ]);
  await server.publish(...upTo(50).map((n) => trade(n + 1)));
  expect((await server.health())['checks']).toMatchObject({
    broker: { paused: true, paused_for: ['guard'], lag_records: 50 },
    guard: { level: 3, refusing: 'CPU_OVERLOAD' },
  });
  client.say({ type: 'heartbeat', id: 'while paused' });
  await client.next('pong');
  expect(numbers(client)).toEqual([0]);
  senses.stepMs = 1_000;
  senses.set({ cpuPercent: 10 });
  await client.events(51);
  expect(numbers(client)).toEqual(upTo(51));
  await untilGuard(server, (guard) => guard.level === 0);
  await using _late = await TestClient.open(server.url);
  expect((await fetch(`${server.http}/readyz`)).status).toBe(200);
  await expect.poll(() => server.metric('odin_broker_pauses_total{reason="guard"}')).toBe(1);
  expect(await server.metric('odin_broker_paused_seconds_total')).toBeGreaterThan(0);
  const changes = server.logLines.filter((line) => line['audit'] === 'guard');
  expect(changes.map((line) => line['to'])).toEqual([1, 2, 3, 2, 1, 0]);
  expect(changes[2]).toMatchObject({ from: 2, cause: 'cpuPercent', brokerPaused: true });
  await expect.poll(() => server.metric('odin_guard_transitions_total')).toBe(6);
});

test('at the first level flushes are further apart', async () => {
  const senses = new FakeSenses();
  await using server = await startTestServer({ guard: thresholds }, {}, senses);
  senses.set({ loopDelayMs: 500 });
  await untilGuard(server, (guard) => guard.level === 1);
  expect((await fetch(`${server.http}/readyz`)).status).toBe(200);
  await expect.poll(() => server.metric('odin_guard_level')).toBe(1);
  await expect.poll(() => server.metric('odin_event_loop_delay_seconds')).toBe(0.5);
});

test('short of memory, new clients are refused, and the slowest are closed; others stay', async () => {
  const senses = new FakeSenses();
  const settings = { guard: thresholds, maxBufferedBytes: '16KiB' };
  await using server = await startTestServer(settings, {}, senses);
  await using quick = await TestClient.open(server.url);
  const slow = [await TestClient.open(server.url), await TestClient.open(server.url)] as const;
  await using _first = slow[0];
  await using _second = slow[1];
  for (const client of [quick, ...slow]) await client.subscribe('BTC.trade');
  for (const client of slow) client.socket.pause();
  const filler = 'x'.repeat(1_000);
  let published = 0;
  while ((await server.metric('ws_connections_behind')) < 2) {
    await server.publish(...upTo(500).map((n) => trade(published + n, filler)));
    published += 500;
    await quick.events(published);
  }
  senses.set({ memoryBytes: 0.9 * gib });
  await untilGuard(server, (guard) => guard.level === 2);
  expect(await refusalOf(server.url)).toMatchObject({
    status: 503,
    code: 'MEMORY_LIMIT',
    retryAfter: '10',
  });
  expect(await server.metric('odin_clients_shed_total')).toBe(0);
  senses.set({ memoryBytes: 0.99 * gib });
  await untilGuard(server, (guard) => guard.level === 4);
  for (const client of slow) client.socket.resume();
  for (const client of slow) expect(await client.closing()).toMatchObject({ code: 1013 });
  await expect.poll(() => server.metric('odin_clients_shed_total')).toBe(2);
  await expect.poll(() => server.metric('ws_disconnects_total{reason="overloaded"}')).toBe(2);
  await server.publish(trade(published));
  await quick.events(published + 1);
  expect(numbers(quick)).toEqual(upTo(published + 1));
  // Shards pass their log on.
  await expect
    .poll(() => server.logLines.filter(({ audit }) => audit === 'disconnected_by_policy'))
    .toMatchObject([{ reason: 'overloaded' }, { reason: 'overloaded' }]);
});

test('thresholds that are raised while it refuses let clients in again, as soon as levels go down', async () => {
  const senses = new FakeSenses();
  await using server = await startTestServer({ guard: thresholds }, {}, senses);
  senses.set({ cpuPercent: 78 });
  await untilGuard(server, ({ refusing }) => refusing === 'CPU_OVERLOAD');
  server.reload({ guard: { ...thresholds, cpuRejectPercent: 95, cpuPausePercent: 99 } });
  await untilGuard(server, ({ level, refusing }) => level === 1 && refusing === null);
  await using _client = await TestClient.open(server.url);
  server.reload({ guard: { ...thresholds, cpuRejectPercent: 60 } });
  await untilGuard(server, ({ refusing }) => refusing === 'CPU_OVERLOAD');
});

test('a limited rate lets events wait in the broker, and loses none', async () => {
  await using server = await startTestServer({ guard: { maxBrokerRate: 2_000 } });
  await using client = await TestClient.open(server.url);
  await client.subscribe('BTC.trade');
  const total = 8_000;
  const startedMs = performance.now();
  for (const n of upTo(total / 500)) {
    await server.publish(...upTo(500).map((i) => trade(n * 500 + i)));
  }
  await client.events(total);
  const seconds = (performance.now() - startedMs) / 1_000;
  expect(numbers(client)).toEqual(upTo(total));
  // One second's events from the full bucket, and one batch of 2 048 that is not waited for.
  expect(seconds).toBeGreaterThan((total - 2_000 - 2_048) / 2_000);
  expect(seconds).toBeLessThan(total / 2_000 + 20);
  expect(await server.metric('odin_broker_pauses_total{reason="pacing"}')).toBeGreaterThan(0);
});

test('a limited broadcast rate counts an event once per client', async () => {
  await using server = await startTestServer({ guard: { maxBroadcastRate: 2_000 } });
  await using one = await TestClient.open(server.url);
  await using two = await TestClient.open(server.url);
  for (const client of [one, two]) await client.subscribe('BTC.trade');
  const startedMs = performance.now();
  // 3 000 events for two clients: one second from the bucket, two more to wait for.
  for (const n of upTo(60)) {
    await server.publish(...upTo(50).map((i) => trade(n * 50 + i)));
  }
  await Promise.all([one.events(3_000), two.events(3_000)]);
  const seconds = (performance.now() - startedMs) / 1_000;
  expect(seconds).toBeGreaterThan(0.4);
  expect(seconds).toBeLessThan(20);
  expect(numbers(one)).toEqual(upTo(3_000));
  expect(two.received).toEqual(one.received);
  expect(await server.metric('odin_broker_pauses_total{reason="pacing"}')).toBeGreaterThan(0);
});
