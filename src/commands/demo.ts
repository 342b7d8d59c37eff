/** `odin demo`: server, publisher and clients on the embedded broker, in one go. */
import { exitCodes } from '../base/errors.ts';
import { formatCount, formatDuration, formatMs } from '../base/units.ts';
import { type Config, configSchema } from '../config/schema.ts';
import type { Host } from '../host/host.ts';
import { createLog } from '../host/log.ts';
import { writeJson, writeLine } from '../host/output.ts';
import { createProgressLine } from '../host/progress-line.ts';
import { untilAborted } from '../host/signals.ts';
import type { LoadTestReport } from '../loadtest/results/report.ts';
import type { RunningPublisher } from '../publisher/index.ts';
import type { RunningServer } from '../server/index.ts';
import { defineCommand } from './define-command.ts';

/** See the file's first line. */
export const demo = defineCommand({
  sections: ['demo'],
  quietSections: ['server', 'broker', 'publish', 'loadtest'],
  json: 'print the summary as JSON',
  examples: [
    'odin demo',
    'odin demo --connections 1000 --rate 100 --duration 30',
    'odin demo --keep',
  ],
  async run({ config, host, isJson }) {
    const log = createLog(host.stderr, 'warn', 'auto', host.hasColor);
    const { openBroker } = await import('../broker/open.ts');
    const { startServer } = await import('../server/index.ts');
    const { startPublisher } = await import('../publisher/index.ts');
    const nodeId = 'demo';
    await using broker = await openBroker({ ...config.broker, url: 'embedded' }, { log, nodeId });
    await using server = await startServer(serverSettings(config), { broker, nodeId, log });
    await server.ready;
    await using producer = await broker.openProducer();
    const settings = { ...config.publish, rate: config.demo.rate, apiPort: 0, idle: false };
    await using publisher = await startPublisher(settings, {
      producer,
      log,
      readInput: host.openInput,
    });
    if (config.demo.keep && !isJson) await writeLine(host.stderr, formatUrls(server, publisher));
    const report = await measure(config, host, server, publisher);
    const { published } = publisher.status();
    if (isJson) await writeJson(host.stdout, summaryOf(report, published));
    else await writeLine(host.stdout, formatSummary(report, published));
    if (report.verdict === 'interrupted') return exitCodes.interrupted;
    if (report.verdict === 'inconclusive') return exitCodes.inconclusive;
    if (config.demo.keep) {
      await writeLine(host.stderr, 'still running; Ctrl-C ends it');
      await untilAborted(host.signal);
    }
    return report.verdict === 'pass' ? exitCodes.ok : exitCodes.thresholds;
  },
});

type DemoConfig = Pick<Config, 'demo' | 'server' | 'broker' | 'publish' | 'loadtest'>;

function serverSettings({ server, demo }: DemoConfig): Config['server'] {
  // The publisher is in this process too: its CPU says nothing about how many clients fit.
  const guard = { ...server.guard, cpuRejectPercent: 0, cpuPausePercent: 0 };
  return { ...server, host: '127.0.0.1', port: demo.port, guard };
}

async function measure(
  { demo, loadtest }: DemoConfig,
  host: Host,
  server: RunningServer,
  publisher: RunningPublisher,
): Promise<LoadTestReport> {
  const { runLoadTest } = await import('../loadtest/index.ts');
  using progress = createProgressLine(host.stderr);
  const { connections, durationMs } = demo;
  // What is set for load tests of other servers is not meant for this one, but how to get in is.
  const { loadtest: defaults } = configSchema.parse({});
  const { token, tokenFile } = loadtest;
  const shape = { connections, durationMs, channels: ['*'], url: server.url };
  const settings = { ...defaults, token, tokenFile, ...shape };
  return await runLoadTest(settings, {
    signal: host.signal,
    log: createLog(host.stderr, 'warn', 'auto'),
    onProgress: (state) => {
      const delivered = `${formatCount(state.receivedPerSecond)} msg/s to ${formatCount(state.active)} clients`;
      const published = `${formatCount(publisher.status().published)} events published`;
      const latency = state.p99 > 0 ? `p50 ${formatMs(state.p50)} p99 ${formatMs(state.p99)}` : '';
      const seconds = `${Math.round(state.elapsedMs / 1_000)}s`;
      const parts = [seconds, published, delivered, latency, `${state.lost} lost`];
      progress.show(parts.filter((part) => part !== '').join('  '));
    },
  });
}

function summaryOf(
  { connections, messages, latencyMs, verdict, reasons }: LoadTestReport,
  published: number,
) {
  return {
    schemaVersion: 1,
    connections: connections.opened,
    published,
    delivered: messages.received,
    lost: messages.lost,
    latencyMs: { p50: latencyMs.p50, p99: latencyMs.p99 },
    verdict,
    reasons,
  };
}

function formatSummary(report: LoadTestReport, published: number): string {
  const { connections, messages, latencyMs } = report;
  const lines = [
    ['connections', `${formatCount(connections.opened)} of ${formatCount(connections.target)}`],
    [
      'published',
      `${formatCount(published)} events in ${formatDuration(Math.round(report.durationMs / 1_000) * 1_000)}`,
    ],
    [
      'delivered',
      `${formatCount(messages.received)} messages, to each client from when it subscribed`,
    ],
    ['lost', formatCount(messages.lost ?? 0)],
    ['latency', `p50 ${formatMs(latencyMs.p50)}  p99 ${formatMs(latencyMs.p99)}`],
    ...report.reasons.map((reason) => ['failed', reason]),
  ];
  return lines.map(([name, value]) => `${(name as string).padEnd(13)}${value}`).join('\n');
}

function formatUrls(server: RunningServer, publisher: RunningPublisher): string {
  const http = `http://127.0.0.1:${server.port}`;
  const lines = [
    ['board', `${http}/`],
    ['operations', `${http}/ops`],
    ['WebSocket', server.url],
    ['health', `${http}/health`],
    ['metrics', `${http}/metrics`],
    ['publisher', `${publisher.apiUrl}/status`],
  ];
  const rows = lines.map(([name, url]) => `${(name as string).padEnd(13)}${url}`);
  return [...rows, ''].join('\n');
}
