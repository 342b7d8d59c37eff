/** A real server on a free port with the embedded broker, and a way to publish to it. */
import { Writable } from 'node:stream';
import type { Broker, OutgoingRecord } from '../../src/broker/broker.ts';
import { openBroker } from '../../src/broker/open.ts';
import { type Config, configSchema } from '../../src/config/schema.ts';
import { categoryFacts } from '../../src/events/categories.ts';
import { type EventType, eventTypes } from '../../src/events/event-types.ts';
import { createLog } from '../../src/host/log.ts';
import type { GuardSenses } from '../../src/server/guard/guard.ts';
import { type RunningServer, startServer } from '../../src/server/index.ts';
import type { ReloadOutcome } from '../../src/server/reload.ts';

/** A running server with what a test needs to drive it. */
export interface TestServer extends AsyncDisposable {
  /** The present one: {@link restart} makes another. */
  readonly server: RunningServer;
  readonly broker: Broker;
  /** `http://127.0.0.1:port` */
  readonly http: string;
  readonly url: string;
  /** Parsed log lines, oldest first. */
  readonly logLines: Record<string, unknown>[];
  publish(...records: readonly OutgoingRecord[]): Promise<void>;
  /** Takes on settings in place of those it was started with, as far as that is possible. */
  reload(settings: Record<string, unknown>): ReloadOutcome;
  health(): Promise<Record<string, never>>;
  /** Value of a metric line, labels included; 0 when it is absent. */
  metric(name: string): Promise<number>;
  /** Ends the server and starts another on the same broker, at another port. */
  restart(): Promise<void>;
}

/** Which mode the suites run against; the project `multi` of vitest sets it. */
export const mode = process.env['ODIN_TEST_MODE'] === 'multi' ? 'multi' : 'single';

/** Processes that have clients. */
export const servingProcesses = mode === 'multi' ? 3 : 1;

/** Starts one; settings are those of `odin.yaml`, in human form. */
export async function startTestServer(
  settings: Record<string, unknown> = {},
  brokerSettings: Record<string, unknown> = {},
  senses?: GuardSenses,
): Promise<TestServer> {
  const config = testConfig(settings, brokerSettings);
  const logLines: Record<string, unknown>[] = [];
  const log = createLog(collect(logLines), 'debug', 'json');
  const nodeId = config.server.nodeId ?? 'test-node';
  const broker = await openBroker(config.broker, { log, nodeId });
  const start = async () => {
    const started = await startServer(config.server, {
      ...{ broker, nodeId, log },
      ...(senses && { senses }),
    });
    await started.ready;
    return started;
  };
  let server = await start();
  const producer = await broker.openProducer();
  const http = () => `http://127.0.0.1:${server.port}`;
  return {
    broker,
    logLines,
    get server() {
      return server;
    },
    get http() {
      return http();
    },
    get url() {
      return server.url;
    },
    publish: (...records) => producer.send(records),
    reload: (next) => server.reload(testConfig(next).server),
    health: async () => (await (await fetch(`${http()}/health`)).json()) as Record<string, never>,
    async metric(name) {
      const text = await (await fetch(`${http()}/metrics`)).text();
      const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
    async restart() {
      await server[Symbol.asyncDispose]();
      server = await start();
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await producer[Symbol.asyncDispose]();
      await broker[Symbol.asyncDispose]();
    },
  };
}

function testConfig(
  settings: Record<string, unknown>,
  brokerSettings: Record<string, unknown> = {},
): Config {
  // Tests talk faster than people: who tests the message limit sets it.
  const limits = { messageRate: 0, ...(settings['limits'] as object | undefined) };
  // Clients and publisher of a test use the server's own CPU: who tests the guard sets it.
  const off = { cpuRejectPercent: 0, cpuPausePercent: 0, memoryRejectPercent: 0 };
  const guard = { ...off, ...(settings['guard'] as object | undefined) };
  return configSchema.parse({
    server: { mode, port: 0, host: '127.0.0.1', nodeId: 'test-node', ...settings, limits, guard },
    broker: brokerSettings,
  });
}

/** A valid record for a token; `data` tells events apart. */
export function record(
  key: string,
  type: EventType = 'TRADE_EXECUTED',
  data: Record<string, unknown> = {},
): OutgoingRecord {
  const timestampMs = Date.now();
  const { topic } = categoryFacts[eventTypes[type].category];
  return { topic, key, timestampMs, value: JSON.stringify({ type, timestamp: timestampMs, data }) };
}

function collect(lines: Record<string, unknown>[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      for (const line of String(chunk).trim().split('\n')) lines.push(JSON.parse(line));
      done();
    },
  });
}
