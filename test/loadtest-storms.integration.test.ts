/** Load tests whose clients leave and return: storms, moves, lost connections, and the sockets behind them. */
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { portsTowards } from '../src/loadtest/machine/local-ports.ts';
import { FaultServer } from './support/fault-server.ts';
import { channel, faultsOf, run, watchStage } from './support/run-loadtest.ts';

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

test.concurrent.each([
  ['pass', {}, '503 Full\r\nRetry-After: 3', { reconnected: 10, active: 20, away: 0 }, []],
  [
    'fail',
    { reconnectAttempts: '0' },
    '503 Full',
    { reconnected: 0, active: 10, away: 10 },
    ['10 clients did not come back after a lost connection (upgrade-status-503 ×10)'],
  ],
] as const)(
  'a run ends in %s with all back from its last storm, or with the reason',
  async (...row) => {
    const [, settings, refusal, counts, reasons] = row;
    await using server = await FaultServer.start({
      recover: 'all',
      refuse: (request) => (request >= 20 && request < 30 ? refusal : undefined),
    });
    const publishing = setInterval(() => server.publish(channel), 5);
    const atTheEnd = { durationMs: '1210ms', storm: '1s:50%', workers: '1' };
    const report = await run(server.url, { ...atTheEnd, ...settings });
    clearInterval(publishing);
    expect(faultsOf(report)).toEqual(reasons);
    expect(report.connections).toMatchObject({ stormed: 10, dropped: 0, ...counts });
    expect(report.returnMs.count).toBe(counts.reconnected);
    expect(report.messages).toMatchObject({ lost: 0, missedOnPurpose: 0, unrecovered: 0 });
    // They have what they missed, also of the time in which they were waited for.
    if (counts.reconnected > 0) expect(report.messages.healed).toBeGreaterThan(1_000);
  },
);

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
  const down = watchStage('ramp-down');
  const move = () => server.broadcast('{"type":"reconnect_notice","after_ms":50,"reason":"x"}');
  const [{ connections }] = await Promise.all([
    run(server.url, { ...settings, rampDownMs: '800ms' }, down),
    server.subscribed(40).then(move),
    // Some are moved, and have to go, before their sockets are closed.
    down.begun.then(move),
  ]);
  expect(connections.moved).toBeGreaterThan(40);
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
