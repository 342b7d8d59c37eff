/** Artillery, with a scenario that keeps sockets open; with or without a hook that looks at what comes. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { installNpm } from '../install.ts';
import { type Job, type Outcome, startTool, subscriptionTo, type Tool } from './tool.ts';

interface Report {
  readonly aggregate: {
    readonly counters: Readonly<Record<string, number>>;
    readonly summaries: Readonly<Record<string, { readonly p50: number; readonly p99: number }>>;
  };
}

/** Its own steps see no pushed message, so most would add the hook. */
export function artillery(hasHook: boolean): Tool {
  return {
    name: hasHook ? 'Artillery with a hook' : 'Artillery',
    start: async (job) => {
      const folder = await installNpm('artillery');
      const script = join(job.folder, 'scenario.json');
      writeFileSync(script, JSON.stringify(scenarioOf(job, hasHook)));
      const command = join(folder, 'node_modules/artillery/bin/run');
      const args = [command, 'run', '--output', join(job.folder, 'report.json'), script];
      const env = { ARTILLERY_DISABLE_TELEMETRY: 'true' };
      return startTool(process.execPath, args, job.folder, env);
    },
    outcomeOf: ({ exitCode, stdout }, { folder }): Outcome => {
      const file = join(folder, 'report.json');
      const hasReport = existsSync(file) || /Summary report/.test(stdout);
      if (!existsSync(file)) return { exitCode, hasReport, complaints: [], figures: {} };
      const { counters, summaries } = (JSON.parse(readFileSync(file, 'utf8')) as Report).aggregate;
      const failed = Object.entries(counters).filter(
        ([name, count]) => count > 0 && /^errors\.|vusers\.failed/.test(name),
      );
      const received = counters['hook.received'];
      const latency = summaries['hook.latency'];
      return {
        exitCode,
        hasReport,
        complaints: failed.map(([name, count]) => `${name} ${count}`),
        figures: {
          ...(received === undefined ? {} : { received }),
          ...(latency === undefined ? {} : { p50: latency.p50, p99: latency.p99 }),
        },
      };
    },
  };
}

function scenarioOf(job: Job, hasHook: boolean): unknown {
  const { url, channel, crowds, pauseSeconds, staySeconds } = job;
  const phases = crowds.flatMap(({ clients, seconds }, at) => [
    ...(at === 0 ? [] : [{ pause: pauseSeconds }]),
    { duration: seconds, arrivalCount: clients },
  ]);
  return {
    config: {
      target: url,
      phases,
      ws: { subprotocols: ['odin.v2'], handshakeTimeout: job.connectTimeoutMs },
      // Without it, it exits with 0 whatever fails.
      plugins: { ensure: {} },
      ensure: { maxErrorRate: 0 },
      ...(hasHook ? { processor: resolve(import.meta.dirname, 'artillery-hook.mjs') } : {}),
    },
    scenarios: [
      {
        engine: 'ws',
        flow: [
          ...(hasHook ? [{ function: 'listen' }] : []),
          { send: subscriptionTo(channel) },
          { think: staySeconds },
        ],
      },
    ],
  };
}
