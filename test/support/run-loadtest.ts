/** Short load tests against a fault server. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { expect } from 'vitest';
import { configSchema } from '../../src/config/schema.ts';
import { type LoadTestDeps, runLoadTest } from '../../src/loadtest/index.ts';
import type { Progress } from '../../src/loadtest/live/progress.ts';
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

/** Tells when a stage has begun in the workers too, which it may not have in its first round of reports. */
export function watchStage(name: string, round = 2) {
  const { promise, resolve } = Promise.withResolvers<void>();
  let rounds = 0;
  const onProgress = ({ stage }: Progress) => {
    if (stage === name && ++rounds === round) resolve();
  };
  return { begun: promise, onProgress };
}

/**
 * Publishes `count` events once `clients` clients have subscribed: one every 5 ms, or several where a
 * busy machine was late, so that the last one comes before the run is over.
 */
export async function publish(server: FaultServer, clients: number, count: number): Promise<void> {
  await server.subscribed(clients);
  const startMs = performance.now();
  for (let n = 0; n < count; ) {
    const due = Math.floor((performance.now() - startMs) / 5) + 1;
    while (n < Math.min(due, count)) {
      server.publish(channel);
      n++;
    }
    await sleep(5);
  }
}
