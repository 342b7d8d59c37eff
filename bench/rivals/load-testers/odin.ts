/** odin's own load tester, as its users start it. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { LoadTestReport } from '../../../src/loadtest/results/report.ts';
import { type Job, type Outcome, startTool, type Tool } from './tool.ts';

/** `odin loadtest` with one worker. */
export const odin: Tool = {
  name: 'odin',
  start: async (job) => {
    const out = join(job.folder, 'report.json');
    const args = ['loadtest', '--url', job.url, '--channels', job.channel, '--workers', '1'];
    const more = [
      '--connect-timeout',
      `${job.connectTimeoutMs}ms`,
      '--plain',
      '--out',
      out,
      ...shapeOf(job),
    ];
    const node = ['--disable-warning=ExperimentalWarning', resolve('bin/odin.js')];
    return startTool(process.execPath, [...node, ...args, ...more], job.folder);
  },
  outcomeOf: ({ exitCode }, { folder }): Outcome => {
    const file = join(folder, 'report.json');
    if (!existsSync(file)) return { exitCode, hasReport: false, complaints: [], figures: {} };
    const report = JSON.parse(readFileSync(file, 'utf8')) as LoadTestReport;
    const errors = report.errors
      .filter((error) => !report.reasons.some((reason) => reason.includes(error.class)))
      .map((error) => `${error.class} × ${error.count}`);
    const { received, lost, duplicated, reordered } = report.messages;
    const { p50, p99 } = report.latencyMs;
    const counts = { received, lost, duplicated, reordered, p50, p99 };
    const known = Object.entries(counts).filter(([, value]) => value !== null);
    return {
      exitCode,
      hasReport: true,
      complaints: [report.verdict, ...report.reasons, ...errors],
      figures: Object.fromEntries(known) as Record<string, number>,
    };
  },
};

function shapeOf({ crowds, pauseSeconds, staySeconds }: Job): string[] {
  const [only] = crowds;
  if (crowds.length === 1 && only !== undefined) {
    const { clients, seconds } = only;
    const ramp = ['--connections', String(clients), '--ramp-duration', `${seconds}s`];
    return [...ramp, '--duration', `${staySeconds}s`];
  }
  let all = 0;
  const stages = crowds.flatMap(({ clients, seconds }) => {
    all += clients;
    return [`${seconds}s:${all}`, `${pauseSeconds}s:${all}`];
  });
  return [...stages, `${staySeconds}s:${all}`].flatMap((stage) => ['--stage', stage]);
}
