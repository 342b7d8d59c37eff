/** Tests of the limit search against servers whose limit is known. */
import { describe, expect, test } from 'vitest';
import type { OutgoingRecord } from '../src/broker/broker.ts';
import { parseReport } from '../src/loadtest/reports/report-schema.ts';
import { formatReport } from '../src/loadtest/reports/text-report.ts';
import { FaultServer } from './support/fault-server.ts';
import { channel, run } from './support/run-loadtest.ts';
import { publishing, quickSearch as quick } from './support/search-run.ts';
import { CollectingProducer, startTestPublisher } from './support/start-publisher.ts';

/** Hands records on to a server that is the later the more there are above `limit` per second. */
class Bottleneck extends CollectingProducer {
  readonly #server: FaultServer;
  readonly #limit: number;
  #recent: number[] = [];

  constructor(server: FaultServer, limit: number) {
    super();
    this.#server = server;
    this.#limit = limit;
  }

  override async send(records: readonly OutgoingRecord[]): Promise<void> {
    await super.send(records);
    const nowMs = Date.now();
    for (const _ of records) {
      this.#recent = [...this.#recent.filter((atMs) => atMs > nowMs - 250), nowMs];
      const rate = this.#recent.length * 4;
      this.#server.publish(channel, nowMs - Math.max(0, rate - this.#limit) * 20);
    }
  }
}

describe.concurrent('a limit search', () => {
  test('finds how many clients a server lets in', async () => {
    await using server = await FaultServer.start({
      refuse: () => (server.sockets > 43 ? '503 Service Unavailable' : undefined),
    });
    using _events = publishing(server);
    const levels: number[] = [];
    const onTrial = ({ level }: { level: number }) => void levels.push(level);
    const settings = { ...quick, connections: '20', slo: 'failed == 0', statusUrl: 'none' };
    const report = await run(server.url, settings, { onTrial });
    const { search, verdict } = report;
    expect(verdict).toBe('pass');
    expect(search).toMatchObject({ of: 'connections', isConfirmed: true, ending: 'found' });
    // The server counts those that have not asked yet: up to two that it would let in are refused.
    const { holds, breaks, trials = [] } = search ?? {};
    expect(holds).toBeGreaterThanOrEqual(40);
    expect(holds).toBeLessThanOrEqual(43);
    expect(breaks).toBeGreaterThan(holds ?? 99);
    expect(breaks).toBeLessThanOrEqual(45);
    expect(levels.slice(0, 4)).toEqual([20, 40, 80, 57]);
    expect(trials.map(({ level }) => level)).toEqual(levels);
    const { active = 0, failed = 0 } = trials[2] ?? {};
    expect(active + failed).toBe(80);
    expect(active).toBeGreaterThanOrEqual(41);
    expect(active).toBeLessThanOrEqual(43);
    expect(trials.slice(0, 3)).toMatchObject([
      { verdict: 'pass', active: 20, failed: 0 },
      { verdict: 'pass', active: 40, failed: 0 },
      { verdict: 'fail', reasons: [`failed == 0: was ${failed}`] },
    ]);
    expect(formatReport(report)).toContain(`  - ${holds} clients hold, ${breaks} clients do not`);
    expect('faults' in parseReport(JSON.parse(JSON.stringify(report)))).toBe(false);
  });

  test('finds from how many clients on a server is too slow, and keeps those that are there', async () => {
    await using server = await FaultServer.start();
    // Above 60 clients, 200 ms more with each: 67 are late by 1.4 s, 68 by 1.6 s.
    using _events = publishing(server, {
      ageMs: () => 200 * Math.max(0, server.clients - 60),
    });
    const settings = {
      ...quick,
      connections: '50',
      slo: 'latency.p99 < 1.5s',
      searchResolution: '2',
    };
    const { search } = await run(server.url, settings);
    expect(search).toMatchObject({ ending: 'found', isConfirmed: true });
    expect(search?.holds).toBeGreaterThanOrEqual(65);
    expect(search?.holds).toBeLessThanOrEqual(67);
    // Nobody was refused, so nobody had to come twice for a level that nobody had left for.
    const came = search?.trials.reduce(
      ({ most, sum }, { level }) => ({ most: level, sum: sum + Math.max(0, level - most) }),
      { most: 0, sum: 0 },
    );
    expect(server.requests).toBe(came?.sum);
  });

  // The middle of latencies: when the machine is busy, a publisher sends in bursts.
  test('finds the highest rate, and gives the publisher back its own', async () => {
    await using server = await FaultServer.start();
    const producer = new Bottleneck(server, 300);
    await using publisher = await startTestPublisher({ rate: 100 }, { producer });
    const { apiUrl: publisherUrl = '' } = publisher.publisher;
    const { search, connections } = await run(server.url, {
      ...quick,
      ...{ findMax: 'rate', connections: '5', slo: 'latency.p50 < 400ms', publisherUrl },
      ...{ searchResolution: '15', searchTrialMs: '700ms' },
    });
    expect(search).toMatchObject({ of: 'rate', ending: 'found', isConfirmed: true });
    // A busy machine may have to try it twice.
    const begin = { level: 100, verdict: 'pass', active: 5 };
    expect(search?.trials).toContainEqual(expect.objectContaining(begin));
    expect(search?.holds).toBeGreaterThan(255);
    expect(search?.holds).toBeLessThan(345);
    expect(connections.opened).toBe(5);
    expect((await publisher.call('GET', '/status')).body).toMatchObject({ targetRate: 100 });
  });

  test('Ctrl-C ends it with what is known, and gives the rate back', async () => {
    await using server = await FaultServer.start();
    const producer = new Bottleneck(server, 10_000);
    await using publisher = await startTestPublisher({ rate: 50 }, { producer });
    const { apiUrl: publisherUrl = '' } = publisher.publisher;
    const stop = new AbortController();
    const settings = {
      ...quick,
      findMax: 'rate',
      connections: '5',
      slo: 'lost == 0',
      publisherUrl,
    };
    let abortedAt = 0;
    const onTrial = ({ level }: { level: number }) => {
      if (level < 100) return;
      abortedAt = Date.now();
      stop.abort();
    };
    const report = await run(server.url, settings, { signal: stop.signal, onTrial });
    expect(Date.now() - abortedAt).toBeLessThan(20_000);
    expect(report.verdict).toBe('interrupted');
    expect(report.search).toMatchObject({ ending: 'interrupted', holds: 100, breaks: null });
    expect(report.search?.answer).toBe('at least 100 events/s (interrupted)');
    expect((await publisher.call('GET', '/status')).body).toMatchObject({ targetRate: 50 });
  });

  test('a publisher that cannot do what it is told is named as the limit', async () => {
    await using server = await FaultServer.start();
    const producer = new Bottleneck(server, 10_000);
    await using publisher = await startTestPublisher({ rate: 50 }, { producer });
    const { apiUrl: publisherUrl = '' } = publisher.publisher;
    const settings = {
      ...quick,
      findMax: 'rate',
      connections: '5',
      slo: 'lost == 0',
      publisherUrl,
    };
    const onTrial = () => producer.stall();
    const report = await run(server.url, settings, { onTrial });
    producer.release();
    expect(report.verdict).toBe('inconclusive');
    expect(report.search).toMatchObject({ ending: 'publisher', holds: 50, breaks: null });
    expect(report.search?.answer).toMatch(
      /^at least 50 events\/s \(the publisher was the limit\): the publisher published /,
    );
  });

  test('a worker that falls silent behind a publisher that was too slow is named itself', async () => {
    await using server = await FaultServer.start();
    const producer = new Bottleneck(server, 10_000);
    await using publisher = await startTestPublisher({ rate: 50 }, { producer });
    const { apiUrl: publisherUrl = '' } = publisher.publisher;
    const settings = { ...quick, findMax: 'rate', connections: '5', slo: 'lost == 0' };
    let pid = 0;
    const report = await run(
      server.url,
      { ...settings, workers: '1', publisherUrl },
      {
        onWorkers: (ids) => {
          pid = ids[0] as number;
        },
        onTrial: ({ verdict }) => {
          if (verdict === 'pass') return producer.stall();
          producer.release();
          process.kill(pid, 'SIGSTOP');
        },
      },
    );
    expect(report.search?.trials.at(-1)?.reasons[0]).toMatch(/^the publisher published/);
    expect(report.search).toMatchObject({ ending: 'generator', holds: 50 });
    expect(report.search?.answer).toMatch(/\(the load tester was the limit\): a load test worker/);
  });

  test('what the load tester cannot do is no limit of the server', async () => {
    await using server = await FaultServer.start();
    using _events = publishing(server);
    let pids: readonly number[] = [];
    const deps = {
      onWorkers: (ids: readonly number[]) => {
        pids = ids;
      },
      onTrial: () => process.kill(pids[0] as number, 'SIGKILL'),
    };
    const settings = { ...quick, connections: '10', workers: '2', slo: 'lost == 0' };
    const { search, verdict } = await run(server.url, settings, {
      ...deps,
      onTrial: (trial) => {
        if (trial.verdict === 'pass') deps.onTrial();
      },
    });
    expect(verdict).toBe('inconclusive');
    expect(search).toMatchObject({ ending: 'generator', holds: 10, breaks: null });
    // No other level is tried without it.
    expect(search?.trials).toMatchObject([{ level: 10, verdict: 'pass' }]);
    expect(search?.answer).toMatch(
      /^at least 10 clients \(the load tester was the limit\): 1 worker process died \(SIGKILL\)$/,
    );
  });

  test('clients that could not change their subscriptions as often as they were to hold nothing', async () => {
    await using server = await FaultServer.start({ ackDelayMs: 400 });
    using _events = publishing(server);
    const settings = { ...quick, connections: '10', slo: 'lost == 0', churn: '60/s:0s' };
    const { search, verdict } = await run(server.url, { ...settings, searchTrialMs: '1s' });
    expect(verdict).toBe('inconclusive');
    expect(search).toMatchObject({ ending: 'churn', holds: null, breaks: null });
    const { trials = [], answer } = search ?? {};
    expect(trials).toMatchObject([
      { level: 10, verdict: 'inconclusive' },
      { level: 10, purpose: 'repeat', verdict: 'inconclusive' },
    ]);
    expect(answer).toMatch(
      /^no level is known to hold, the churn asked for could not be done: clients dropped \d+ channels of the \d+ /,
    );
  });

  test.each([
    ['for good after a trial', 'any', undefined, 10, /^at least 10 .* said nothing for 2/],
    ['for good, and clients are to come', 'any', undefined, 99, /^at least 10 .* said nothing for/],
    ['over a whole trial', 'any', 1_500, 10, /worker (\d began .* late|said nothing)/],
    [
      'for good after the trial confirm',
      'confirm',
      undefined,
      10,
      /^a load test .* answer in time/,
    ],
  ] as const)('a worker that is silent %s lets nothing pass', async (...row) => {
    const [, purpose, forMs, searchMax, reason] = row;
    await using server = await FaultServer.start();
    using _events = publishing(server);
    let pids: readonly number[] = [];
    let isStopped = false;
    const settings = { ...quick, connections: '10', searchMax: `${searchMax}`, workers: '2' };
    const report = await run(
      server.url,
      { ...settings, slo: 'lost == 0' },
      {
        onWorkers: (ids) => {
          pids = ids;
        },
        onTrial: (trial) => {
          const isDue = purpose === 'any' || trial.purpose === purpose;
          if (!isDue || trial.verdict !== 'pass' || isStopped) return;
          isStopped = true;
          process.kill(pids[0] as number, 'SIGSTOP');
          if (forMs !== undefined)
            setTimeout(() => process.kill(pids[0] as number, 'SIGCONT'), forMs);
        },
      },
    );
    const { reasons = [], search, verdict } = report;
    expect([
      ...reasons,
      ...(search?.trials ?? []).flatMap((trial) => trial.reasons),
    ]).toContainEqual(expect.stringMatching(reason));
    // It is there again when the level is repeated.
    if (forMs === undefined) expect(verdict).toBe('inconclusive');
    expect(search).toMatchObject({ holds: 10, breaks: null });
  });
});

test.each([
  [{ slo: 'lost == 0' }, '--slo has no meaning without --find-max'],
  [{ findMax: 'connections' }, '--find-max: what has to hold at each level?'],
  [{ findMax: 'connections', slo: 'lost == 0', stages: '1s:5' }, 'contradicts --stage'],
  [{ findMax: 'rate', slo: 'lost == 0' }, '--find-max rate: which publisher sets the rate?'],
  [{ findMax: 'connections', slo: 'lost == 0 abort after 1s' }, 'abort has no meaning in --slo'],
  [{ findMax: 'connections', slo: 'hold: lost == 0' }, 'has no stages and no profiles: hold: lost'],
  [
    { findMax: 'connections', slo: 'lost == 0', searchTimeMs: '5s' },
    '--search-time 5.0s is over before a first trial, which takes 12.5s',
  ],
  [
    { findMax: 'rate', slo: 'lost == 0', publisherUrl: 'http://127.0.0.1:3' },
    'GET http://127.0.0.1:3/status: connect ECONNREFUSED',
  ],
])('%o is refused', async (settings, message) => {
  await expect(run('ws://127.0.0.1:9/ws', settings)).rejects.toThrow(message);
});
