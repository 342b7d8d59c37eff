/** Load tests whose own processes stood still while stages began and ended: inconclusive. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FaultServer } from './support/fault-server.ts';
import { configOf, run } from './support/run-loadtest.ts';

const stages = '400ms:20,400ms:20,400ms:40,400ms:40';

/** Stops a process until all stages but the last would be over. */
async function stop(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await sleep(1_400);
  process.kill(pid, 'SIGCONT');
}

/** A load test in a process of its own: prints a line once clients come, and then its report. */
function spawnRun(url: string, settings: Readonly<Record<string, string>>) {
  const config = configOf(url, settings);
  const code = `
    import { pino } from 'pino';
    import { runLoadTest } from './src/loadtest/index.ts';
    let isTold = false;
    const report = await runLoadTest(${JSON.stringify(config)}, {
      signal: new AbortController().signal,
      onProgress: ({ phase }) => {
        if (!isTold && phase !== 'ramp') console.log(phase);
        isTold ||= phase !== 'ramp';
      },
      log: pino({ level: 'silent' }),
    });
    const { verdict, reasons, stages } = report;
    console.log(JSON.stringify({ verdict, reasons, stages: stages.map((one) => one.durationMs) }));`;
  return spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test.concurrent.each([
  ['stages of its own', { stages }, /: stage[23] ended /],
  ['a hold', { durationMs: '700ms', rampDownMs: '600ms' }, /: hold ended /],
])('a run that stood still itself over the end of %s is inconclusive', async (...row) => {
  const [, settings, which] = row;
  await using server = await FaultServer.start();
  const child = spawnRun(server.url, { workers: '2', ...settings });
  await once(child.stdout, 'data');
  const [[line]] = await Promise.all([once(child.stdout, 'data'), stop(child.pid as number)]);
  const { verdict, reasons } = JSON.parse(String(line));
  expect(verdict).toBe('inconclusive');
  expect(reasons[0]).toMatch(/^the load test's own process stood still for (\d{3}ms|\d\.\d\ds): /);
  expect(reasons[0]).toMatch(which);
});

test.concurrent('an agent that stands still tells its workers late, which is said', async () => {
  await using server = await FaultServer.start();
  let agent: number | undefined;
  const [{ verdict, reasons }] = await Promise.all([
    run(
      server.url,
      { agents: 'local:2', stages },
      {
        onWorkers: (pids) => {
          agent = pids.at(-1);
        },
      },
    ),
    server.subscribed(20).then(() => stop(agent as number)),
  ]);
  expect(verdict).toBe('inconclusive');
  expect(reasons[0]).toMatch(/^load test worker 2 on local-2 (began|ended) stage\d .* late /);
});
