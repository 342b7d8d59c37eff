/** Slow clients of a load test: what they read in the end, what the server kept from them, and what nobody read. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { htmlReport } from '../src/loadtest/reports/html-report.ts';
import { junitReport } from '../src/loadtest/reports/junit-report.ts';
import { parseReport } from '../src/loadtest/reports/report-schema.ts';
import { formatReport } from '../src/loadtest/reports/text-report.ts';
import type { LoadTestReport } from '../src/loadtest/results/report.ts';
import { FaultServer, type Faults } from './support/fault-server.ts';
import { channel, faultsOf, publish, run, watchStage } from './support/run-loadtest.ts';

test.concurrent('what becomes of slow clients is told apart, and is no reason to fail', async () => {
  await using server = await FaultServer.start({ recover: 'all' });
  const [report] = await Promise.all([
    run(server.url, { slowPercent: '25%', durationMs: '2s', backoffBaseMs: '10ms' }),
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
    ...{ slowPercent: '50%', durationMs: '3s', workers: '1', rampDownMs: '500ms' },
    thresholds: 'slow: lost == 0',
  };
  // Nothing has a latency before the hold phase.
  const hold = watchStage('hold');
  const [report] = await Promise.all([
    run(server.url, settings, hold),
    hold.begun.then(() => publish(server, 20, 100)),
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

/** Six clients, five of which read nothing until the end, and what is published before that. */
async function withBacklog(
  faults: Faults,
  events: number,
  settings: Readonly<Record<string, string>> = {},
  onPublished: (abort: AbortController) => void = () => undefined,
): Promise<LoadTestReport> {
  await using server = await FaultServer.start(faults);
  const abort = new AbortController();
  // What comes sooner after a subscription than 250 ms need not come.
  const hold = watchStage('hold', 7);
  const common = { connections: '6', slowPercent: '83%', durationMs: '3s', workers: '1' };
  const [report] = await Promise.all([
    run(server.url, { ...common, ...settings }, { ...hold, signal: abort.signal }),
    hold.begun.then(async () => {
      for (let n = 0; n < events; n++) {
        server.publish(channel);
        if (n % 20 === 19) await turn();
      }
      onPublished(abort);
    }),
  ]);
  return report;
}

/** Events that fill sockets, and take more than a moment to be read. */
const long = { padding: 20_000 };

test.concurrent('of a large backlog exactly that is lost which the server dropped', async () => {
  // More events than are remembered where all keep up, and holes of more than one.
  const events = 8_000;
  let dropped = 0;
  const isDropped = (client: number, n: number) =>
    client > 0 && (n % 1_000 < 10 * client || n >= events - 50) && n > 0;
  const deliver: Faults['deliver'] = ({ client, n }) => {
    if (!isDropped(client, n)) return undefined;
    dropped++;
    return 'drop';
  };
  // Time to publish as many on a busy machine, too.
  const settings = { durationMs: '6s', thresholds: 'slow: lost == 0' };
  const report = await withBacklog({ deliver }, events, settings);
  const [slow] = report.misbehaving;
  const { received, lost, unread } = slow!.messages;
  expect(report.messages.lost! + lost!).toBe(dropped);
  expect({ unread, all: received + lost! }).toEqual({ unread: 0, all: 5 * events });
  expect(report.thresholds.at(-1)).toMatchObject({ observed: lost, ok: false });
  expect(report.thresholds.at(-1)).not.toHaveProperty('unread');
});

test.concurrent('nothing of a large backlog is lost when the server drops nothing', async () => {
  const report = await withBacklog(long, 500, { thresholds: 'slow: lost == 0' });
  expect(faultsOf(report)).toEqual([]);
  expect(report.misbehaving[0]!.messages).toMatchObject({ received: 2_500, lost: 0, unread: 0 });
  expect(report.thresholds.at(-1)).toMatchObject({ observed: 0, ok: true });
});

test.concurrent('what nobody read is unread, and decides nothing', async () => {
  const report = await withBacklog(long, 500, {
    slowReadOutMs: '0s',
    thresholds: 'slow: lost == 0 & opened == 5 & lost <= 2500',
  });
  const { received, lost, unread } = report.misbehaving[0]!.messages;
  expect({ lost, all: received + unread! }).toEqual({ lost: 0, all: 2_500 });
  expect(unread).toBeGreaterThan(0);
  expect(report.messages).toMatchObject({ received: 500, lost: 0, unread: 0 });
  expect(report.thresholds.slice(-3)).toMatchObject([
    { expression: 'slow: lost == 0', observed: 0, ok: false, unread },
    { expression: 'slow: opened == 5', observed: 5, ok: true },
    { expression: 'slow: lost <= 2500', observed: 0, ok: true },
  ]);
  expect(report.verdict).toBe('inconclusive');
  expect(faultsOf(report)).toEqual([
    expect.stringMatching(
      /^slow: lost == 0: was 0, but [\d ]+ events that may decide it were left/,
    ),
  ]);
  // Every form of the report says so.
  expect(parseReport(JSON.parse(JSON.stringify(report)))).not.toHaveProperty('faults');
  expect(formatReport(report)).toMatch(/slow: lost == 0: 0, and [\d ]+ unread NOT KNOWN/);
  expect(formatReport(report)).toMatch(/^ {2}slow .* unread$/m);
  expect(junitReport(report)).toMatch(/<skipped message="observed 0, and [\d ]+ unread"/);
  expect(await htmlReport(report)).toContain('<td>not known</td>');
});

test.concurrent('what waits for slow clients when a run is interrupted is unread', async () => {
  const settings = { durationMs: '60s' };
  const report = await withBacklog({}, 200, settings, (abort) => abort.abort());
  const { received, lost, unread } = report.misbehaving[0]!.messages;
  expect(report.verdict).toBe('interrupted');
  expect({ lost, isUnread: unread! > 0 }).toEqual({ lost: 0, isUnread: true });
  // The last ones may not have come to anybody.
  expect(received + unread!).toBeLessThanOrEqual(1_000);
});
