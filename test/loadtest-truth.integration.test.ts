/** Calibration of the load tester: what a server with known faults did is what the report says. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createRandom, randomNormal } from '../src/base/random.ts';
import type { LoadTestDeps } from '../src/loadtest/index.ts';
import { FaultServer, type Faults } from './support/fault-server.ts';
import { channel, faultsOf, publish, run } from './support/run-loadtest.ts';

const clients = 20;

/** A run, and what happens in its hold phase. */
async function holding(
  server: FaultServer,
  settings: Record<string, string>,
  act: (workers: readonly number[]) => Promise<void> | void,
  deps: Partial<LoadTestDeps> = {},
) {
  const held = Promise.withResolvers<void>();
  let workers: readonly number[] = [];
  const running = run(server.url, settings, {
    ...deps,
    onWorkers: (pids) => {
      workers = pids;
    },
    onProgress: ({ phase }) => {
      if (phase === 'hold') held.resolve();
    },
  });
  await held.promise;
  await act(workers);
  return await running;
}

/** The value at or below which `percent` of the values lie. */
function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] as number;
}

test('latencies of a known distribution are measured to 2 %', async () => {
  await using server = await FaultServer.start();
  const random = createRandom(3);
  // So old that what a busy machine adds is within the 2 %.
  const delaysMs = Array.from({ length: 300 }, () =>
    Math.round(20_000 * Math.exp(0.6 * randomNormal(random))),
  );
  const report = await holding(server, {}, async () => {
    for (const delayMs of delaysMs) {
      server.publish(channel, Date.now() - delayMs);
      await sleep(1);
    }
  });
  expect(report.latencyMs.count).toBe(delaysMs.length * clients);
  for (const [name, percent] of [
    ['p50', 50] as const,
    ['p95', 95] as const,
    ['p99', 99] as const,
  ]) {
    const injected = percentile(delaysMs, percent);
    expect(report.latencyMs[name]! / injected, name).toBeGreaterThan(0.99);
    expect(report.latencyMs[name]! / injected, name).toBeLessThan(1.02);
  }
  const mean = delaysMs.reduce((sum, ms) => sum + ms, 0) / delaysMs.length;
  expect(report.latencyMs.mean! / mean).toBeLessThan(1.02);
});

test('each phase of a connection takes as long as the server lets it', async () => {
  await using server = await FaultServer.start({ upgradeDelayMs: 150, ackDelayMs: 200 });
  const report = await holding(server, {}, async () => {
    await sleep(100);
    await publish(server, clients, 5);
  });
  const { dialed, connected, upgraded, subscribed, firstEvent } = report.phases as Required<
    typeof report.phases
  >;
  for (const { count } of Object.values(report.phases)) expect(count).toBe(clients);
  expect(report.phases).not.toHaveProperty('secured');
  expect(dialed.p50).toBeLessThanOrEqual(connected.p50!);
  // A busy machine adds to each of them.
  expect(connected.p50).toBeLessThan(upgraded.p50! - 100);
  expect(upgraded.p50).toBeGreaterThanOrEqual(149);
  expect(upgraded.p50).toBeLessThan(1_500);
  expect(subscribed.p50).toBeGreaterThanOrEqual(348);
  expect(subscribed.p50).toBeLessThan(3_000);
  expect(firstEvent.p50).toBeGreaterThan(subscribed.p50!);
  expect(report.connectMs.p50).toBe(upgraded.p50);
});

test.each(['v1', 'v2'])(
  'with %s, what is lost before the first event is lost',
  async (protocol) => {
    const dropped = 8;
    await using server = await FaultServer.start({
      deliver: ({ client, n }) => (client === 3 && n < dropped ? 'drop' : undefined),
    });
    const report = await holding(server, { protocol }, async () => {
      // Events within 250 ms of a subscription may have been on their way before it.
      await sleep(300);
      await publish(server, clients, 20);
    });
    expect(report.messages).toMatchObject({ lost: dropped, lostAtEnd: 0, duplicated: 0 });
    expect(report.gaps).toEqual([expect.objectContaining({ after: null, lost: dropped })]);
    expect(faultsOf(report)).toEqual([`${dropped} events were lost`]);
  },
);

test('what was published before a subscription is not lost, though others have it', async () => {
  await using server = await FaultServer.start();
  const [report] = await Promise.all([
    run(server.url, { rampRate: '25' }),
    publish(server, 1, 150),
  ]);
  expect(report.messages.received).toBeGreaterThan(150);
  expect(report.messages.received).toBeLessThan(150 * clients);
  expect(report.messages).toMatchObject({ lost: 0, reordered: 0, duplicated: 0 });
});

test('the offset of the clocks is found, and lies within its uncertainty', async () => {
  const clockAheadMs = 90_000;
  await using server = await FaultServer.start({ clockAheadMs });
  const report = await holding(server, {}, () => publish(server, clients, 5));
  const { offsetMs, uncertaintyMs, roundTripMs, samples } = report.clock!;
  expect(samples).toBeGreaterThanOrEqual(1);
  expect(uncertaintyMs).toBe(roundTripMs / 2 + 0.5);
  // The two processes read the time of day when they start, to about a millisecond.
  expect(Math.abs(offsetMs - clockAheadMs)).toBeLessThan(uncertaintyMs + 2);
  expect(report.messages.control).toBe(2 * clients);
});

test('every status is counted as it was sent, and by whose fault', async () => {
  const statuses = [200, 301, 400, 401, 403, 404, 426, 429, 500, 502, 503];
  await using server = await FaultServer.start({ refuse: (n) => `${statuses[n]} Test` });
  const report = await run(server.url, { connections: String(statuses.length) });
  const classes = report.errors.map((error) => error.class).sort();
  expect(classes).toEqual(statuses.map((status) => `upgrade-status-${status}`).sort());
  expect(report.errors.every(({ count }) => count === 1)).toBe(true);
  const blamed = Object.groupBy(report.errors, ({ blame }) => blame);
  expect(blamed.policy?.map(({ cause }) => cause).sort()).toEqual([
    'status-401',
    'status-403',
    'status-429',
    'status-503',
  ]);
  expect(blamed.server?.map(({ cause }) => cause).sort()).toEqual(['status-500', 'status-502']);
  expect(report.connections.refused).toEqual({ TEST: statuses.length });
});

test('every close code is counted as it was sent', async () => {
  const codes = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4001, 4501,
  ];
  await using server = await FaultServer.start();
  const settings = {
    connections: String(codes.length),
    reconnectAttempts: '0',
    durationMs: '300ms',
  };
  const report = await holding(server, settings, () => {
    server.closeEach((client) => codes[client] as number);
  });
  expect(report.server.closeCodes).toEqual(Object.fromEntries(codes.map((code) => [code, 1])));
  expect(report.errors.map((error) => error.class).sort()).toEqual(
    codes.map((code) => `open-close-${code}`).sort(),
  );
  expect(report.connections).toMatchObject({ dropped: codes.length, active: 0 });
});

const answers: [string, Faults, string, string][] = [
  ['a reset', { reset: true }, 'upgrade-reset', 'network'],
  ['no answer at all', { answer: '' }, 'upgrade-closed', 'server'],
  [
    'a TLS alert',
    { answer: Buffer.from('15030100020246', 'hex') },
    'upgrade-tls-expected',
    'generator',
  ],
  ['something else than HTTP', { answer: 'SSH-2.0-x\r\n' }, 'upgrade-bad-response', 'server'],
  ['a status that is none', { answer: 'HTTP/1.1 999 X\r\n\r\n' }, 'upgrade-bad-response', 'server'],
  ['half an answer', { answer: 'HTTP/1.1 101 Sw' }, 'upgrade-closed', 'server'],
  ['silence', { stall: true }, 'upgrade-timeout', 'server'],
  ['silence after the upgrade', { ackDelayMs: 10_000 }, 'subscribe-timeout', 'server'],
];

test.each(answers)('%s has its class, and a culprit', async (_, faults, errorClass, blame) => {
  await using server = await FaultServer.start(faults);
  // What is no silence is told before the time is over, however busy the machine.
  const connectTimeoutMs = errorClass.endsWith('timeout') ? '1s' : '60s';
  const report = await run(server.url, { connections: '5', connectTimeoutMs });
  expect(report.errors).toMatchObject([{ class: errorClass, blame, count: 5 }]);
  expect(report.connections).toMatchObject({ opened: 0, failed: 5, refused: {} });
});

const masked = Buffer.from('8181000000007b', 'hex');
const badClose = Buffer.from('880203e7', 'hex');

test.each<[string, (server: FaultServer) => void, string]>([
  ['a reset', (server) => server.resetAll(), 'open-reset'],
  ['a masked frame', (server) => server.sendBytes(masked), 'open-protocol-error'],
  ['the close code 999', (server) => server.sendBytes(badClose), 'open-protocol-error'],
])('%s on an open connection has its class', async (_, act, errorClass) => {
  await using server = await FaultServer.start();
  const settings = { connections: '5', reconnectAttempts: '0', durationMs: '300ms' };
  const report = await holding(server, settings, () => act(server));
  expect(report.errors).toMatchObject([{ class: errorClass, count: 5 }]);
});

test('a server at capacity is asked three times, and those left out are counted', async () => {
  const room = 12;
  const refuse = (request: number) => (request < room ? undefined : '503 Full\r\nRetry-After: 0');
  await using server = await FaultServer.start({ refuse });
  const report = await run(server.url, { durationMs: '200ms', reconnectAttempts: '60' });
  expect(report.connections).toMatchObject({
    opened: room,
    failed: clients - room,
    refused: { TEST: clients - room },
  });
  expect(server.requests).toBe(room + 3 * (clients - room));
  expect(report.errors).toMatchObject([
    { class: 'upgrade-status-503', count: 3 * (clients - room), blame: 'policy' },
  ]);
});

test('thresholds take the place of the usual rules and say what was observed', async () => {
  const faults: Faults = {
    deliver: ({ client, n }) => (client === 1 && n === 5 ? 'drop' : undefined),
  };
  await using server = await FaultServer.start(faults);
  const report = await holding(
    server,
    { thresholds: 'lost <= 1 & received >= 399 & latency.mean >= 1s & connect.success == 100%' },
    () => publish(server, clients, 20),
  );
  expect(report.thresholds.filter(({ isBuiltIn }) => !isBuiltIn)).toMatchObject([
    { expression: 'lost <= 1', observed: 1, ok: true },
    { expression: 'received >= 399', observed: 20 * clients - 1, ok: true },
    { expression: 'latency.mean >= 1s', unit: 'ms', ok: false },
    { expression: 'connect.success == 100%', observed: 100, ok: true },
  ]);
  expect(report.verdict).toBe('fail');
  expect(faultsOf(report)).toEqual([expect.stringMatching(/^latency\.mean >= 1s: was [\d.]+ms$/)]);
});

test('a threshold that may abort ends the run early, after its grace', async () => {
  await using server = await FaultServer.start({
    deliver: ({ client, n }) => (client === 1 && n === 5 ? 'drop' : undefined),
  });
  const settings = { durationMs: '60s', thresholds: 'lost == 0 abort after 500ms' };
  const report = await holding(server, settings, () => publish(server, clients, 20));
  expect(report.holdMs).toBeGreaterThanOrEqual(500);
  expect(report.holdMs).toBeLessThan(20_000);
  expect(report.verdict).toBe('fail');
  expect(faultsOf(report)).toEqual([
    expect.stringMatching(/^ended early, after [\d.]+s of the hold phase: lost == 0$/),
    'lost == 0: was 1',
  ]);
});

test('a worker that never wakes up does not hold up the end', async () => {
  await using server = await FaultServer.start();
  const startedAt = Date.now();
  const report = await holding(server, { workers: '2', durationMs: '300ms' }, ([stopped]) => {
    process.kill(stopped as number, 'SIGSTOP');
  });
  expect(Date.now() - startedAt).toBeLessThan(30_000);
  expect(report.verdict).toBe('inconclusive');
  expect(report.reasons[0]).toMatch(/^a load test worker did not answer in time/);
});

test('a worker that is stopped for 3 s makes the run inconclusive, not the server slow', async () => {
  await using server = await FaultServer.start();
  const settings = { workers: '2', durationMs: '4s', thresholds: 'latency.p99 < 500ms' };
  const report = await holding(server, settings, async ([, stopped]) => {
    process.kill(stopped as number, 'SIGSTOP');
    await publish(server, clients, 50);
    await sleep(3_000 - 50 * 5);
    process.kill(stopped as number, 'SIGCONT');
  });
  expect(report.latencyMs.p99).toBeGreaterThan(500);
  expect(report.messages).toMatchObject({ received: 50 * clients, lost: 0 });
  expect(report.verdict).toBe('inconclusive');
  expect(report.reasons).toContainEqual(
    expect.stringMatching(
      /^load test worker 2 stood still for [23]\.\d\ds \(allowed: less than 500ms\)$/,
    ),
  );
  expect(faultsOf(report)).toEqual([expect.stringMatching(/^latency\.p99 < 500ms: was \d+ms$/)]);
  const [awake, asleep] = report.generator.perWorker;
  expect(asleep!.longestStallMs).toBeGreaterThan(2_500);
  expect(asleep!.stalls).toBeGreaterThanOrEqual(1);
  expect(awake!.longestStallMs).toBeLessThan(asleep!.longestStallMs);
});
