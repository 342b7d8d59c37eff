/** Stages of a load test: clients come and go when they should, and each stage has its own figures. */
import { expect, test } from 'vitest';
import type { LoadTestDeps } from '../src/loadtest/index.ts';
import { FaultServer } from './support/fault-server.ts';
import { channel, faultsOf, run } from './support/run-loadtest.ts';

/** A run of stages with their names told as they begin. */
function staged(
  server: FaultServer,
  stages: string,
  onStage: (name: string) => void,
  settings: Record<string, string> = {},
  deps: Partial<LoadTestDeps> = {},
) {
  let before = '';
  return run(
    server.url,
    // Clients of one process see what the others lost.
    { workers: '1', stages, ...settings },
    {
      ...deps,
      onProgress: (progress) => {
        if (progress.stage !== before) onStage(progress.stage);
        before = progress.stage;
      },
    },
  );
}

test.concurrent('clients come, stay, come again and go as the stages say', async () => {
  await using server = await FaultServer.start();
  let most = 0;
  const watching = setInterval(() => {
    server.publish(channel);
    most = Math.max(most, server.clients);
  }, 10);
  const report = await staged(
    server,
    '500ms:20,600ms:20,spike=0s:30,600ms:30,500ms:5,400ms:10,600ms:0',
    () => undefined,
    { workers: '2' },
  );
  clearInterval(watching);
  expect(faultsOf(report)).toEqual([]);
  expect(report.verdict).not.toBe('fail');
  expect(report.connections).toMatchObject({
    target: 35,
    opened: 35,
    failed: 0,
    active: 0,
    left: 35,
    away: 0,
  });
  expect(most).toBe(30);
  expect(report.stages.map(({ name, kind, to }) => [name, kind, to])).toEqual([
    ['stage1', 'ramp', 20],
    ['stage2', 'hold', 20],
    ['spike', 'ramp', 30],
    ['stage4', 'hold', 30],
    ['stage5', 'ramp-down', 5],
    ['stage6', 'ramp', 10],
    ['stage7', 'ramp-down', 0],
  ]);
  const active = report.stages.map(({ connections }) => connections.active);
  expect(active).toMatchObject({ 1: 20, 3: 30, 4: 5, 6: 0 });
  const left = report.stages.map(({ connections }) => connections.left);
  expect(left.reduce((sum, count) => sum + count)).toBe(35);
  expect(left.slice(0, 4)).toEqual([0, 0, 0, 0]);
  const counted = report.stages.reduce((sum, { latencyMs }) => sum + latencyMs.count, 0);
  expect(counted).toBe(report.latencyMs.count);
  expect(report.holdMs).toBeGreaterThanOrEqual(3_195);
});

test.concurrent('each stage has the latency, the losses and the connect times of its own', async () => {
  const lost = new Set<number>();
  let published = 0;
  await using server = await FaultServer.start({
    upgradeDelayMs: 60,
    deliver: ({ client, n }) => (client === 2 && lost.has(n) ? 'drop' : undefined),
  });
  const report = await staged(server, '300ms:10,2s:10,slow=1500ms:10,200ms:0', async (stage) => {
    const delayMs = { stage2: 10_000, slow: 60_000 }[stage];
    if (delayMs === undefined) return;
    await server.subscribed(10);
    for (let n = 0; n < 20; n++) {
      if (stage === 'slow' && n % 4 === 1) lost.add(published);
      published++;
      server.publish(channel, Date.now() - delayMs);
    }
  });
  const [ramp, held, slow, down] = report.stages;
  expect(ramp).toMatchObject({ connections: { target: 10 }, latencyMs: { count: 0 } });
  expect(ramp!.connections.opened + held!.connections.opened).toBe(10);
  for (const { connections, connectMs } of [ramp!, held!]) {
    if (connections.opened > 0) expect(connectMs.p50).toBeGreaterThanOrEqual(59);
  }
  expect(held).toMatchObject({ connections: { target: 0, active: 10 } });
  expect(held).toMatchObject({ messages: { received: 200, lost: 0 }, latencyMs: { count: 200 } });
  expect(slow).toMatchObject({ messages: { received: 195, lost: 5 }, latencyMs: { count: 195 } });
  expect(held!.latencyMs.p50).toBeGreaterThan(9_900);
  expect(held!.latencyMs.max).toBeLessThan(59_000);
  expect(slow!.latencyMs.p50).toBeGreaterThan(59_000);
  expect(down).toMatchObject({ connections: { left: 10, active: 0 }, messages: { lost: 0 } });
  expect(report.messages).toMatchObject({ received: 395, lost: 5 });
  expect(report.latencyMs.count).toBe(395);
});

test.concurrent('what a client should have had before it went is lost', async () => {
  await using server = await FaultServer.start({
    deliver: ({ client, n }) => (client === 7 && n >= 5 ? 'drop' : undefined),
  });
  const report = await staged(server, '100ms:10,3400ms:10,100ms:0', async (stage) => {
    if (stage !== 'stage2') return;
    await server.subscribed(10);
    for (let n = 0; n < 15; n++) server.publish(channel);
  });
  expect(report.messages).toMatchObject({ received: 140, lost: 10, lostAtEnd: 10 });
  expect(report.stages.map(({ messages }) => messages.lost)).toEqual([0, 0, 10]);
  expect(faultsOf(report)).toEqual(['10 events were lost']);
});

test.concurrent('clients whose time is over before they are in have failed, by the load tester’s own hand', async () => {
  await using server = await FaultServer.start({ stall: true });
  const report = await staged(server, '100ms:10,200ms:0', () => undefined);
  expect(report.connections).toMatchObject({ target: 10, opened: 0, failed: 10, left: 0 });
  expect(report.errors).toMatchObject([
    { class: 'local-left-early', count: 10, blame: 'generator' },
  ]);
});

test.concurrent('clients that are not in when the last stage is over have failed too', async () => {
  await using server = await FaultServer.start({ stall: true });
  const report = await staged(server, '0s:10,200ms:10', () => undefined);
  expect(report.connections).toMatchObject({ target: 10, opened: 0, failed: 10 });
  expect(report.errors).toMatchObject([{ class: 'local-left-early', count: 10 }]);
});

test.concurrent('a hold phase may be followed by an even ramp-down, which is not measured', async () => {
  await using server = await FaultServer.start();
  const publishing = setInterval(() => server.publish(channel), 10);
  const report = await run(server.url, {
    rampDurationMs: '300ms',
    durationMs: '300ms',
    rampDownMs: '500ms',
  });
  clearInterval(publishing);
  expect(report.verdict).not.toBe('fail');
  expect(report.stages.map(({ name }) => name)).toEqual(['ramp', 'hold', 'ramp-down']);
  expect(report.stages[2]).toMatchObject({ connections: { left: 20, active: 0 } });
  expect(report.latencyMs.count).toBe(report.stages[1]!.latencyMs.count);
  expect(report.holdMs).toBe(report.stages[1]!.durationMs);
  // A hold that ends late takes from the ramp-down, which ends by the clock.
  expect(report.durationMs).toBeGreaterThanOrEqual(1_098);
});

test.concurrent('stages go on by the clock when the server lets nobody in, and end when interrupted', async () => {
  await using server = await FaultServer.start({ stall: true });
  const stop = new AbortController();
  const seen: string[] = [];
  const report = await staged(
    server,
    '200ms:10,300ms:10,60s:10',
    (stage) => {
      seen.push(stage);
      if (stage === 'stage3') stop.abort();
    },
    {},
    { signal: stop.signal },
  );
  expect(seen).toEqual(['stage1', 'stage2', 'stage3']);
  expect(report.verdict).toBe('interrupted');
  expect(report.stages).toHaveLength(3);
  expect(report.stages[2]!.durationMs).toBeLessThan(20_000);
});

test.concurrent('clients that a server lost are missing in the stage in which it lost them, not later', async () => {
  let isFull = false;
  await using server = await FaultServer.start({ refuse: () => (isFull ? '503 Full' : undefined) });
  const lost = server.subscribed(10).then(() => {
    isFull = true;
    server.closeAll(1001);
  });
  const report = await staged(
    server,
    '0s:10,old=3s:10,0s:0,pause=500ms:0,0s:10,fresh=1s:10',
    (stage) => {
      if (stage === 'pause') isFull = false;
    },
    { thresholds: 'fresh: away == 0' },
  );
  await lost;
  expect(report.connections).toMatchObject({ opened: 20, away: 10, active: 10 });
  const away = report.stages.map(({ name, connections }) => [name, connections.away]);
  expect(away).toContainEqual(['old', 10]);
  expect(away).toContainEqual(['fresh', 0]);
  expect(report.thresholds.find(({ scope }) => scope === 'fresh')).toMatchObject({ ok: true });
});

test.concurrent.each([
  ['ramp', 'connect.p99 < 0.001ms', { rampDurationMs: '20s' }],
  ['ramp-down', 'latency.p99 < 0.001ms', { durationMs: '200ms', rampDownMs: '20s' }],
])('abort ends a run in its %s, too', async (stage, condition, settings) => {
  await using server = await FaultServer.start();
  const publishing = setInterval(() => server.publish(channel), 20);
  const thresholds = `${stage}: ${condition} abort`;
  const { durationMs, reasons, verdict } = await run(server.url, { ...settings, thresholds });
  clearInterval(publishing);
  expect(durationMs).toBeLessThan(15_000);
  expect(verdict).not.toBe('pass');
  expect(reasons).toContainEqual(
    expect.stringMatching(new RegExp(`^ended early, after \\d+\\.\\ds of ${stage}: ${stage}: `)),
  );
});
