/** What load testers take of a machine for the same clients of the same server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fixedEvents, startFeeder } from '../../feeder.ts';
import { cpuSeconds, residentBytes } from '../../processes.ts';
import { type Row, ratioRow } from '../../results.ts';
import { deliveredBy, startOdin } from '../../servers.ts';
import { artillery } from './artillery.ts';
import { odin } from './odin.ts';
import type { Tool } from './tool.ts';
import { hasTsung, tsung } from './tsung.ts';

/** Memory of a further client is the difference between both crowds; what the tool takes itself is left out. */
const few = 200;
const further = 4_000;
const perSecond = 5;
/** Until clients are there, at most. */
const limitMs = 60_000;

/** Fewer do not go into the file. */
export const wholeRounds = 2;
/** How many rounds there are; in each, every tool has its turn. */
export const rounds = Number(process.env['BENCH_ROUNDS'] ?? wholeRounds);
/** How long CPU is measured, in seconds. */
export const windowSeconds = Number(process.env['BENCH_SECONDS'] ?? 5);

interface Cost {
  readonly micros: number;
  readonly kib: number;
  readonly startMib: number;
}

/** Rows for each tool, against odin. */
export async function compareCost(): Promise<readonly Row[]> {
  const rivals = [artillery(false), artillery(true), ...(hasTsung() ? [tsung] : [])];
  const ours: Cost[] = [];
  const theirs = new Map<Tool, Cost[]>(rivals.map((tool) => [tool, []]));
  for (let round = 0; round < rounds; round++) {
    ours.push(await costOf(odin));
    for (const [tool, costs] of theirs) costs.push(await costOf(tool));
  }
  const pairsOf = (costs: readonly Cost[], key: keyof Cost) =>
    costs.map((cost, at) => [ours[at]![key], cost[key]] as const);
  return Array.from(theirs, ([{ name }, costs]) => [
    ratioRow(`CPU per received message, against ${name}`, pairsOf(costs, 'micros'), 1),
    ratioRow(
      `memory (RSS) per further idle client, against ${name}`,
      pairsOf(costs, 'kib'),
      1,
      'KiB',
    ),
    ratioRow(
      `memory (RSS) with ${few} clients, against ${name}`,
      pairsOf(costs, 'startMib'),
      1,
      'MiB',
    ),
  ]).flat();
}

async function costOf(tool: Tool): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'odin-rival-'));
  try {
    await using server = await startOdin();
    await using running = await tool.start({
      url: server.url,
      channel: 'BTC.trade',
      crowds: [
        { clients: few, seconds: 1 },
        { clients: further, seconds: 6 },
      ],
      pauseSeconds: 3,
      staySeconds: 600,
      // All have to come, on a busy machine too.
      connectTimeoutMs: 30_000,
      folder,
    });
    const atFirst = await memoryWith(few, server.http, running.pid);
    const atLast = await memoryWith(few + further, server.http, running.pid);
    const kib = (atLast - atFirst) / further / 1024;
    const micros = await microsPerMessage(server.http, running.pid);
    const startMib = atFirst / 1024 ** 2;
    console.log(
      `  ${tool.name}: ${micros.toFixed(1)} µs, ${kib.toFixed(1)} KiB, ${startMib.toFixed(0)} MiB`,
    );
    return { micros, kib, startMib };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Resident bytes of a tool a second after so many of its clients are open. */
async function memoryWith(clients: number, http: string, pid: number): Promise<number> {
  const startMs = performance.now();
  while ((await clientsOf(http)) < clients) {
    if (performance.now() - startMs > limitMs) throw new Error(`${clients} clients did not come`);
    await delay(50);
  }
  await delay(1_000);
  return residentBytes(pid);
}

async function clientsOf(http: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  return Number(/^ws_current_connections (\d+)/m.exec(text)?.[1]);
}

async function microsPerMessage(http: string, pid: number): Promise<number> {
  using _feeder = startFeeder(http, perSecond, fixedEvents());
  await delay(2_000);
  const [count, seconds] = [await deliveredBy(http), cpuSeconds(pid)];
  await delay(windowSeconds * 1_000);
  const spent = cpuSeconds(pid) - seconds;
  return (spent * 1e6) / ((await deliveredBy(http)) - count);
}
