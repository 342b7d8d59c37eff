/** `node bench/stalled.ts`: what the others notice when a tenth of the clients stop reading. */
import { setTimeout as delay } from 'node:timers/promises';
import { fixedEvents, startFeeder } from './feeder.ts';
import { residentBytes, startNode } from './processes.ts';

const seconds = Number(process.env['BENCH_SECONDS'] ?? 60);
const perSecond = 50;
const port = 4190;
const url = `ws://127.0.0.1:${port}/ws`;

interface Outcome {
  readonly p99: number;
  readonly lost: number;
  readonly grownMiB: number;
  readonly stopped: string;
}

/** 1 800 clients read all the time; the process of 200 others is stopped, or not. */
async function run(isStopped: boolean): Promise<Outcome> {
  const serve = ['bin/odin.js', 'serve', '--host', '127.0.0.1', '--port', String(port)];
  await using server = await startNode([...serve, '--log-format', 'json'], (line) =>
    line.includes('"msg":"ready"'),
  );
  using _feeder = startFeeder(`http://127.0.0.1:${port}`, perSecond, fixedEvents());
  const clients = (count: number, duration: number) => {
    const size = ['--connections', String(count), '--ramp-rate', '1000', '--workers', '1'];
    const what = [
      '--url',
      url,
      '--channels',
      'BTC.trade',
      '--duration',
      String(duration),
      '--json',
    ];
    return startNode(['bin/odin.js', 'loadtest', ...what, ...size], (line) =>
      line.includes('hold'),
    );
  };
  await using others = await clients(200, seconds + 20);
  await using readers = await clients(1_800, seconds);
  await delay(2_000);
  const before = residentBytes(server.pid);
  if (isStopped) others.signal('SIGSTOP');
  const report = JSON.parse(await readers.output);
  const grownMiB = (residentBytes(server.pid) - before) / 1024 ** 2;
  if (isStopped) others.signal('SIGCONT');
  const { messages, server: seen, verdict } = JSON.parse(await others.output);
  const stopped = `${verdict}; lost ${messages.lost}, skipped ${messages.skipped}, healed ${messages.healed}, unrecovered ${messages.unrecovered}; closed with ${JSON.stringify(seen.closeCodes)}`;
  return { p99: report.latencyMs.p99, lost: report.messages.lost, grownMiB, stopped };
}

for (const isStopped of [false, true]) {
  const { p99, lost, grownMiB, stopped } = await run(isStopped);
  console.log(
    `${isStopped ? '200 of 2 000 stopped' : 'all reading'}: the others' p99 ${p99.toFixed(1)} ms, lost ${lost}; server grew by ${grownMiB.toFixed(1)} MiB\n  the 200: ${stopped}`,
  );
}
