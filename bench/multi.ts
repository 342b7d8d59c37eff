/** `npm run bench:multi`: mode multi beside mode single, in pairs; writes its part of bench/RESULTS.md. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Child,
  cpuSeconds,
  proportionalBytes,
  residentBytes,
  startNode,
} from './processes.ts';
import { type Cell, median, type Row, ratioRow, writeSection } from './results.ts';
import { deliveredBy, type Served, startOdin, startPublishing } from './servers.ts';

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const windowSeconds = Number(process.env['BENCH_SECONDS'] ?? 8);
const warmUpSeconds = 3;
const shards = 3;
const channel = 'BTC.trade';
/** Clients among the others that tell how late events come, in a process of their own. */
const probes = 60;

type Mode = 'single' | 'multi';

/** What the clients say in the end. */
interface FleetFigures {
  readonly open: number;
  readonly failed: number;
  readonly openMs: number;
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Figures of one mode in one round. */
type Figures = Readonly<Record<string, number>>;

/** Without events it is what people run: from sources each process would be 25 MiB larger. */
function startQuiet(mode: Mode): Promise<Served> {
  const unguarded = ['--guard-cpu-reject-percent', '0', '--guard-cpu-pause-percent', '0'];
  return startOdin('--mode', mode, '--shards', String(shards), ...unguarded);
}

/** Runs both modes in turn, the first one first in every other round. */
async function pairs(
  what: string,
  start: (mode: Mode) => Promise<Served>,
  measure: (server: Served) => Promise<Figures>,
) {
  const all: { single: Figures; multi: Figures }[] = [];
  for (let round = 0; round < rounds; round++) {
    const figures: Partial<Record<Mode, Figures>> = {};
    const order: Mode[] = round % 2 === 0 ? ['single', 'multi'] : ['multi', 'single'];
    for (const mode of order) {
      await using server = await start(mode);
      const measured = await measure(server);
      figures[mode] = measured;
      console.log(`  ${what} ${mode}: ${shown(measured)}`);
    }
    all.push(figures as { single: Figures; multi: Figures });
  }
  return (key: string) =>
    all.map((pair) => [pair.multi[key] as number, pair.single[key] as number] as const);
}

function shown(figures: Figures): string {
  const fields = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(2)}`);
  return fields.join(', ');
}

function startFleet(url: string, clients: number, kind: 'crowd' | 'probes'): Promise<Child> {
  return startNode(['bench/fleet-client.ts', url, String(clients), channel, kind], (line) =>
    line.includes('all open'),
  );
}

async function endFleet(fleet: Child): Promise<FleetFigures> {
  await fleet[Symbol.asyncDispose]();
  return JSON.parse(/fleet (.*)/.exec(await fleet.output)?.[1] ?? '{}') as FleetFigures;
}

/** CPU per delivered message, and how late events come, under a steady load. */
async function underLoad(server: Served, clients: number): Promise<Figures> {
  // Whoever came first gets each event last: the probes are in the middle.
  await using early = await startFleet(server.url, clients / 2, 'crowd');
  await using fleet = await startFleet(server.url, probes, 'probes');
  await using late = await startFleet(server.url, clients / 2 - probes, 'crowd');
  await delay(warmUpSeconds * 1_000);
  process.kill(fleet.pid, 'SIGUSR2');
  const before = await deliveredBy(server.http);
  const cpuBefore = cpuSeconds(server.child.pid);
  await delay(windowSeconds * 1_000);
  const cpu = cpuSeconds(server.child.pid) - cpuBefore;
  const delivered = (await deliveredBy(server.http)) - before;
  const { p50Ms, p99Ms, samples } = await endFleet(fleet);
  const failed = (await endFleet(early)).failed + (await endFleet(late)).failed;
  if (failed > 0 || samples === 0) throw new Error(`${failed} clients failed, ${samples} samples`);
  return { micros: (cpu * 1e6) / delivered, p50Ms, p99Ms, delivered };
}

/** While a machine is not busy, what counts is latency; when it is, what a message costs. */
async function load(clients: number, perSecond: number, isModerate = false): Promise<Row[]> {
  const name = `${clients} × ${perSecond}/s`;
  const start = (mode: Mode) => startPublishing(mode, shards, perSecond);
  const of = await pairs(name, start, (server) => underLoad(server, clients));
  const what = `${clients.toLocaleString('en').replace(',', ' ')} clients × ${perSecond} msg/s × 300 B`;
  return [
    {
      ...ratioRow(`server CPU per delivered message, ${what}`, of('micros'), 1.15),
      ...(isModerate && { goal: '–' }),
    },
    addedRow(`latency p50, ${what}`, of('p50Ms'), '≤ +1.00 ms'),
    addedRow(`latency p99, ${what}`, of('p99Ms'), '–'),
  ];
}

/** Clients that come as fast as they can, and what the node takes for them once they are idle. */
async function accepting(): Promise<Row[]> {
  const clients = 4_500;
  const of = await pairs('accept', startQuiet, async (server) => {
    await delay(2_000);
    const { pid } = server.child;
    const [rss, pss, cpu] = [residentBytes(pid), proportionalBytes(pid), cpuSeconds(pid)];
    await using fleet = await startFleet(server.url, clients, 'crowd');
    const cpuMicros = ((cpuSeconds(pid) - cpu) * 1e6) / clients;
    await delay(2_000);
    // Each process has grown by what its first clients needed, whatever their number.
    const grown = residentBytes(pid);
    await using more = await startFleet(server.url, clients, 'crowd');
    await delay(2_000);
    const kib = (residentBytes(pid) - grown) / clients / 1_024;
    await endFleet(more);
    const { openMs, failed } = await endFleet(fleet);
    const [rssMib, pssMib] = [rss / 1_024 ** 2, pss / 1_024 ** 2];
    return { perSecond: clients / (openMs / 1_000), failed, cpuMicros, kib, rssMib, pssMib };
  });
  const failed = Math.max(...of('failed').map(([ours]) => ours));
  const came = `of ${clients.toLocaleString('en').replace(',', ' ')} clients that come as fast as they can`;
  return [
    { ...ratioRow(`accepted per second, ${came}`, of('perSecond'), 0, '/s'), goal: '≥ 1 000/s' },
    cellRow(`failed, ${came}`, String(failed), '0'),
    { ...ratioRow('server CPU per accepted client', of('cpuMicros'), 0), goal: '–' },
    ratioRow(
      'server memory (RSS) per further idle subscribed connection, 9 000 clients',
      of('kib'),
      1.05,
      'KiB',
    ),
    { ...ratioRow('RSS of all processes, without clients', of('rssMib'), 0, 'MiB'), goal: '–' },
    { ...ratioRow('the same, shared pages counted once', of('pssMib'), 0, 'MiB'), goal: '–' },
  ];
}

/** What a node costs that has nothing to do, and how long it takes to start. */
async function idling(): Promise<Row[]> {
  const of = await pairs('idle', startQuiet, async (server) => {
    await delay(3_000);
    const before = cpuSeconds(server.child.pid);
    await delay(windowSeconds * 1_000);
    const cpuPercent = ((cpuSeconds(server.child.pid) - before) / windowSeconds) * 100;
    return { cpuPercent, readyMs: server.readyMs };
  });
  return [
    { ...ratioRow('CPU of an idle node, in % of a core', of('cpuPercent'), 0, '%'), goal: '–' },
    { ...ratioRow('from start to ready', of('readyMs'), 0, 'ms'), goal: '–' },
  ];
}

/** A row of which the difference counts, not the ratio. */
function addedRow(what: string, values: readonly Cell[], goal: string): Row {
  const added = values.map(([ours, theirs]) => ours - theirs);
  const sign = (value: number) => `${value >= 0 ? '+' : ''}${value.toFixed(2)}`;
  const range = `(${sign(Math.min(...added))} to ${sign(Math.max(...added))})`;
  const base = ratioRow(what, values, 0, 'ms');
  return { ...base, ratio: `${sign(median(added))} ms ${range}`, goal };
}

function cellRow(what: string, ours: string, goal: string): Row {
  return { what, ours, theirs: '–', ratio: '–', goal };
}

const scenarios: Record<string, () => Promise<Row[]>> = {
  moderate: () => load(600, 25, true),
  load25: () => load(2_000, 25),
  load100: () => load(2_000, 100),
  accept: accepting,
  idle: idling,
};
const chosen = process.argv.slice(2);
const rows: Row[] = [];
for (const [name, run] of Object.entries(scenarios)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(name);
  rows.push(...(await run()));
}
writeSection({
  title: 'Mode multi beside mode single',
  about: [
    `Written by \`npm run bench:multi\`: ${shards} shards, all processes of a node together. Medians of`,
    `${rounds} pairs of ${windowSeconds} s each, alternating, with the range; clients, events and node`,
    'share the machine. Events come from within the process that reads the broker; memory, accepting and',
    'idling are of `odin serve` as it is built.',
  ],
  columns: ['multi', 'single', 'ratio or difference'],
  rows,
  isWhole: chosen.length === 0,
});
