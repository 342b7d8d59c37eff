/** Tests of distributed load tests: agents on this machine, merged, killed, silent, orphaned. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseReport } from '../src/loadtest/reports/report-schema.ts';
import { formatReport } from '../src/loadtest/reports/text-report.ts';
import { FaultServer } from './support/fault-server.ts';
import { markedProcesses, markName } from './support/marked-processes.ts';
import { configOf, faultsOf, publish, run } from './support/run-loadtest.ts';
import { publishing, quickSearch } from './support/search-run.ts';

let mark = '';
beforeEach(() => {
  mark = randomUUID();
  process.env[markName] = mark;
});
afterEach(async () => {
  await expect.poll(() => markedProcesses(mark)).toEqual([]);
  Reflect.deleteProperty(process.env, markName);
});

/** Remembers the process ids that a run tells. */
class Watch {
  pids: readonly number[] = [];
  readonly onWorkers = (pids: readonly number[]) => {
    this.pids = pids;
  };
}

test('what agents saw is one run: every event of every client, in one report', async () => {
  const faults = {
    deliver: ({ client, n }: { client: number; n: number }) => {
      if (n === 5) return client < 3 ? ('drop' as const) : undefined;
      return n === 7 && client === 19 ? ('duplicate' as const) : undefined;
    },
  };
  await using server = await FaultServer.start(faults);
  const [report] = await Promise.all([
    run(server.url, { agents: 'local:3' }),
    publish(server, 20, 20),
  ]);
  expect(report.connections).toMatchObject({ opened: 20, active: 20, failed: 0 });
  expect(report.messages).toMatchObject({ received: 20 * 20 - 3 + 1, lost: 3, duplicated: 1 });
  expect(report.gaps.map(({ lost }) => lost)).toEqual([1, 1, 1]);
  const agents = report.agents ?? [];
  expect(agents.map(({ name, clients }) => [name, clients])).toEqual([
    ['local-1', 7],
    ['local-2', 7],
    ['local-3', 6],
  ]);
  expect(agents.reduce((sum, { received }) => sum + received, 0)).toBe(report.messages.received);
  const counts = agents.map(({ latencyMs }) => latencyMs.count);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(report.latencyMs.count);
  expect(report.generator.perWorker).toHaveLength(3);
  for (const { clock } of agents) {
    expect(clock?.samples).toBeGreaterThanOrEqual(10);
    expect(Math.abs(clock?.offsetMs ?? 99)).toBeLessThan(2 + (clock?.uncertaintyMs ?? 0));
  }
  expect('faults' in parseReport(JSON.parse(JSON.stringify(report)))).toBe(false);
});

test('an agent that is killed makes the run inconclusive, and its clients count', async () => {
  await using server = await FaultServer.start();
  const watched = new Watch();
  const [report] = await Promise.all([
    run(server.url, { agents: 'local:2' }, watched),
    publish(server, 20, 10).then(() => process.kill(watched.pids[1] as number, 'SIGKILL')),
  ]);
  expect(report.verdict).toBe('inconclusive');
  expect(report.reasons[0]).toMatch(
    /^agent local-2 was lost after .*s, with 10 clients: it was ended by SIGKILL$/,
  );
  expect(faultsOf(report)).toHaveLength(1);
  expect(report.connections).toMatchObject({ opened: 20, failed: 0, active: 10, vanished: 10 });
  expect(report.errors).toMatchObject([
    {
      ...{ class: 'local-agent-lost', count: 10 },
      example: expect.stringMatching(/^agent local-2 was lost after .*s: it was ended by SIGKILL$/),
    },
  ]);
  expect(formatReport(report)).toMatch(/local-2: LOST after .*s: it was ended by SIGKILL$/m);
  expect(report.agents?.map(({ loss }) => loss)).toEqual([null, 'it was ended by SIGKILL']);
});

test('a search ends at once when an agent is killed, with what it had found', async () => {
  await using server = await FaultServer.start();
  using _events = publishing(server);
  const watched = new Watch();
  const settings = { ...quickSearch, agents: 'local:2', connections: '10', slo: 'lost == 0' };
  const { search, verdict } = await run(server.url, settings, {
    onWorkers: watched.onWorkers,
    onTrial: () => process.kill(watched.pids[0] as number, 'SIGKILL'),
  });
  expect(verdict).toBe('inconclusive');
  expect(search?.trials).toMatchObject([{ level: 10, verdict: 'pass' }]);
  expect(search?.answer).toMatch(
    /^at least 10 clients \(the load tester was the limit\): agent local-1 was lost after .*SIGKILL$/,
  );
});

test('an agent that stands still is given up, and ends all the same', async () => {
  await using server = await FaultServer.start();
  const watched = new Watch();
  const [report] = await Promise.all([
    run(server.url, { agents: 'local:2', agentSilenceMs: '2s', durationMs: '5s' }, watched),
    publish(server, 20, 10).then(() => process.kill(watched.pids[0] as number, 'SIGSTOP')),
  ]);
  expect(report.verdict).toBe('inconclusive');
  expect(report.reasons[0]).toMatch(/^agent local-1 was lost after .*: it went silent, for 2s$/);
});

/** Process ids of the workers of an agent. */
function workersOf(agent: number): number[] {
  const children = readFileSync(`/proc/${agent}/task/${agent}/children`, 'utf8');
  return children.trim().split(' ').map(Number);
}

test.each(['nobody', 'a worker', 'an agent'])(
  'Ctrl-C ends all agents soon, with a report, while %s stands still',
  async (who) => {
    await using server = await FaultServer.start();
    const stop = new AbortController();
    const watched = new Watch();
    let told = 0;
    const running = run(
      server.url,
      { agents: 'local:2', durationMs: '60s' },
      {
        signal: stop.signal,
        ...watched,
        onProgress: ({ active }) => {
          told = active;
        },
      },
    );
    await expect.poll(() => told).toBe(20);
    const agent = watched.pids[0] as number;
    const [worker] = workersOf(agent);
    const frozen = { nobody: undefined, 'a worker': worker, 'an agent': agent }[who];
    if (frozen !== undefined) process.kill(frozen, 'SIGSTOP');
    const abortedAt = Date.now();
    stop.abort();
    const report = await running;
    // Of the 60 s that it would take.
    expect(Date.now() - abortedAt).toBeLessThan(20_000);
    expect(report).toMatchObject({
      verdict: 'interrupted',
      connections: { opened: 20, failed: 0 },
    });
    expect(report.agents).toMatchObject([
      { active: 10, loss: null },
      { active: 10, loss: null },
    ]);
    const missing = report.reasons.filter((reason) => /figures are missing/.test(reason));
    expect(missing).toEqual(
      who === 'nobody' ? [] : [expect.stringMatching(/ of agent local-1 did not answer in time/)],
    );
    await expect.poll(() => server.sockets).toBe(0);
  },
);

test('Ctrl-C while agents start ends them too', async () => {
  const stop = new AbortController();
  const running = run('ws://127.0.0.1:9/ws', { agents: 'local:2' }, { signal: stop.signal });
  await expect.poll(() => markedProcesses(mark).length).toBeGreaterThan(0);
  stop.abort();
  expect((await running).verdict).toBe('interrupted');
});

test('agents and their workers end when the coordinator is killed', async () => {
  await using server = await FaultServer.start();
  const config = configOf(server.url, { agents: 'local:2', durationMs: '60s' });
  const code = `
    import { pino } from 'pino';
    import { runLoadTest } from './src/loadtest/index.ts';
    await runLoadTest(${JSON.stringify(config)}, {
      signal: new AbortController().signal,
      onProgress: () => {},
      log: pino({ level: 'silent' }),
    });`;
  const coordinator = spawn(process.execPath, ['--input-type=module', '-e', code]);
  await server.subscribed(20);
  // The coordinator, two agents and two workers.
  await expect.poll(() => markedProcesses(mark)).toHaveLength(5);
  const ended = once(coordinator, 'exit');
  coordinator.kill('SIGKILL');
  await ended;
  await expect.poll(() => server.sockets).toBe(0);
});

test('more agents than clients are refused', async () => {
  await expect(run('ws://127.0.0.1:9/ws', { agents: 'local:21' })).rejects.toThrow(
    '21 agents for 20 clients',
  );
});
