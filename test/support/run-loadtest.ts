/** Short load tests against a fault server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { type LoadTestDeps, runLoadTest } from '../../src/loadtest/index.ts';
import type { LoadTestReport } from '../../src/loadtest/results/report.ts';
import type { FaultServer } from './fault-server.ts';

/** What all clients subscribe to. */
export const channel = 'BTC.trade';

/** As in a file: texts, and lists of them. */
type Settings = Readonly<Record<string, string | readonly string[]>>;

/** Twenty clients for a second, unless `settings` say otherwise. */
export function configOf(url: string, settings: Settings = {}) {
  const loadtest = {
    url,
    connections: '20',
    rampRate: '400',
    durationMs: '1s',
    channels: channel,
    reportIntervalMs: '100ms',
    ...settings,
  };
  return configSchema.parse({ loadtest }).loadtest;
}

/** Runs a load test without any output. Everything that goes wrong has to have a class. */
export async function run(url: string, settings: Settings, deps: Partial<LoadTestDeps> = {}) {
  const quiet = {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    log: pino({ level: 'silent' }),
  };
  const report = await runLoadTest(configOf(url, settings), { ...quiet, ...deps });
  expect(report.errors.filter(({ blame }) => blame === 'unknown')).toEqual([]);
  return report;
}

/**
 * Reasons that are not this machine's, which may be busy otherwise: what a load tester that was too
 * slow says of itself is as it should be.
 */
export function faultsOf({ reasons }: Pick<LoadTestReport, 'reasons'>): string[] {
  return reasons.filter((reason) => !/load test worker|dialed later/.test(reason));
}

/** Publishes `count` events, one every 5 ms, once `clients` clients have subscribed. */
export async function publish(server: FaultServer, clients: number, count: number): Promise<void> {
  await server.subscribed(clients);
  for (let n = 0; n < count; n++) {
    server.publish(channel);
    await sleep(5);
  }
}
