/** Tests of load tests against a server that is not odin: a plain one on `ws`. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { reportJsonSchema } from '../src/loadtest/reports/report-schema.ts';
import { formatReport } from '../src/loadtest/reports/text-report.ts';
import { odin } from './support/fake-host.ts';
import { PlainServer } from './support/plain-server.ts';
import { configOf, faultsOf, run } from './support/run-loadtest.ts';

const clients = 10;
const ageMs = 100_000;
const raw = {
  protocol: 'raw',
  connections: String(clients),
  channels: 'news,weather.today',
  send: 'join {channel}',
};
const paths = 'ts=data.timestamp,seq=data.seq,channel=channel';

function schemaFaultsOf(report: unknown): unknown {
  const validate = new Ajv2020({ allErrors: true }).compile(reportJsonSchema());
  validate(JSON.parse(JSON.stringify(report)));
  return validate.errors;
}

/** Publishes once everybody has joined both rooms and the hold phase has begun. */
async function publish(server: PlainServer, count: number, ageMs: number): Promise<void> {
  await expect.poll(() => server.joins).toBe(2 * clients);
  await sleep(300);
  for (let n = 0; n < count; n++) {
    server.publish('news', ageMs);
    server.publish('weather.today', ageMs);
    await sleep(3);
  }
}

test('of numbered messages with a time, everything is told that went wrong', async () => {
  await using server = await PlainServer.start((member, n) => {
    if (member === 1 && n > 20 && n <= 25) return 'drop';
    if (member === 2 && n % 20 === 0) return 'duplicate';
    if (member === 3 && n === 40) return 'hold';
    // The last ones: nothing comes behind them.
    return member === 4 && n > 57 ? 'drop' : undefined;
  });
  const [report] = await Promise.all([
    run(server.url, { ...raw, messagePaths: paths, workers: '2', durationMs: '2s' }),
    // So old that what a busy machine adds is within the 2 %.
    publish(server, 60, ageMs),
  ]);
  const perRoom = { lost: 5 + 3, duplicated: 3, reordered: 1 };
  expect(report.messages).toMatchObject({
    received: 2 * (60 * clients - perRoom.lost + perRoom.duplicated),
    control: 2 * clients,
    lost: 2 * perRoom.lost,
    lostAtEnd: 2 * 3,
    duplicated: 2 * perRoom.duplicated,
    reordered: 2 * perRoom.reordered,
    healed: null,
    skipped: null,
    seqBreaks: null,
    throttleUpdates: null,
    badMessages: 0,
  });
  expect(report.gaps.every(({ atLeast }) => !atLeast)).toBe(true);
  expect(report.channels.listed.map(({ channel, lost }) => [channel, lost]).sort()).toEqual([
    ['news', perRoom.lost],
    ['weather.today', perRoom.lost],
  ]);
  expect(report.latencyMs.p50! / ageMs).toBeGreaterThan(0.99);
  expect(report.latencyMs.p50! / ageMs).toBeLessThan(1.02);
  expect(report.clock).toBeNull();
  expect(report.phases).not.toHaveProperty('subscribed');
  expect(report.phases.firstEvent.count).toBe(clients);
  expect(report.verdict).toBe('fail');
  expect(faultsOf(report)).toEqual([
    `${2 * perRoom.lost} events were lost`,
    '6 events were received twice',
    '2 events were received out of order',
  ]);
  expect(schemaFaultsOf(report)).toBeNull();
});

test('what cannot be told without numbers and times is not told', async () => {
  await using server = await PlainServer.start((_, n) => (n % 3 === 0 ? 'drop' : undefined));
  const [report] = await Promise.all([run(server.url, raw), publish(server, 30, 0)]);
  const acknowledged = 2 * clients;
  expect(faultsOf(report)).toEqual([]);
  expect(report.verdict).not.toBe('fail');
  expect(report.messages).toMatchObject({
    received: 2 * 20 * clients + acknowledged,
    lost: null,
    duplicated: null,
    reordered: null,
    missedWhileDisconnected: null,
  });
  const { count, ...times } = report.latencyMs;
  expect(count).toBe(2 * 20 * clients);
  expect(new Set(Object.values(times))).toEqual(new Set([null]));
  expect(report.histograms.latency.counts).toEqual([]);
  expect(
    report.series.points.every(({ lost, latencyP99Ms }) => lost === null && latencyP99Ms === null),
  ).toBe(true);
  expect(report.reconciliation).toMatchObject({ expected: null, steps: [] });
  expect(report.thresholds.map(({ metric }) => metric)).toEqual([
    'failed',
    'away',
    'unreadable',
    'received',
  ]);
  expect(schemaFaultsOf(report)).toBeNull();
  const text = formatReport(report);
  expect(text).toMatch(/^delivery {3}not known: --message-path names no number$/m);
  expect(text).toMatch(/^latency {4}not known: --message-path names no time$/m);
  expect(text).toMatch(/^events .* received, \d+\/s in the hold phase$/m);
});

test('clients that come back count what they missed by its numbers', async () => {
  await using server = await PlainServer.start();
  const [report] = await Promise.all([
    run(server.url, { ...raw, messagePaths: paths, durationMs: '2500ms' }),
    publish(server, 10, 0).then(async () => {
      server.closeAll(1001);
      // Nothing is sent to a connection that is closing.
      for (let n = 0; n < 7; n++) server.publish('news');
      await expect.poll(() => server.joins).toBe(4 * clients);
      await sleep(50);
      server.publish('news');
      server.publish('weather.today');
    }),
  ]);
  expect(report.connections).toMatchObject({ dropped: clients, reconnected: clients });
  expect(report.messages).toMatchObject({ missedWhileDisconnected: 7 * clients, lost: 0 });
});

test('clients say what a file says, offer a subprotocol, and answer questions', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'odin-raw-'));
  const file = join(folder, 'hello.json');
  await writeFile(file, '{"hello":"{client}"}\n');
  await using server = await PlainServer.start(undefined, 'feed.v3');
  const [report] = await Promise.all([
    run(server.url, {
      ...raw,
      connections: '3',
      send: `@${file}`,
      replies: '2=>3',
      subprotocols: 'feed.v4,feed.v3',
    }),
    expect
      .poll(() => server.heard.length)
      .toBe(3)
      .then(async () => {
        server.broadcast('2');
        server.broadcast(Buffer.from('bytes'));
        await expect.poll(() => server.heard.length).toBe(6);
      }),
  ]);
  await rm(folder, { recursive: true });
  expect(server.heard.slice(0, 3).sort()).toEqual([0, 1, 2].map((n) => `{"hello":"${n}"}`));
  expect(server.heard.slice(3)).toEqual(['3', '3', '3']);
  expect(report.messages).toMatchObject({ received: 3, control: 3, frames: 6 });
  expect(report.config.send).toEqual([expect.not.stringContaining('hello')]);
});

test('a path that leads nowhere is told', async () => {
  await using server = await PlainServer.start();
  const [report] = await Promise.all([
    run(server.url, { ...raw, messagePaths: 'ts=data.time' }),
    publish(server, 5, 0),
  ]);
  expect(faultsOf(report)).toEqual([
    `no event was received, but ${10 * clients + 2 * clients} other messages: see --message-path`,
  ]);
});

test.each([
  ['--send hello', /--send: makes sense with --protocol raw only/],
  ['--message-path ts=a --reply 2=>3', /--reply: makes sense with --protocol raw only/],
  ['--subprotocol a', /--subprotocol: makes sense with --protocol raw only/],
  ['--protocol raw --message-path time=a', /--message-path: expected ts=data.timestamp,seq=/],
  ['--protocol raw --message-path ts=a,ts=b', /--message-path: ts is given twice/],
  ['--protocol raw --reply 2', /--reply: expected question=>answer/],
  ['--protocol raw --threshold lost==0', /--threshold: lost can only be told of numbered events/],
  ['--protocol raw --threshold latency.p99<5ms', /--threshold: latency.p99 can only be told with/],
  [
    '--protocol raw --message-path seq=n --threshold healed>0',
    /--threshold: healed can only be told of odin/,
  ],
  ['--protocol raw --send @/no/such', /--send: cannot read \/no\/such: no such file/],
  ['--channels news', /--channels: expected channels such as BTC.trade/],
  ['--ca package.json', /--ca: makes sense for wss:\/\/ only/],
  ['--insecure --ca x.pem --url wss://x/ws', /--insecure: contradicts --ca/],
])('`odin loadtest %s` exits with 2 and says why', async (flags, message) => {
  const { exitCode, stderr, stdout } = await odin(`loadtest ${flags}`, {
    signal: new AbortController().signal,
  });
  expect(stderr).toMatch(message);
  expect([exitCode, stdout]).toEqual([2, '']);
});

test('a token in two places is refused', async () => {
  const flags = 'loadtest --token-file tokens --header Authorization:x';
  const { stderr } = await odin(flags, { env: { ODIN_LOADTEST_TOKEN: 'a.b.c' } });
  expect(stderr).toMatch(/--token-file: there is ODIN_LOADTEST_TOKEN too/);
  expect(stderr).toMatch(/--header: there is a token too/);
  expect(configOf('ws://x/ws', { protocol: 'raw' }).protocol).toBe('raw');
});
