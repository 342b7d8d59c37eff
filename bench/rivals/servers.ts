/**
 * `npm run bench:rivals`: odin's server beside Centrifugo and Socket.IO, in turn and in one run; writes
 * its part of bench/RESULTS.md.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { LoadTestReport } from '../../src/loadtest/results/report.ts';
import { startFeeder } from '../feeder.ts';
import { type Child, cpuSeconds, residentBytes, startNode } from '../processes.ts';
import { median, writeTable } from '../results.ts';
import { odin as odinCommand } from '../servers.ts';
import { goRivals } from './install.ts';
import { startBrokers } from './servers-brokers.ts';
import {
  type Contender,
  centrifugo,
  dataOf,
  odin,
  type Rival,
  socketIo,
  type Wish,
} from './servers-contenders.ts';
import { type Outage, recoveryOf } from './servers-recovery.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 2);
const windowSeconds = Number(process.env['BENCH_SECONDS'] ?? 3);
const wholeRounds = 2;
/** From when all clients are there until what is measured begins. */
const settleMs = 1_000;

interface Job extends Wish {
  readonly what: string;
  readonly clients: number;
  /** Events, of all channels together; 0 leaves the clients idle. */
  readonly perSecond: number;
}

const one = { channels: ['BTC.trade'], each: 1 };
const fifty = { channels: Array.from({ length: 50 }, (_, at) => `T${at}.trade`), each: 5 };
const jobs = {
  one25: { what: '1 000 clients × 25 msg/s of one channel', ...one, clients: 1_000, perSecond: 25 },
  one100: { what: '500 clients × 100 msg/s of one channel', ...one, clients: 500, perSecond: 100 },
  many: {
    what: '500 clients with 5 of 50 channels each, 200 msg/s in all',
    ...fifty,
    clients: 500,
    perSecond: 200,
  },
  idle: { what: '3 000 idle clients', ...one, clients: 3_000, perSecond: 0 },
} as const satisfies Record<string, Job>;

/** The first one is what all others are compared with. */
const contenders = [odin('raw'), odin('v2'), centrifugo(false), centrifugo(true), socketIo(false)];

/** What is measured, with its unit. */
const metrics = {
  cpu: ['server CPU per delivered message', 'µs'],
  p50: ['latency p50', 'ms'],
  p99: ['latency p99', 'ms'],
  memory: ['server memory (RSS) per idle subscribed client', 'KiB'],
  connectCpu: ['server CPU per client that comes and subscribes', 'µs'],
  base: ['server memory (RSS) without clients', 'MiB'],
} as const;
type Metric = keyof typeof metrics;
type Figures = Partial<Record<Metric, number>>;

const outages: Readonly<Record<Outage, string>> = {
  cut: 'all connections are cut at once',
  kill: 'the server is killed (SIGKILL) and started again',
};

/** Lost events of all runs, by contender. */
const lost = new Map<string, number>();

function startClients(contender: Contender, rival: Rival, job: Job, seconds: number) {
  const size = ['--connections', String(job.clients), '--ramp-rate', '1000', '--workers', '1'];
  const how = ['--duration', String(seconds), '--json', '--status-url', 'none'];
  const args = ['--url', rival.url, ...contender.clientFlags(job), ...size, ...how];
  return startNode([...odinCommand, 'loadtest', ...args], (line) => line.includes('hold'));
}

async function reportOf(contender: Contender, clients: Child): Promise<LoadTestReport> {
  const report = JSON.parse(await clients.output) as LoadTestReport;
  const { verdict, reasons, messages } = report;
  if (verdict === 'inconclusive') console.log(`  ${contender.name}: ${reasons.join('; ')}`);
  lost.set(contender.name, (lost.get(contender.name) ?? 0) + (messages.lost ?? 0));
  return report;
}

async function underLoad(contender: Contender, job: Job): Promise<Figures> {
  await using rival = await contender.start();
  const { channels, perSecond } = job;
  using _feeder = startFeeder(rival.http, perSecond, (n) => {
    const data = dataOf(Math.floor(n / channels.length) + 1);
    return contender.eventOf(channels[n % channels.length] as string, data);
  });
  const holdSeconds = windowSeconds + settleMs / 1_000;
  await using clients = await startClients(contender, rival, job, holdSeconds);
  await delay(settleMs);
  const before = cpuSeconds(rival.child.pid);
  await delay(windowSeconds * 1_000);
  const used = cpuSeconds(rival.child.pid) - before;
  const { latencyMs, holdMs } = await reportOf(contender, clients);
  const delivered = (latencyMs.count / holdMs) * windowSeconds * 1_000;
  return {
    cpu: (used * 1e6) / delivered,
    p50: latencyMs.p50 ?? Number.NaN,
    p99: latencyMs.p99 ?? Number.NaN,
  };
}

async function atRest(contender: Contender, job: Job): Promise<Figures> {
  await using rival = await contender.start();
  const { pid } = rival.child;
  await delay(settleMs);
  const base = residentBytes(pid);
  const before = cpuSeconds(pid);
  await using _clients = await startClients(contender, rival, job, 4);
  await delay(3 * settleMs);
  return {
    connectCpu: ((cpuSeconds(pid) - before) * 1e6) / job.clients,
    memory: (residentBytes(pid) - base) / job.clients / 1_024,
    base: base / 1_024 ** 2,
  };
}

/** All figures of a job, by contender and round; who comes first in one round comes later in another. */
async function inTurn(job: Job, who: readonly Contender[]): Promise<Map<Contender, Figures[]>> {
  const figures = new Map<Contender, Figures[]>(who.map((one) => [one, []]));
  console.log(job.what);
  for (let round = 0; round < rounds; round++) {
    for (let at = 0; at < who.length; at++) {
      const contender = who[(at + 2 * round) % who.length] as Contender;
      const measured = await (job.perSecond > 0 ? underLoad : atRest)(contender, job);
      const shown = Object.entries(measured).map(([key, value]) => `${key} ${value.toFixed(2)}`);
      console.log(`  ${contender.name}: ${shown.join(', ')}`);
      figures.get(contender)?.push(measured);
    }
  }
  return figures;
}

/** A row for each metric; of others than odin with what odin has, as a part of theirs. */
function rowsOf(job: Job, figures: Map<Contender, Figures[]>, keys: readonly Metric[]): string[][] {
  return keys.map((key) => {
    const [what, unit] = metrics[key];
    const of = (contender: Contender) =>
      figures.get(contender)?.map((each) => each[key] ?? Number.NaN);
    const ours = of(contenders[0] as Contender) ?? [];
    const cells = contenders.map((contender, at) => {
      const values = of(contender);
      if (values === undefined) return '–';
      const ratios = values.map((value, round) => (ours[round] ?? Number.NaN) / value);
      const range = ratios.map((ratio) => ratio.toFixed(2)).toSorted();
      const factor = at === 0 ? '' : ` (×${[...new Set([range[0], range.at(-1)])].join('–')})`;
      return `${median(values).toFixed(2)} ${unit}${factor}`;
    });
    return [`${what}, ${job.what}`, ...cells];
  });
}

const few = contenders.filter(({ name }) => !['odin.v2', 'Centrifugo with history'].includes(name));

const loads: Metric[] = ['cpu', 'p50', 'p99'];
const scenarios: Record<string, () => Promise<string[][]>> = {
  one25: async () => rowsOf(jobs.one25, await inTurn(jobs.one25, contenders), loads),
  one100: async () => rowsOf(jobs.one100, await inTurn(jobs.one100, few), loads),
  many: async () => rowsOf(jobs.many, await inTurn(jobs.many, few), loads),
  idle: async () =>
    rowsOf(jobs.idle, await inTurn(jobs.idle, few), ['memory', 'connectCpu', 'base']),
};
const chosen = process.argv.slice(2);
const isChosen = (name: string) => chosen.length === 0 || chosen.includes(name);
const rows: string[][] = [];
for (const [name, run] of Object.entries(scenarios))
  if (isChosen(name)) rows.push(...(await run()));
rows.push([
  'events lost in all of these',
  ...contenders.map(({ name }) => String(lost.get(name) ?? '–')),
]);
if (rows.length > 1) {
  writeTable({
    title: 'odin’s server beside Centrifugo and Socket.IO',
    about: [
      `Written by \`npm run bench:rivals\`: Centrifugo ${goRivals.centrifugo.version} and Socket.IO 4.8.4, each as its makers`,
      `advise, one process per server on the same two cores. Medians of ${rounds} runs of ${windowSeconds} s each, in turn;`,
      '× is odin’s figure as a part of theirs, with its range: below 1 odin takes less. All get the same 300 bytes of',
      'event by HTTP, one request each, and are read by the same generator, `odin loadtest --protocol raw`;',
      'odin.v2 is odin read as its own protocol. odin always keeps a history.',
    ],
    columns: ['what', ...contenders.map(({ name }) => name)],
    rows,
    isWhole: rounds >= wholeRounds && chosen.length === 0,
  });
}
if (isChosen('recovery')) await recovery();

/** What clients lack after an outage, by server; a table of its own. */
async function recovery(): Promise<void> {
  await using brokers = await startBrokers();
  const { nats, redis } = brokers;
  const who = [
    odin('v2'),
    ...(nats === undefined ? [] : [odin('v2', nats)]),
    centrifugo(true),
    ...(redis === undefined ? [] : [centrifugo(true, redis)]),
    socketIo(true),
  ];
  const table: string[][] = [];
  for (const [outage, what] of Object.entries(outages)) {
    const cells = [];
    for (const contender of who) {
      const { due, lost, repeated } = await recoveryOf(contender, outage as Outage);
      const text = `${lost} of ${due}${repeated > 0 ? `, ${repeated} twice` : ''}`;
      console.log(`  ${outage}, ${contender.name}: ${text}`);
      cells.push(text);
    }
    table.push([what, ...cells]);
  }
  writeTable({
    title: 'What clients lose beside Centrifugo and Socket.IO',
    about: [
      'Written by `npm run bench:rivals`: 20 clients of each server’s own SDK, 50 events a second over HTTP; of those that',
      'the server confirmed, how many did not reach a client, out of all that were due. Centrifugo has its history on,',
      'Socket.IO its connection state recovery; all keep events in memory where no broker is named. Events for NATS',
      'are published to it, and so go on while the server is away.',
    ],
    columns: ['lost', ...who.map(({ name }) => name)],
    rows: table,
    isWhole: true,
  });
}
