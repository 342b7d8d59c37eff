/** Tests of load test clients that come back: what they resume, and what the report makes of it. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FaultServer, type Faults } from './support/fault-server.ts';
import { channel, faultsOf, publish, run } from './support/run-loadtest.ts';

const clients = 20;
/** Clients thrown out; one stays, so that it is known what the others miss. */
const away = clients - 1;
const missed = 7;

/** All get 10 events; all but one are thrown out, miss 7 published meanwhile, and get 10 more. */
async function interrupt(faults: Faults, settings: Record<string, string> = {}) {
  await using server = await FaultServer.start(faults);
  const [report] = await Promise.all([
    run(server.url, { durationMs: '3s', ...settings }),
    publish(server, clients, 10).then(async () => {
      server.closeAll(1001, 1);
      for (let n = 0; n < missed; n++) server.publish(channel);
      // What is from before the return is told by time, in whole milliseconds.
      await sleep(2);
      await publish(server, clients + away, 10);
    }),
  ]);
  return { report, sinces: server.sinces };
}

test('clients that resume get what they missed, and the report says so', async () => {
  const { report, sinces } = await interrupt({ recover: 'all' });
  expect(report.connections).toMatchObject({ dropped: away, reconnected: away, active: clients });
  expect(report.messages).toMatchObject({
    received: clients * (20 + missed),
    missedWhileDisconnected: 0,
    unrecovered: 0,
    lost: 0,
    duplicated: 0,
  });
  // Some of the later events may have come before the last clients were back.
  expect(report.messages.healed).toBeGreaterThanOrEqual(away * missed);
  expect(faultsOf(report)).toEqual([]);
  expect(sinces).toHaveLength(away);
  expect(new Set(sinces.map((since) => JSON.stringify(since))).size).toBe(1);
  expect(sinces[0]).toEqual({ [channel]: { epoch: 'e1', offset: expect.any(Number) } });
});

test('under a wildcard, clients name the channels that they have seen', async () => {
  const { report, sinces } = await interrupt({ recover: 'all' }, { channels: '*.trade,ETH.trade' });
  const { ts, offsets } = sinces[0]!['*.trade'] as { ts?: number; offsets?: object };
  expect(Date.now() - ts!).toBeLessThan(60_000);
  expect(Object.keys(offsets!)).toEqual([channel]);
  // Without any event of it there is no position.
  expect(sinces[0]).not.toHaveProperty(['ETH.trade']);
  expect(report.messages).toMatchObject({ lost: 0, duplicated: 0, unrecovered: 0 });
  expect(report.messages.received).toBe(clients * (20 + missed));
});

test('what the server cannot give again is unrecovered and fails the run', async () => {
  const { report } = await interrupt({ recover: 'nothing' });
  expect(report.messages).toMatchObject({
    unrecovered: away * missed,
    lost: 0,
    duplicated: 0,
    missedWhileDisconnected: 0,
  });
  expect(report.verdict).toBe('fail');
  expect(faultsOf(report)).toEqual([
    `${away * missed} events or more were missed while disconnected and not recovered`,
  ]);
});

test('what the server promises and does not send is lost', async () => {
  const { report } = await interrupt({ recover: 'lies' });
  expect(report.messages).toMatchObject({ lost: away * missed, unrecovered: 0 });
  expect(faultsOf(report)).toEqual([`${away * missed} events were lost`]);
});

test('a server that knows no resuming leaves them missed, not lost, which fails the run', async () => {
  const { report } = await interrupt({});
  expect(report.messages).toMatchObject({
    missedWhileDisconnected: away * missed,
    healed: 0,
    lost: 0,
  });
  expect(report.verdict).toBe('fail');
  expect(faultsOf(report)).toEqual([
    `${away * missed} events or more were missed while disconnected`,
  ]);
});

test('clients of v1 do not resume, and what they miss fails the run', async () => {
  const { report, sinces } = await interrupt({ recover: 'all' }, { protocol: 'v1' });
  expect(sinces).toEqual([]);
  expect(report.messages).toMatchObject({ missedWhileDisconnected: away * missed, lost: 0 });
  expect(faultsOf(report)).toEqual([
    `${away * missed} events or more were missed while disconnected`,
  ]);
});

test('after a restart of the server with its positions, nothing is missing', async () => {
  const first = await FaultServer.start({ recover: 'all' });
  const { url, port, log } = first;
  const running = run(url, { durationMs: '6s' });
  await publish(first, clients, 20);
  await first[Symbol.asyncDispose]();
  for (let n = 0; n < missed; n++) first.publish(channel);
  // Long enough for every client to be refused at least once.
  await sleep(1_000);
  const refuse = (request: number) => (request < 5 ? '503 Warming\r\nRetry-After: 0' : undefined);
  await using second = await FaultServer.start({ recover: 'all', log, refuse }, port);
  await publish(second, clients, 20);
  const report = await running;
  expect(report.connections).toMatchObject({ dropped: clients, reconnected: clients });
  expect(report.messages).toMatchObject({
    received: clients * (40 + missed),
    epochChanges: 0,
    lost: 0,
    duplicated: 0,
    unrecovered: 0,
    missedWhileDisconnected: 0,
  });
  const classes = report.errors.map((error) => error.class);
  expect(classes).toContain('connect-refused');
  expect(classes).toContain('upgrade-status-503');
  expect(report.verdict).not.toBe('fail');
});

test('a server of another epoch that cannot recover leaves a hole in every subscription', async () => {
  const first = await FaultServer.start({ recover: 'all', epoch: 'e1' });
  const { url, port } = first;
  const running = run(url, { durationMs: '5s' });
  await publish(first, clients, 20);
  await first[Symbol.asyncDispose]();
  await using second = await FaultServer.start({ recover: 'nothing', epoch: 'e2' }, port);
  await publish(second, clients, 20);
  const report = await running;
  expect(report.messages).toMatchObject({ epochChanges: 1, lost: 0, duplicated: 0 });
  expect(report.messages.unrecovered).toBe(clients);
  expect(second.sinces[0]).toMatchObject({ [channel]: { epoch: 'e1' } });
});

test('a notice makes clients reconnect by themselves, each after its own time', async () => {
  await using server = await FaultServer.start({ recover: 'all' });
  const [report] = await Promise.all([
    run(server.url, { durationMs: '2s' }),
    publish(server, clients, 10).then(async () => {
      server.broadcast(JSON.stringify({ type: 'reconnect_notice', after_ms: 200, reason: 'x' }));
      const noticedMs = performance.now();
      await publish(server, clients + 1, 20);
      expect(performance.now() - noticedMs).toBeGreaterThan(150);
      await publish(server, 2 * clients, 10);
    }),
  ]);
  expect(report.connections).toMatchObject({
    moved: clients,
    dropped: 0,
    reconnected: clients,
    active: clients,
  });
  expect(report.messages).toMatchObject({
    reconnectNotices: clients,
    received: clients * 40,
    lost: 0,
    duplicated: 0,
  });
  expect(report.errors).toEqual([]);
  expect(report.verdict).not.toBe('fail');
});

test('what the server tells of its own accord is counted', async () => {
  await using server = await FaultServer.start({
    deliver: ({ client, n }) => (client > 0 && (n === 5 || n === 6) ? 'drop' : undefined),
  });
  const [report] = await Promise.all([
    run(server.url, {}),
    publish(server, clients, 5).then(async () => {
      const notices = [
        { type: 'throttle_update', level: 1, rate_percent: 75, message: 'slow' },
        { type: 'gap', channel, from: 1, to: 2 },
        { type: 'skipped', channels: { [channel]: 1 } },
        { type: 'error', code: 'RATE_LIMIT_EXCEEDED', message: 'too many' },
      ];
      for (const notice of notices) server.broadcast(JSON.stringify(notice));
      await publish(server, clients, 5);
    }),
  ]);
  expect(report.messages).toMatchObject({
    throttleUpdates: clients,
    gapNotices: clients,
    serverErrors: clients,
    skipped: away,
    lost: away,
  });
  expect(report.errors).toMatchObject([
    { class: 'open-error', count: clients, example: expect.stringContaining('RATE_LIMIT') },
  ]);
});

test('an interrupted run does not wait for a notice or a retry', async () => {
  await using server = await FaultServer.start({ recover: 'all' });
  const stop = new AbortController();
  const running = run(server.url, { durationMs: '30s' }, { signal: stop.signal });
  await publish(server, clients, 2);
  server.broadcast(JSON.stringify({ type: 'reconnect_notice', after_ms: 60_000 }));
  await sleep(50);
  const ended = once(stop.signal, 'abort').then(() => performance.now());
  stop.abort();
  const report = await running;
  expect(performance.now() - (await ended)).toBeLessThan(20_000);
  expect(report.verdict).toBe('interrupted');
});
