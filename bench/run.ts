/** `npm run bench`: odin beside the obvious alternative, in one run; writes bench/RESULTS.md. */
import { setTimeout as delay } from 'node:timers/promises';
import { fixedEvents, marketEvents, startFeeder } from './feeder.ts';
import { type Child, cpuSeconds, residentBytes, startNode } from './processes.ts';
import { median, type Row, ratioRow, writeSection } from './results.ts';
import { deliveredBy, odin, type Served, startNaive, startOdin } from './servers.ts';

const channel = 'BTC.trade';
const windowSeconds = Number(process.env['BENCH_SECONDS'] ?? 8);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
/** What is measured begins after this long under load, in seconds. */
const warmUpSeconds = 3;

interface Window {
  readonly serverMicros: number;
  readonly generatorMicros: number;
  readonly delivered: number;
}

function startOdinClients(url: string, connections: number, workers: number): Promise<Child> {
  const args = [
    'loadtest',
    '--url',
    url,
    '--connections',
    String(connections),
    '--channels',
    channel,
  ];
  const more = ['--ramp-rate', '1000', '--duration', '600', '--workers', String(workers)];
  return startNode([...odin, ...args, ...more], (line) => line.includes('hold'));
}

function startWsClients(url: string, connections: number): Promise<Child> {
  return startNode(['bench/ws-client.ts', url, String(connections), channel], (line) =>
    line.includes('all open'),
  );
}

/** CPU of server and generator per delivered message, over one window under load. */
async function measure(
  server: Served,
  clients: Child,
  perSecond: number,
  events = fixedEvents(),
): Promise<Window> {
  using _feeder = startFeeder(server.http, perSecond, events);
  await delay(warmUpSeconds * 1_000);
  const before = {
    count: await deliveredBy(server.http),
    server: cpuSeconds(server.child.pid),
    clients: cpuSeconds(clients.pid),
  };
  await delay(windowSeconds * 1_000);
  const delivered = (await deliveredBy(server.http)) - before.count;
  return {
    delivered,
    serverMicros: ((cpuSeconds(server.child.pid) - before.server) * 1e6) / delivered,
    generatorMicros: ((cpuSeconds(clients.pid) - before.clients) * 1e6) / delivered,
  };
}

async function fanOut(perSecond: number, goal: number): Promise<Row> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    const pair: number[] = [];
    for (const start of [startOdin, startNaive]) {
      await using server = await start();
      await using clients = await startOdinClients(server.url, 2_000, 1);
      const { serverMicros, delivered } = await measure(server, clients, perSecond);
      console.log(
        `  ${perSecond}/s ${start.name}: ${serverMicros.toFixed(2)} µs per message, ${delivered} delivered`,
      );
      pair.push(serverMicros);
    }
    pairs.push(pair as [number, number]);
  }
  return ratioRow(
    `server CPU per delivered message, 2 000 clients × ${perSecond} msg/s × 300 B, against \`ws.send\``,
    pairs,
    goal,
  );
}

/** What opens clients: the load tester, and what most people would write. */
const generators = [
  (url: string, connections: number) => startOdinClients(url, connections, 1),
  startWsClients,
] as const;

async function generator(): Promise<Row> {
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    const pair: number[] = [];
    for (const start of generators) {
      await using server = await startOdin();
      await using clients = await start(server.url, 1_000);
      const { generatorMicros, delivered } = await measure(server, clients, 25);
      console.log(
        `  generator: ${generatorMicros.toFixed(2)} µs per message, ${delivered} delivered`,
      );
      pair.push(generatorMicros);
    }
    pairs.push(pair as [number, number]);
  }
  return ratioRow(
    'load tester CPU per received message, 1 000 clients × 25 msg/s, against `ws` clients',
    pairs,
    0.65,
  );
}

/**
 * Memory of each further idle client; what a process takes without any is left out. Two starts of one
 * program differ by some MiB, whatever they hold: that many clients make it little of each. Each has
 * a descriptor, of which a process often has no more than 20 000.
 */
async function generatorMemory(): Promise<Row> {
  const [few, many] = [500, 16_500];
  const pairs: [number, number][] = [];
  for (let round = 0; round < rounds; round++) {
    const pair: number[] = [];
    for (const start of generators) {
      await using server = await startOdin('--max-connections', String(many));
      const bytesWith = async (connections: number) => {
        await using clients = await start(server.url, connections);
        const looks: number[] = [];
        while (looks.length < 9) {
          await delay(500);
          looks.push(residentBytes(clients.pid));
        }
        return median(looks);
      };
      const before = await bytesWith(few);
      const kib = ((await bytesWith(many)) - before) / (many - few) / 1024;
      console.log(`  generator: ${kib.toFixed(2)} KiB per idle client`);
      pair.push(kib);
    }
    pairs.push(pair as [number, number]);
  }
  return ratioRow(
    'load tester memory (RSS) per further idle client, 16 500 clients, against `ws` clients',
    pairs,
    0.45,
    'KiB',
  );
}

interface Wire {
  readonly micros: number;
  readonly bytes: number;
}

/** CPU and bytes per delivered message of the publisher's own events, for clients that deflate. */
async function onTheWire(server: Served, connections: number): Promise<Wire> {
  await using clients = await startNode(
    ['bench/drain-client.ts', server.url, String(connections), '*'],
    (line) => line.includes('all open'),
  );
  const { serverMicros } = await measure(server, clients, 20, marketEvents());
  const delivered = await deliveredBy(server.http);
  await clients[Symbol.asyncDispose]();
  const received = Number(/received (\d+)/.exec(await clients.output)?.[1]);
  return { micros: serverMicros, bytes: received / delivered };
}

async function compare(
  name: string,
  connections: number,
  starts: readonly [() => Promise<Served>, () => Promise<Served>],
): Promise<readonly [Wire, Wire][]> {
  const pairs: [Wire, Wire][] = [];
  for (let round = 0; round < rounds; round++) {
    const pair: Wire[] = [];
    for (const start of starts) {
      await using server = await start();
      const wire = await onTheWire(server, connections);
      console.log(
        `  ${name}: ${wire.micros.toFixed(2)} µs and ${wire.bytes.toFixed(0)} bytes per message`,
      );
      pair.push(wire);
    }
    pairs.push(pair as [Wire, Wire]);
  }
  return pairs;
}

async function compression(): Promise<readonly Row[]> {
  const deflated = () => startOdin('--compression');
  const against = await compare('against plain', 2_000, [deflated, startOdin]);
  const beside = await compare('against ws', 500, [deflated, () => startNaive('--deflate')]);
  const of = (pairs: readonly [Wire, Wire][], key: keyof Wire) =>
    pairs.map(([ours, theirs]) => [ours[key], theirs[key]] as const);
  const load = 'of the publisher’s events at 20 msg/s';
  return [
    ratioRow(
      `bytes per message with --compression, ${load}, against without`,
      of(against, 'bytes'),
      0.45,
      'B',
    ),
    ratioRow(
      `server CPU per message with --compression, 2 000 clients, ${load}, against without`,
      of(against, 'micros'),
      1.3,
    ),
    ratioRow(
      `server CPU per message with --compression, 500 clients, ${load}, against \`ws\` with permessage-deflate`,
      of(beside, 'micros'),
      0.4,
    ),
    ratioRow(
      `bytes per message with --compression, ${load}, against \`ws\` with permessage-deflate`,
      of(beside, 'bytes'),
      1.25,
      'B',
    ),
  ];
}

async function idleMemory(): Promise<Row> {
  const connections = 10_000;
  await using server = await startOdin();
  await delay(1_000);
  const before = residentBytes(server.child.pid);
  await using _clients = await startOdinClients(server.url, connections, 2);
  await delay(3_000);
  const kib = (residentBytes(server.child.pid) - before) / connections / 1024;
  console.log(`  idle: ${kib.toFixed(1)} KiB per connection`);
  return {
    what: 'server memory (RSS) per idle subscribed connection, 10 000 clients',
    ours: `${kib.toFixed(1)} KiB`,
    theirs: '–',
    ratio: '–',
    goal: '≤ 14 KiB',
  };
}

const scenarios: Record<string, () => Promise<Row | readonly Row[]>> = {
  memory: idleMemory,
  fanout25: () => fanOut(25, 0.8),
  fanout100: () => fanOut(100, 0.4),
  generator,
  generatorMemory,
  compression,
};
const chosen = process.argv.slice(2);
const rows: Row[] = [];
for (const [name, run] of Object.entries(scenarios)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  console.log(name);
  rows.push(...[await run()].flat());
}
writeSection({
  title: 'odin beside the obvious alternative',
  about: [
    'Written by `npm run bench`. Medians of',
    `${rounds} pairs of ${windowSeconds} s each, with the range of the ratios.`,
  ],
  columns: ['odin', 'alternative', 'ratio'],
  rows,
  isWhole: chosen.length === 0,
});
