/** Load tests whose clients drop channels and take them back: what is lost, and what is not. */
import { expect, test } from 'vitest';
import { createRandom, randomIndex } from '../src/base/random.ts';
import type { LoadTestDeps } from '../src/loadtest/index.ts';
import type { LoadTestReport } from '../src/loadtest/results/report.ts';
import { FaultServer } from './support/fault-server.ts';
import { run } from './support/run-loadtest.ts';
import { record, startTestServer } from './support/start-server.ts';

const channels = ['BTC.trade', 'ETH.trade', 'SOL.trade'];
const noTrouble = {
  ...{ duplicated: 0, reordered: 0, unexpected: 0, missedWhileDisconnected: 0 },
  ...{ unrecovered: 0, badMessages: 0, seqBreaks: 0, serverErrors: 0, gapsUntracked: 0 },
};

/** Reasons that are not this machine's: it may be busy otherwise. */
function faultsOf({ reasons }: LoadTestReport): string[] {
  return reasons.filter((reason) => !/load test worker|dialed later|clients dropped/.test(reason));
}

/** Every channel gets an event each 5 ms until the run is over. */
async function whilePublishing(
  server: FaultServer,
  settings: Record<string, string>,
  deps: Partial<LoadTestDeps> = {},
): Promise<LoadTestReport> {
  const publishing = setInterval(() => {
    for (const channel of channels) server.publish(channel);
  }, 5);
  try {
    return await run(server.url, { channels: channels.join(), workers: '1', ...settings }, deps);
  } finally {
    clearInterval(publishing);
  }
}

test.concurrent.each(['v2', 'v1'])(
  'with %s, what is dropped in subscribed times is found, and nothing else',
  async (protocol) => {
    const random = createRandom(7);
    /** Of each client and channel: the last term in which it got something, and drops since. */
    const had = new Map<string, { readonly term: number; pending: number }>();
    let dropped = 0;
    let isDropping = true;
    await using server = await FaultServer.start({
      deliver: ({ client, channel, term }) => {
        const key = `${client} ${channel}`;
        const known = had.get(key);
        // A new term starts anew: only a later event of the same one shows what it lacks.
        if (known?.term !== term) return void had.set(key, { term, pending: 0 });
        if (isDropping && randomIndex(random, 15) === 0) {
          known.pending++;
          return 'drop';
        }
        dropped += known.pending;
        known.pending = 0;
        return undefined;
      },
    });
    const stages = '0s:20,drop=1500ms:20,calm=500ms:20';
    const settings = { protocol, churn: '100/s:100ms', stages, workers: '2' };
    const report = await whilePublishing(server, settings, {
      onProgress: ({ stage }) => {
        if (stage === 'calm' || stage === 'settle') isDropping = false;
      },
    });
    const { connections, ackMs } = report;
    expect(connections).toMatchObject({ opened: 20, active: 20, dropped: 0 });
    expect(connections.unsubscribed).toBeGreaterThan(30);
    expect(connections.unsubscribed).toBeLessThanOrEqual(220);
    expect(connections.resubscribed).toBeGreaterThan(connections.unsubscribed / 2);
    expect(ackMs.count).toBe(connections.unsubscribed + connections.resubscribed);
    expect(dropped).toBeGreaterThan(20);
    expect(report.messages).toMatchObject({ ...noTrouble, lost: dropped });
  },
);

test.concurrent('events of a channel that the server has let go of are unexpected', async () => {
  await using server = await FaultServer.start({ keepsSubscriptions: true });
  const settings = { channels: 'BTC.trade', churn: '20/s:100ms' };
  const report = await whilePublishing(server, settings);
  expect(report.messages.unexpected).toBeGreaterThan(10);
  expect(report.messages).toMatchObject({ ...noTrouble, unexpected: expect.anything(), lost: 0 });
  expect(faultsOf(report)).toEqual([
    expect.stringMatching(/events were of channels not subscribed to$/),
  ]);
});

test.concurrent('it goes with storms, mixes and slow clients', async () => {
  await using server = await FaultServer.start({ recover: 'all' });
  const report = await whilePublishing(server, {
    mix: 'all=50,trades=50',
    profiles: '{"all":{"channels":["*","BTC.*","BTC.trade"]},"trades":{"channels":["*.trade"]}}',
    ...{ slowPercent: '10%', storm: '300ms:30%', churn: '100/s:50ms', durationMs: '2s' },
    thresholds: 'ack.max < 60s & return.p50 < 60s',
  });
  expect(faultsOf(report)).toEqual([]);
  expect(report.messages).toMatchObject({ ...noTrouble, lost: 0 });
  expect(report.connections.stormed).toBeGreaterThan(10);
  const [all, trades] = report.profiles;
  expect(all?.connections.resubscribed).toBeGreaterThan(5);
  expect(trades?.connections.resubscribed).toBeGreaterThan(5);
  expect(report.misbehaving[0]?.connections).toMatchObject({ opened: 2, churned: 0 });
  expect(report.thresholds.slice(-2)).toMatchObject([
    { metric: 'ack.max', observed: report.ackMs.max, ok: true },
    { metric: 'return.p50', observed: report.returnMs.p50, ok: true },
  ]);
});

test.concurrent.each(['v2', 'v1'])('with %s, odin itself loses nothing by it', async (protocol) => {
  await using server = await startTestServer();
  let n = 0;
  const publishing = setInterval(() => {
    for (const name of ['BTC', 'ETH', 'SOL']) {
      void server.publish(record(name, 'TRADE_EXECUTED', { n: n++ }));
    }
  }, 3);
  const settings = {
    ...{ protocol, channels: 'BTC.trade,ETH.trade,SOL.*,*.trade', subscriptionMode: 'random' },
    ...{ churn: '400/s:20ms', durationMs: '2s', connections: '50', workers: '2' },
  };
  const report = await run(server.url, settings);
  clearInterval(publishing);
  expect(faultsOf(report)).toEqual([]);
  expect(report.messages).toMatchObject({ ...noTrouble, lost: 0 });
  expect(report.connections.resubscribed).toBeGreaterThan(200);
  expect(report.messages.received).toBeGreaterThan(1_000);
});
