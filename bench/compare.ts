/**
 * `npm run bench:compare`: how often `odin loadtest compare` finds 10 % more latency, and how often it
 * finds what is not there; writes its part of bench/RESULTS.md. Given a folder, it keeps the reports of
 * its runs there, and makes only those that are missing.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { createRandom, randomNormal } from '../src/base/random.ts';
import { configSchema } from '../src/config/schema.ts';
import { parseBudgets } from '../src/loadtest/comparison/budget.ts';
import type { BudgetResult } from '../src/loadtest/comparison/budget-result.ts';
import { type Comparison, compareRuns } from '../src/loadtest/comparison/comparison.ts';
import { runLoadTest } from '../src/loadtest/index.ts';
import type { Run } from '../src/loadtest/reports/report-file.ts';
import type { LoadTestReport } from '../src/loadtest/results/report.ts';
import { FaultServer } from '../test/support/fault-server.ts';
import { type Row, writeSection } from './results.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 20);
const seconds = Number(process.env['BENCH_SECONDS'] ?? 10);
const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), 'odin-compare-'));
const wholeRounds = 20;

const clients = 5;
const everyMs = 10;
const eventsEach = 12;
const medianMs = 50;
const channel = 'BTC.trade';
const budgetTexts = ['latency.p50 +5%', 'latency.p99 +5%'];
const budgets = parseBudgets(budgetTexts);
const metrics = ['latency.p50', 'latency.p95', 'latency.p99', 'latency.mean'] as const;

/** Of each round one run of each; `before` and `same` are alike. */
const kinds = { before: 1, same: 1, slow: 1.1 };
type Kind = keyof typeof kinds;

/** A run against a server whose events are as old as it makes them: log-normal, times `slower`. */
async function makeRun(seed: number, slower: number): Promise<LoadTestReport> {
  await using server = await FaultServer.start();
  const random = createRandom(seed);
  const loadtest = {
    url: server.url,
    connections: String(clients),
    durationMs: `${seconds}s`,
    channels: channel,
  };
  let isOver = false;
  const publishing = server.subscribed(clients).then(async () => {
    while (!isOver) {
      for (let event = 0; event < eventsEach; event++) {
        const delayMs = slower * medianMs * Math.exp(0.3 * randomNormal(random));
        server.publish(channel, Math.round(Date.now() - delayMs));
      }
      await sleep(everyMs);
    }
  });
  const report = await runLoadTest(configSchema.parse({ loadtest }).loadtest, {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    log: pino({ level: 'silent' }),
  });
  isOver = true;
  await publishing;
  return report;
}

async function runOf(kind: Kind, round: number): Promise<Run> {
  const path = join(folder, `${kind}-${round}.json`);
  if (!existsSync(path)) {
    const seed = 1 + 3 * round + Object.keys(kinds).indexOf(kind);
    const report = await makeRun(seed, kinds[kind]);
    writeFileSync(path, JSON.stringify(report));
    const { p50, p99, count } = report.latencyMs;
    console.log(`  ${path}: p50 ${p50?.toFixed(1)}, p99 ${p99?.toFixed(1)}, ${count} events`);
  }
  return { path, report: JSON.parse(readFileSync(path, 'utf8')) as LoadTestReport };
}

mkdirSync(folder, { recursive: true });
const runs: Record<Kind, Run[]> = { before: [], same: [], slow: [] };
for (let round = 0; round < rounds; round++) {
  // Whoever comes first in one round comes last in another.
  const order = Object.keys(kinds) as Kind[];
  for (let at = 0; at < order.length; at++) {
    const kind = order[(at + round) % order.length] as Kind;
    runs[kind].push(await runOf(kind, round));
  }
}

/** What comes of each round; several runs of a side are successive ones. */
function comparisonsWith(kind: Kind, each: number): Comparison[] {
  const sideOf = (all: readonly Run[], round: number) =>
    Array.from({ length: each }, (_, at) => all[(round + at) % all.length] as Run);
  return runs.before.map((_, round) =>
    compareRuns(sideOf(runs.before, round), sideOf(runs[kind], round), { budgets }),
  );
}

function changes(comparisons: readonly Comparison[], metric: string, outcome: RegExp): number {
  return comparisons.filter(({ figures }) =>
    figures.some((figure) => figure.metric === metric && outcome.test(figure.outcome)),
  ).length;
}

/** `20 fail`, `15 fail, 5 inconclusive` */
function verdictsOf(comparisons: readonly Comparison[], at: number): string {
  const results = comparisons.map(({ budgets }) => budgets[at] as BudgetResult);
  const verdicts = Map.groupBy(results, ({ ok, undecided }) =>
    ok ? 'pass' : undecided === null ? 'fail' : 'inconclusive',
  );
  return Array.from(verdicts, ([verdict, all]) => `${all.length} ${verdict}`).join(', ');
}

const slow = [1, 3].map((each) => comparisonsWith('slow', each));
const same = [1, 3].map((each) => comparisonsWith('same', each));
const rowOf = (what: string, cells: readonly string[], goal: string): Row => {
  const [ours = '', theirs = '', ...alike] = cells;
  return { what, ours, theirs, ratio: alike.join(' / '), goal };
};
writeSection({
  title: 'Changes that compare finds',
  about: [
    `Written by \`npm run bench:compare\`: ${rounds} comparisons of each kind, of runs of ${seconds} s against a`,
    `server whose latency is known (log-normal around ${medianMs} ms, up to ${(1_000 / everyMs) * eventsEach} events a second,`,
    `${clients} clients). With three runs of a side, each run is in three of them. All processes share the`,
    'machine, with whatever else runs there: what it disturbs has wider bounds, and is told less.',
  ],
  columns: ['10 % slower, 1 run each', '10 % slower, 3 runs each', 'equal, 1 / 3 runs each'],
  rows: [
    ...metrics.map((metric) =>
      rowOf(
        `${metric} found to change`,
        [
          ...slow.map((all) => `${changes(all, metric, /worse/)} of ${rounds}`),
          ...same.map((all) => `${changes(all, metric, /worse|better/)} of ${rounds}`),
        ],
        `${rounds}, and 0 of equal ones`,
      ),
    ),
    ...budgetTexts.map((text, at) =>
      rowOf(
        `\`--fail-on '${text}'\``,
        [...slow, ...same].map((all) => verdictsOf(all, at)),
        'no pass, and no fail of equal ones',
      ),
    ),
  ],
  isWhole: rounds >= wholeRounds,
});
