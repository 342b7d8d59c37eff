/** Tests of the load tester against a server that makes known mistakes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Progress } from '../src/loadtest/live/progress.ts';
import { FaultProxy } from './support/fault-proxy.ts';
import { FaultServer } from './support/fault-server.ts';
import { freePort } from './support/free-port.ts';
import { channel, faultsOf, publish, run, watchStage } from './support/run-loadtest.ts';

test.each(['v1', 'v2'])('with %s, a server without faults passes', async (protocol) => {
  await using server = await FaultServer.start();
  const progress: Progress[] = [];
  const [report] = await Promise.all([
    run(server.url, { protocol, workers: '2' }, { onProgress: (line) => progress.push(line) }),
    publish(server, 20, 100),
  ]);
  expect(faultsOf(report)).toEqual([]);
  expect(report.verdict).not.toBe('fail');
  expect(report.connections).toEqual({
    target: 20,
    opened: 20,
    failed: 0,
    dropped: 0,
    moved: 0,
    reconnected: 0,
    active: 20,
    left: 0,
    away: 0,
    stormed: 0,
    churned: 0,
    unsubscribed: 0,
    resubscribed: 0,
    vanished: 0,
    refused: {},
  });
  expect(report.messages).toMatchObject({ received: 2_000, lost: 0, duplicated: 0, reordered: 0 });
  expect(report.messages.control).toBe(protocol === 'v1' ? 20 : 40);
  expect(report.latencyMs.count).toBeGreaterThan(1_000);
  // The event's time is in whole milliseconds, rounded down.
  expect(report.latencyMs.p50).toBeLessThan(1_000);
  expect(report.latencyMs.negative).toBe(0);
  expect(report.connectMs.max).toBeGreaterThan(0);
  expect(report.holdMs).toBeGreaterThanOrEqual(999);
  expect(report.holdMs).toBeLessThan(10_000);
  expect(report.generator.workers).toBe(2);
  expect(progress.length).toBeGreaterThan(5);
  expect(progress.at(-1)).toMatchObject({ opened: 20, active: 20, target: 20 });
});

test.each(['v1', 'v2'])('with %s, the report counts exactly what went wrong', async (protocol) => {
  const last = 99;
  await using server = await FaultServer.start({
    deliver({ client, n }) {
      if (client === 2 && n >= 30 && n < 35) return 'drop';
      if (client === 3 && n % 10 === 5) return 'duplicate';
      if (client === 4 && (n === 40 || n === 50 || n === 51)) return 'hold';
      if (client === 5 && n > last - 4) return 'drop';
      if (client === 6) return 'drop';
      return undefined;
    },
  });
  const [report] = await Promise.all([
    run(server.url, { protocol, workers: '2', durationMs: '2500ms' }),
    // The client that gets nothing has subscribed well before what it lacks.
    server.subscribed(20).then(async () => {
      await sleep(800);
      // All of it long before the end, however late timers are.
      for (let n = 0; n <= last; n++) server.publish(channel);
    }),
  ]);
  const lost = 5 + 4 + 100;
  expect(report.messages).toMatchObject({
    received: 2_000 - lost + 10,
    lost,
    duplicated: 10,
    reordered: 3,
    unexpected: 0,
    seqBreaks: 0,
    badMessages: 0,
  });
  expect(report.gaps.map((gap) => gap.lost).sort((a, b) => a - b)).toEqual([4, 5, 100]);
  expect(report.gaps.filter((gap) => gap.got === null)).toHaveLength(2);
  expect(report.verdict).toBe('fail');
  expect(faultsOf(report)).toEqual([
    `${lost} events were lost`,
    '10 events were received twice',
    '3 events were received out of order',
  ]);
});

test('without a publisher the run fails and says so', async () => {
  await using server = await FaultServer.start();
  const report = await run(server.url, { durationMs: '200ms' });
  expect(report.verdict).toBe('fail');
  expect(faultsOf(report)).toEqual([
    'no event was received: is a publisher running on these channels?',
  ]);
});

test('messages that are not JSON are reported', async () => {
  await using server = await FaultServer.start();
  const [report] = await Promise.all([
    run(server.url, {}),
    publish(server, 20, 10).then(() => server.broadcast('{"ts":1,')),
  ]);
  expect(report.messages.badMessages).toBe(20);
  expect(report.errors).toMatchObject([
    { class: 'open-bad-message', count: 20, example: 'not a JSON object: {"ts":1,' },
  ]);
});

test.each([
  ['a close frame that invites to return', 1001, 'open-close-1001', { 1001: 20 }],
  ['a reset of the sockets', undefined, 'open-closed', {}],
])('after %s all clients come back', async (_, code, errorClass, closeCodes) => {
  await using server = await FaultServer.start();
  const [report] = await Promise.all([
    run(server.url, { durationMs: '3s' }),
    publish(server, 20, 20).then(async () => {
      server.closeAll(code);
      await publish(server, 40, 20);
    }),
  ]);
  expect(report.connections).toMatchObject({ dropped: 20, reconnected: 20, active: 20 });
  expect(report.errors).toMatchObject([
    { class: errorClass, count: 20, example: expect.any(String) },
  ]);
  expect(report.server.closeCodes).toEqual(closeCodes);
  expect(report.messages).toMatchObject({ received: 800, lost: 0, missedWhileDisconnected: 0 });
  expect(faultsOf(report)).toEqual([]);
});

test('a server that starts anew with another epoch has not repeated or lost anything', async () => {
  const first = await FaultServer.start({ epoch: 'e1' });
  const { url, port } = first;
  const running = run(url, { durationMs: '4s' });
  await publish(first, 20, 20);
  await first[Symbol.asyncDispose]();
  await using second = await FaultServer.start({ epoch: 'e2' }, port);
  await publish(second, 20, 20);
  const report = await running;
  expect(report.connections).toMatchObject({ dropped: 20, reconnected: 20 });
  expect(report.messages).toMatchObject({
    received: 800,
    epochChanges: 1,
    lost: 0,
    duplicated: 0,
    missedWhileDisconnected: 0,
  });
  expect(faultsOf(report)).toEqual([]);
});

test('what is published while clients are away is missed, not lost', async () => {
  await using server = await FaultServer.start();
  const [report] = await Promise.all([
    run(server.url, { connections: '1', durationMs: '2s' }),
    publish(server, 1, 5).then(async () => {
      server.closeAll(1001);
      // Nothing is sent to a connection that is closing.
      server.publish(channel);
      await publish(server, 2, 5);
    }),
  ]);
  expect(report.messages).toMatchObject({ received: 10, lost: 0, missedWhileDisconnected: 1 });
});

test('a close code that says not to return is obeyed and fails the run', async () => {
  await using server = await FaultServer.start();
  const [report] = await Promise.all([
    run(server.url, { durationMs: '500ms' }),
    publish(server, 20, 10).then(() => server.closeAll(4501)),
  ]);
  expect(report.connections).toMatchObject({ opened: 20, dropped: 20, reconnected: 0, active: 0 });
  expect(faultsOf(report)).toEqual([
    '20 clients did not come back after a lost connection (open-close-4501 ×20)',
  ]);
  expect(server.requests).toBe(20);
});

test('a server that is not there fails every client without delay', async () => {
  const url = `ws://127.0.0.1:${await freePort()}/ws`;
  const startedAt = Date.now();
  const report = await run(url, { durationMs: '30s' });
  expect(Date.now() - startedAt).toBeLessThan(20_000);
  expect(report.connections).toMatchObject({ opened: 0, failed: 20 });
  expect(report.errors).toMatchObject([
    { class: 'connect-refused', count: 20, example: expect.stringContaining('ECONNREFUSED') },
  ]);
  expect(faultsOf(report)).toEqual(['20 clients could not connect (connect-refused ×20)']);
  const none = { p50: null, p95: null, p99: null, max: null };
  expect(report).toMatchObject({ connectMs: none, latencyMs: { ...none, mean: null } });
  expect(report.phases.upgraded).toMatchObject({ ...none, count: 0 });
});

test.each([
  ['a refusal', { refuse: () => '401 No' }, 'upgrade-status-401'],
  ['a server at capacity', { refuse: () => '503 Full' }, 'upgrade-status-503'],
  ['an answer that never comes', { stall: true }, 'upgrade-timeout'],
  ['a wrong accept', { badAccept: true }, 'upgrade-bad-accept'],
  ['a rejected subscription', { rejectChannels: true }, 'subscribe-rejected'],
])('%s fails the clients once, by its class', async (_, faults, errorClass) => {
  await using server = await FaultServer.start(faults);
  // What is no silence is told before the time is over, however busy the machine.
  const connectTimeoutMs = errorClass.endsWith('timeout') ? '1s' : '60s';
  const report = await run(server.url, { connectTimeoutMs });
  expect(report.connections).toMatchObject({ opened: 0, failed: 20 });
  expect(report.errors).toMatchObject([
    { class: errorClass, count: 20, example: expect.any(String) },
  ]);
  expect(server.requests).toBe(20);
});

test('a refusal that names a time is tried again', async () => {
  const refuse = (request: number) => (request < 5 ? '503 Full\r\nRetry-After: 0' : undefined);
  await using server = await FaultServer.start({ refuse });
  const [report] = await Promise.all([run(server.url, {}), publish(server, 20, 10)]);
  expect(report.connections).toMatchObject({ opened: 20, failed: 0 });
  expect(report.errors).toMatchObject([
    { class: 'upgrade-status-503', count: 5, example: '{"code":"TEST"}' },
  ]);
  expect(faultsOf(report)).toEqual([]);
});

test('slow handshakes do not slow the ramp', async () => {
  await using server = await FaultServer.start({ stall: true });
  const stop = new AbortController();
  const settings = { connections: '50', rampRate: '200', connectTimeoutMs: '60s' };
  const running = run(server.url, settings, { signal: stop.signal });
  // All have asked while nobody was answered, and nobody has given up.
  await expect.poll(() => server.requests).toBe(50);
  stop.abort();
  await running;
});

test('a token in the query reaches the server and no report', async () => {
  await using server = await FaultServer.start({ refuse: () => '404 No' });
  const report = await run(`${server.url}?token=secret`, { connections: '1' });
  expect(server.paths).toEqual(new Set(['/ws?token=secret']));
  expect(JSON.stringify(report)).not.toContain('secret');
});

test('a host name that does not exist is told at once', async () => {
  await expect(run('ws://does-not-exist.invalid:1/ws', {})).rejects.toThrow(
    'cannot resolve does-not-exist.invalid',
  );
});

test.concurrent.each([
  ['that sends nothing any more has failed', Number.POSITIVE_INFINITY, 1],
  ['that stood still for a moment, and is quiet, has not', 300, 0],
])('a server %s', async (...[, stallMs, silences]) => {
  await using server = await FaultServer.start();
  await using proxy = await FaultProxy.start(server.port);
  const hold = watchStage('hold');
  const [report] = await Promise.all([
    run(proxy.url, { durationMs: '5s' }, hold),
    hold.begun.then(async () => {
      await publish(server, 20, 20);
      const goOn = proxy.stall();
      if (Number.isFinite(stallMs)) setTimeout(goOn, stallMs);
    }),
  ]);
  const isSilent = /^the server sent nothing at all in the last \d+\.\d+s, and did not answer/;
  expect(report.reasons.filter((reason) => isSilent.test(reason))).toHaveLength(silences);
  expect(report.verdict).not.toBe(silences === 0 ? 'fail' : 'pass');
});
