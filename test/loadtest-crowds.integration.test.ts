/** Crowds of a load test: mixes, clients that misbehave on purpose, storms; who counts for what. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { formatProgress, type Progress } from '../src/loadtest/live/progress.ts';
import { portsTowards } from '../src/loadtest/machine/local-ports.ts';
import { FaultServer } from './support/fault-server.ts';
import { channel, faultsOf, publish, run } from './support/run-loadtest.ts';

test.concurrent('each profile of a mix wants what it should, and has its own figures', async () => {
  const dropped = new Set<number>();
  await using server = await FaultServer.start({
    deliver: ({ client, n, channel: name }) => {
      if (name !== 'BTC.social' || n !== 3) return undefined;
      dropped.add(client);
      return 'drop';
    },
  });
  const settings = {
    mix: 'trader=70,social=20,whale=10',
    profiles: '{"whale":{"channels":["*"]}}',
    tokens: 'BTC',
    connections: '20',
    workers: '2',
    durationMs: '2s',
    thresholds: 'trader: lost == 0 & received == 280',
  };
  const [report] = await Promise.all([
    run(server.url, settings),
    server.subscribed(20).then(async () => {
      await sleep(300);
      for (let n = 0; n < 20; n++) {
        for (const name of ['BTC.trade', 'BTC.social', 'BTC.balances']) server.publish(name);
        await sleep(5);
      }
    }),
  ]);
  const figures = report.profiles.map(({ name, connections, messages }) => {
    return [name, connections.opened, messages.received, messages.lost, messages.unexpected];
  });
  expect(dropped.size).toBe(6);
  expect(figures).toEqual([
    ['trader', 14, 14 * 20, 0, 0],
    ['social', 4, 4 * 19, 4, 0],
    ['whale', 2, 2 * 59, 2, 0],
  ]);
  expect(report.messages).toMatchObject({ received: 280 + 76 + 118, lost: 6 });
  expect(report.connections).toMatchObject({ target: 20, opened: 20, active: 20 });
  expect(report.thresholds.filter(({ scope }) => scope === 'trader')).toMatchObject([
    { expression: 'trader: lost == 0', observed: 0, ok: true },
    { expression: 'trader: received == 280', observed: 280, ok: true },
  ]);
  expect(report.misbehaving).toEqual([]);
});

test.concurrent('what becomes of slow clients is told apart, and is no reason to fail', async () => {
  await using server = await FaultServer.start({ recover: 'all' });
  const [report] = await Promise.all([
    run(server.url, { slowPercent: '25%', durationMs: '2s' }),
    publish(server, 20, 20).then(() => server.closeAll(4001)),
  ]);
  expect(faultsOf(report)).toEqual([]);
  // Those that read were told at once, and came back.
  expect(report.connections).toMatchObject({ target: 15, opened: 15, active: 15, dropped: 15 });
  expect(report.connections).toMatchObject({ reconnected: 15, away: 0 });
  expect(report.server.closeCodes).toEqual({ 4001: 15 });
  expect(report.messages).toMatchObject({ received: 300, lost: 0 });
  // Those that did not read learnt it when they did, in the end.
  const [slow] = report.misbehaving;
  expect(slow).toMatchObject({
    name: 'slow',
    connections: { target: 5, opened: 5, dropped: 5 },
    messages: { received: 100, lost: 0 },
    closeCodes: { 4001: 5 },
  });
  // What waits until they read has its latency from that; who was late read some with its answer.
  expect(slow!.latencyMs.count).toBeGreaterThan(50);
  expect(slow!.latencyMs.p50).toBeGreaterThan(500);
});

test.concurrent('slow clients may read a little, and catch up in the end', async () => {
  await using server = await FaultServer.start();
  const settings = { slowPercent: '50%', slowReadBytes: '1000', durationMs: '1500ms' };
  const [report] = await Promise.all([run(server.url, settings), publish(server, 20, 100)]);
  expect(report.messages).toMatchObject({ received: 1_000, lost: 0 });
  const [slow] = report.misbehaving;
  expect(slow!.messages).toMatchObject({ received: 1_000, lost: 0 });
  // What waits to be read has its latency from that.
  expect(slow!.latencyMs.p50).toBeGreaterThan(report.latencyMs.p50!);
});

test.concurrent('slow clients that have to go read first what came until then', async () => {
  // The last ten events reach the five last clients only, good ones or slow ones.
  await using server = await FaultServer.start({
    deliver: ({ client, n }) => (client < 15 && n >= 90 ? 'drop' : undefined),
  });
  const settings = {
    ...{ slowPercent: '50%', durationMs: '1500ms', workers: '1', rampDownMs: '500ms' },
    thresholds: 'slow: lost == 0',
  };
  // Nothing has a latency before the hold phase, which begins in the worker within a round of its.
  const held = Promise.withResolvers<void>();
  let rounds = 0;
  const onProgress = ({ stage }: Progress) => {
    if (stage === 'hold' && ++rounds === 2) held.resolve();
  };
  const [report] = await Promise.all([
    run(server.url, settings, { onProgress }),
    held.promise.then(() => publish(server, 20, 100)),
  ]);
  const [slow] = report.misbehaving;
  expect(slow!.connections).toMatchObject({ target: 10, opened: 10, left: 10, active: 0 });
  expect(slow!.messages.received + slow!.messages.lost!).toBe(1_000);
  expect(slow!.messages.lost).toBeGreaterThanOrEqual(50);
  expect(slow!.messages.lostAtEnd).toBe(slow!.messages.lost);
  expect(slow!.latencyMs.count).toBe(slow!.messages.received);
  const { observed, ok } = report.thresholds.at(-1)!;
  expect({ observed, ok }).toEqual({ observed: slow!.messages.lost, ok: false });
});

test.concurrent('a threshold is not met by clients, or in a stage, that got nothing', async () => {
  await using server = await FaultServer.start();
  const settings = {
    ...{ halfOpenPercent: '50%', halfOpenMode: 'unfinished', slowPercent: '2%' },
    stages: 'come=300ms:20,stay=700ms:20',
    thresholds: [
      ...['half-open: lost == 0', 'slow: failed == 0'],
      ...['come: duplicated == 0', 'stay: lost == 0'],
    ],
  };
  const [report] = await Promise.all([
    run(server.url, settings),
    server.subscribed(10).then(async () => {
      await sleep(500);
      server.publish(channel);
    }),
  ]);
  expect(report.thresholds.slice(-4).map(({ expression, ok }) => [expression, ok])).toEqual([
    ['half-open: lost == 0', false],
    ['slow: failed == 0', false],
    ['come: duplicated == 0', false],
    ['stay: lost == 0', true],
  ]);
  expect(report.verdict).not.toBe('pass');
  expect(faultsOf(report)).toContain('half-open: lost == 0: nothing was measured: no event came');
});

test.concurrent('half-open clients keep sockets busy, and come back when they are closed', async () => {
  await using server = await FaultServer.start({ pingMs: 200 });
  const settings = { halfOpenPercent: '40%', durationMs: '1500ms' };
  const shown: string[] = [];
  const [report] = await Promise.all([
    run(server.url, settings, {
      onProgress: (progress) => void shown.push(formatProgress(progress)),
    }),
    // Four of the twenty never ask for the upgrade; four do, and never answer a ping.
    publish(server, 16, 20).then(async () => {
      await expect.poll(() => server.sockets).toBeGreaterThanOrEqual(16);
    }),
  ]);
  expect(report.connections).toMatchObject({ target: 12, opened: 12, active: 12, dropped: 0 });
  // They are on none of the others' account, neither as planned nor as open.
  expect(shown).toContainEqual(expect.stringMatching(/hold .* 12\/12 open .* [5-8]\/8 half-open$/));
  expect(report.errors).toEqual([]);
  const [halfOpen] = report.misbehaving;
  expect(halfOpen).toMatchObject({ name: 'half-open', connections: { target: 8, opened: 8 } });
  expect(halfOpen!.closeCodes).toEqual({ 4003: halfOpen!.connections.dropped });
  expect(halfOpen!.connections.dropped).toBeGreaterThanOrEqual(4);
});

test.concurrent.each([
  ['v2', { missedOnPurpose: 0 }],
  ['v1', { healed: 0 }],
] as const)(
  'with %s, all come back from storms, and what they miss is nobody’s fault',
  async (protocol, counts) => {
    await using server = await FaultServer.start({ recover: 'all' });
    const publishing = setInterval(() => server.publish(channel), 5);
    const settings = { protocol, storm: 'every 500ms:50%', durationMs: '1800ms', workers: '1' };
    const report = await run(server.url, settings);
    clearInterval(publishing);
    expect(faultsOf(report)).toEqual([]);
    const { stormed, ...connections } = report.connections;
    // The later storms meet those that are back by then.
    expect(stormed).toBeGreaterThan(10);
    expect(stormed).toBeLessThanOrEqual(30);
    expect(connections).toMatchObject({ dropped: 0, reconnected: stormed, active: 20 });
    expect(report.returnMs.count).toBe(stormed);
    expect(report.messages).toMatchObject({ lost: 0, missedWhileDisconnected: 0, ...counts });
  },
);

test.concurrent('none is away from a stage that ends in a storm, and none comes at the very end', async () => {
  await using server = await FaultServer.start({ upgradeDelayMs: 300 });
  const publishing = setInterval(() => server.publish(channel), 5);
  const report = await run(server.url, {
    ...{ stages: '100ms:20,700ms:20,1300ms:20', storm: '700ms:50%', workers: '1' },
    thresholds: 'stage2: away == 0',
  });
  clearInterval(publishing);
  expect(faultsOf(report)).toEqual([]);
  const { stormed, reconnected } = report.connections;
  expect(stormed).toBeGreaterThan(0);
  expect(stormed).toBeLessThanOrEqual(20);
  expect(reconnected).toBe(stormed);
});

const goneForGood = (request: number) => (request < 20 ? undefined : '503 Full');

test.concurrent.each([
  ['dropped out in a storm, and went on its way back', { upgradeDelayMs: 2_500 }, 'storm', 20],
  ['was moved, and went on its way back', { upgradeDelayMs: 2_500 }, 'move', 20],
  ['could not come back from a storm', { refuse: goneForGood }, 'storm', 0],
  ['was dropped by the server, and not let in again', { refuse: goneForGood }, 'drop', 0],
] as const)('a client that %s is counted as what it is', async (_, faults, trouble, left) => {
  await using server = await FaultServer.start(faults);
  const settings = { durationMs: '1500ms', rampDownMs: '200ms', workers: '1' };
  let isHeld = false;
  const report = await run(
    server.url,
    { ...settings, ...(trouble === 'storm' && { storm: 'every 300ms:100%' }) },
    {
      onProgress({ stage }) {
        server.publish(channel);
        if (stage !== 'hold' || isHeld) return;
        isHeld = true;
        if (trouble === 'drop') server.closeAll(1001);
        if (trouble === 'move') {
          server.broadcast('{"type":"reconnect_notice","after_ms":100,"reason":"x"}');
        }
      },
    },
  );
  expect(report.connections).toMatchObject({ opened: 20, active: 0, left, away: 20 - left });
  expect(report.connections).toMatchObject({
    stormed: trouble === 'storm' ? 20 : 0,
    moved: trouble === 'move' ? 20 : 0,
    reconnected: 0,
  });
});

test.concurrent('a client that the server closes has its socket closed before it dials again', async () => {
  await using server = await FaultServer.start({ endDelayMs: 150 });
  const [{ connections, server: told }] = await Promise.all([
    // One that did not wait would be back long before the server ends its old socket.
    run(server.url, { durationMs: '1500ms', backoffBaseMs: '1ms' }),
    server.subscribed(20).then(() => server.closeAll(1001)),
  ]);
  expect(told.closeCodes).toEqual({ 1001: 20 });
  expect(connections).toMatchObject({ dropped: 20, reconnected: 20, active: 20 });
  expect(server.mostSockets).toBe(20);
});

test.concurrent('nothing is sent after a goodbye, which is said once', async () => {
  await using server = await FaultServer.start({ endDelayMs: 300 });
  const settings = { durationMs: '1s', churn: '400/s:100ms', workers: '1', connections: '40' };
  const [{ connections }] = await Promise.all([
    run(server.url, { ...settings, rampDownMs: '200ms' }),
    server.subscribed(40).then(async () => {
      server.broadcast('{"type":"reconnect_notice","after_ms":100,"reason":"x"}');
      // Some are moved, and have to go, before their sockets are closed.
      await sleep(800);
      server.broadcast('{"type":"reconnect_notice","after_ms":100,"reason":"x"}');
    }),
  ]);
  expect(connections.moved).toBeGreaterThanOrEqual(40);
  expect(connections.churned).toBeGreaterThan(0);
  expect(server.bytesAfterClose).toBe(0);
});

test.runIf(process.platform === 'linux')(
  'no local port has to wait after storms, refusals, lost connections and the end',
  async () => {
    const refuse = (request: number) =>
      request % 8 === 3 ? '503 Full\r\nRetry-After: 0' : undefined;
    await using server = await FaultServer.start({ refuse });
    const settings = { durationMs: '900ms', storm: 'every 400ms:50%' };
    const running = run(server.url, { ...settings, rampDownMs: '200ms', backoffBaseMs: '10ms' });
    await server.subscribed(25);
    server.closeAll(1001, 10);
    const { connections } = await running;
    expect(connections.stormed).toBeGreaterThan(0);
    expect(connections.left).toBeGreaterThan(0);
    const remote = { address: '127.0.0.1', port: server.port };
    const waiting = portsTowards(await readFile('/proc/net/tcp', 'utf8'), remote, false);
    // A server may be so quick with its end that it comes before the reset.
    expect(waiting.size).toBeLessThan(5);
  },
);

test.concurrent('a threshold may be about one stage, and end the run in it', async () => {
  await using server = await FaultServer.start();
  let at = '';
  const publishing = setInterval(() => {
    server.publish(channel, Date.now() - (at === 'late' ? 500 : 100));
  }, 10);
  const settings = {
    stages: '300ms:10,500ms:10,late=60s:10',
    thresholds: 'late: latency.p50 < 400ms abort after 200ms',
  };
  const report = await run(server.url, settings, {
    onProgress: ({ stage }) => {
      at = stage;
    },
  });
  clearInterval(publishing);
  expect(report.durationMs).toBeLessThan(20_000);
  expect(report.verdict).not.toBe('pass');
  expect(report.thresholds.at(-1)).toMatchObject({ scope: 'late', ok: false });
  expect(faultsOf(report)).toEqual([
    expect.stringMatching(/^ended early, .*: late: latency\.p50 < 400ms$/),
    expect.stringMatching(/^late: latency\.p50 < 400ms: was [\d.]+ms$/),
  ]);
});
