/** Tests of the load tester's worker processes: interrupted, killed, orphaned. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { FaultServer } from './support/fault-server.ts';
import { configOf, publish, run } from './support/run-loadtest.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test.each([
  ['while it holds', {}, {}, 'SIGCONT'],
  ['while it ramps', {}, { rampRate: '8' }, 'SIGCONT'],
  ['while the server stalls', { stall: true }, {}, 'SIGCONT'],
  ['while a worker stands still', {}, {}, 'SIGSTOP'],
] as const)('a run interrupted %s gives its report soon', async (...row) => {
  const [, faults, settings, signal] = row;
  await using server = await FaultServer.start(faults);
  const stop = new AbortController();
  let pids: readonly number[] = [];
  const running = run(
    server.url,
    { durationMs: '60s', workers: '2', ...settings },
    {
      signal: stop.signal,
      onWorkers: (ids) => {
        pids = ids;
      },
    },
  );
  await expect.poll(() => server.sockets).toBeGreaterThan(1);
  process.kill(pids[0] as number, signal);
  const abortedAt = Date.now();
  stop.abort();
  const report = await running;
  // Of the 60 s that it would take.
  expect(Date.now() - abortedAt).toBeLessThan(20_000);
  expect(report.verdict).toBe('interrupted');
  expect(report.reasons.filter((reason) => /figures are missing/.test(reason))).toEqual(
    signal === 'SIGSTOP'
      ? ['a load test worker did not answer in time: its last figures are missing']
      : [],
  );
  expect(pids).toHaveLength(2);
  expect(pids.filter(isAlive)).toEqual([]);
  await expect.poll(() => server.sockets).toBe(0);
});

test('a worker that is silent while clients come ends the run soon, and lets nothing pass', async () => {
  await using server = await FaultServer.start();
  let pids: readonly number[] = [];
  const onWorkers = (ids: readonly number[]) => {
    pids = ids;
  };
  const settings = { workers: '2', rampRate: '8', durationMs: '60s' };
  const [{ verdict, reasons, holdMs }] = await Promise.all([
    run(server.url, settings, { onWorkers }),
    server.subscribed(2).then(() => process.kill(pids[0] as number, 'SIGSTOP')),
  ]);
  expect(verdict).toBe('inconclusive');
  expect(reasons[0]).toBe(
    'a load test worker did not answer in time: its last figures are missing',
  );
  expect(holdMs).toBe(0);
});

test('a worker that dies is named, and its clients vanish with it', async () => {
  await using server = await FaultServer.start();
  let pids: readonly number[] = [];
  const onWorkers = (ids: readonly number[]) => {
    pids = ids;
  };
  const [report] = await Promise.all([
    run(server.url, { workers: '2' }, { onWorkers }),
    publish(server, 20, 10).then(() => process.kill(pids[0] as number, 'SIGKILL')),
  ]);
  expect(report.connections).toMatchObject({
    ...{ opened: 20, failed: 0, active: 10, vanished: 10 },
  });
  expect(report.reasons[0]).toBe('1 worker process died (SIGKILL)');
  expect(report.generator.bottlenecks[0]).toBe('1 worker process died (SIGKILL)');
  expect(report.verdict).toBe('inconclusive');
});

/** A load test in a process of its own: prints the workers' process ids, then the verdict. */
function spawnRun(url: string) {
  const config = configOf(url, { workers: '2', durationMs: '60s' });
  const code = `
    import { pino } from 'pino';
    import { runLoadTest } from './src/loadtest/index.ts';
    const stop = new AbortController();
    process.on('SIGINT', () => stop.abort());
    const report = await runLoadTest(${JSON.stringify(config)}, {
      signal: stop.signal,
      onProgress: () => {},
      log: pino({ level: 'silent' }),
      onWorkers: (pids) => console.log(pids.join(' ')),
    });
    console.log(report.verdict, report.connections.opened, report.connections.failed);`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own, as a terminal gives to a command.
    detached: true,
  });
}

test('Ctrl-C reaches the workers too, and still their figures are reported', async () => {
  await using server = await FaultServer.start();
  const parent = spawnRun(server.url);
  const exited = once(parent, 'exit');
  await once(parent.stdout, 'data');
  await server.subscribed(20);
  process.kill(-(parent.pid as number), 'SIGINT');
  const [line] = await once(parent.stdout, 'data');
  expect(String(line)).toBe('interrupted 20 0\n');
  await exited;
});

test('workers end when their parent is killed', async () => {
  await using server = await FaultServer.start();
  const parent = spawnRun(server.url);
  const [line] = await once(parent.stdout, 'data');
  const pids = String(line).trim().split(' ').map(Number);
  await server.subscribed(20);
  expect(pids.filter(isAlive)).toHaveLength(2);
  parent.kill('SIGKILL');
  await expect.poll(() => pids.filter(isAlive)).toEqual([]);
  await expect.poll(() => server.sockets).toBe(0);
});
