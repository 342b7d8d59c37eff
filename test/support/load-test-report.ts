/** Reports of load tests that never ran, with figures that follow from a seed. */
import { Histogram, type HistogramRecord } from '../../src/base/histogram.ts';
import { createRandom, type Random, randomNormal } from '../../src/base/random.ts';
import { configSchema } from '../../src/config/schema.ts';
import { percentilesOf } from '../../src/loadtest/results/percentiles.ts';
import type {
  LoadTestReport,
  PartFigures,
  StageReport,
} from '../../src/loadtest/results/report.ts';
import type { SeriesPoint } from '../../src/loadtest/results/series.ts';
import { perPhase, reportedPhases } from '../../src/loadtest/socket/connect-phases.ts';
import { totalsOf } from '../../src/loadtest/workers/totals.ts';

/** What a made-up run is like. */
interface Made {
  readonly seed?: number;
  /** All latencies times this. */
  readonly slower?: number;
  /** Seconds of the hold phase; one part of the latency each. */
  readonly seconds?: number;
  readonly changes?: Partial<LoadTestReport>;
}

const eventsPerSecond = 4_000;
const clients = 500;

/** A log-normal latency whose level wanders from second to second, as real ones do. */
function latencyParts(random: Random, seconds: number, slower: number): Histogram[] {
  return Array.from({ length: seconds }, () => {
    const part = new Histogram();
    const level = Math.exp(0.04 * randomNormal(random));
    for (let event = 0; event < eventsPerSecond; event++) {
      part.record(4 * slower * level * Math.exp(0.5 * randomNormal(random)));
    }
    return part;
  });
}

function merged(parts: readonly Histogram[]): Histogram {
  const whole = new Histogram();
  for (const part of parts) whole.merge(part.snapshot());
  return whole;
}

function pointOf(part: Histogram, second: number, rate: number): SeriesPoint {
  return {
    elapsedMs: second * 1_000,
    phase: 'hold',
    active: clients,
    opened: clients,
    failed: 0,
    receivedPerSecond: rate,
    lost: 0,
    errorsPerSecond: 0,
    latencyP50Ms: part.percentile(50),
    latencyP99Ms: part.percentile(99),
    cpuPercent: 40,
    loopDelayP99Ms: 2,
  };
}

const health = {
  cpuPercent: 40,
  busyPercent: 50,
  loopDelayP99Ms: 2,
  sustainedDelayMs: 2,
  rssBytes: 1e8,
  gcMs: 80,
  gcPercent: 0.4,
  longestGcMs: 3,
  stalls: 0,
  stalledMs: 0,
  longestStallMs: 0,
};

const noTrouble = {
  ...{ lost: 0, duplicated: 0, reordered: 0, late: 0 },
  ...{ missed: 0, healed: 0, skipped: 0 },
};

function holdStage(figures: Omit<PartFigures, 'errors'>, seconds: number): StageReport {
  const clientsThen = { from: clients, to: clients };
  const times = { startMs: 1_000, durationMs: seconds * 1_000 };
  return { name: 'hold', kind: 'hold', ...clientsThen, ...times, ...figures, errors: 0 };
}

/** A passing run of 500 clients; the same for the same seed. */
export function makeReport({ seed = 1, slower = 1, seconds = 20, changes = {} }: Made = {}) {
  const random = createRandom(seed);
  const parts = latencyParts(random, seconds, slower);
  const latency = merged(parts);
  const connect = new Histogram();
  for (let client = 0; client < clients; client++) {
    connect.record(2 * Math.exp(0.3 * randomNormal(random)));
  }
  const points = parts.map((part, at) =>
    pointOf(part, at + 1, Math.round(eventsPerSecond * (1 + 0.01 * randomNormal(random)))),
  );
  const totals = totalsOf([]);
  const received = latency.count;
  const figures = {
    connections: {
      target: clients,
      ...totals.connections,
      opened: clients,
      active: clients,
      refused: {},
    },
    messages: { ...totals.messages, received, frames: received, bytes: received * 200 },
    latencyMs: { ...percentilesOf(latency), mean: latency.meanMs, count: received, negative: 0 },
    connectMs: percentilesOf(connect),
  };
  const report: LoadTestReport = {
    schemaVersion: 1,
    startedAt: '2025-01-01T00:00:00.000Z',
    durationMs: (seconds + 1) * 1_000,
    holdMs: seconds * 1_000,
    url: 'ws://127.0.0.1:3004/ws',
    config: { ...configSchema.parse({}).loadtest, connections: clients },
    ...figures,
    stages: [holdStage(figures, seconds)],
    profiles: [],
    misbehaving: [],
    returnMs: { ...percentilesOf(new Histogram()), count: 0 },
    ackMs: { ...percentilesOf(new Histogram()), count: 0 },
    phases: reportedPhases(
      perPhase(() => connect),
      { secured: false, subscribed: true },
    ),
    clock: { offsetMs: -1.5, uncertaintyMs: 0.6, roundTripMs: 0.2, samples: 40 },
    errors: [],
    gaps: [],
    channels: {
      listed: [{ channel: 'BTC.trade', received, ...noTrouble }],
      omitted: 0,
    },
    reconciliation: {
      ...{ published: 4_000, ingested: 4_000, notIngested: 0, spared: 0, otherClients: 0 },
      delivered: { atLeast: received, atMost: received },
      ...{ expected: received, received, steps: [], complaints: [] },
    },
    generator: {
      ...{ workers: 1, ...health, perWorker: [health], bottlenecks: [] },
      receiveQueue: { looks: seconds, medianBytes: 0, maxTotalBytes: 4_096 },
    },
    server: { closeCodes: {} },
    thresholds: [
      {
        expression: 'lost == 0',
        scope: null,
        metric: 'lost',
        unit: 'count',
        observed: 0,
        ok: true,
        isBuiltIn: true,
      },
    ],
    machine: { node: '24.0.0', system: 'linux x64', cpuModel: 'test', cpus: 2, memoryBytes: 8e9 },
    histograms: {
      latency: latency.toRecord(),
      connect: connect.toRecord(),
      latencyParts: parts.map((part): HistogramRecord => part.toRecord()),
    },
    series: { intervalMs: 1_000, points },
    verdict: 'pass',
    reasons: [],
  };
  return { ...report, ...changes };
}
