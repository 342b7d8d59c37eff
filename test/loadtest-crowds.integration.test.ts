/** Crowds of a load test: mixes, half-open clients, thresholds about a part; who counts for what. */
import { expect, test } from 'vitest';
import { formatProgress } from '../src/loadtest/live/progress.ts';
import { FaultServer } from './support/fault-server.ts';
import { channel, faultsOf, publish, run, watchStage } from './support/run-loadtest.ts';

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
    server.subscribed(20).then(() => {
      for (let n = 0; n < 20; n++) {
        for (const name of ['BTC.trade', 'BTC.social', 'BTC.balances']) server.publish(name);
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

test.concurrent('a threshold is not met by clients, or in a stage, that got nothing', async () => {
  await using server = await FaultServer.start();
  const settings = {
    ...{ halfOpenPercent: '50%', halfOpenMode: 'unfinished', slowPercent: '2%' },
    stages: 'come=300ms:20,stay=1s:20',
    thresholds: [
      ...['half-open: lost == 0', 'slow: failed == 0'],
      ...['come: duplicated == 0', 'stay: lost == 0'],
    ],
  };
  const stay = watchStage('stay');
  const [report] = await Promise.all([
    run(server.url, settings, stay),
    Promise.all([server.subscribed(10), stay.begun]).then(() => server.publish(channel)),
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
