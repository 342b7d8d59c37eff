/** Makes the report of a run from what was counted and measured. */
import { thisMachine } from '../host/machine.ts';
import type { AgentSection } from './agents/agent-section.ts';
import type { Shortfall } from './bottlenecks.ts';
import { reportedPhases } from './connect-phases.ts';
import { startsIn } from './load/timeline.ts';
import type { LoadTestConfig } from './plan.ts';
import type { ReceiveQueue } from './receive-queue.ts';
import type { LoadTestReport, PartFigures, StageReport } from './report.ts';
import { type SearchReport, searchVerdict } from './search/search-report.ts';
import type { Series } from './series.ts';
import type { StageOutcome } from './stage-run.ts';
import { type RunThreshold, resultsOf } from './thresholds.ts';
import type { Totals } from './totals.ts';
import { withoutQuery } from './truth/json-question.ts';
import type { Reconciliation } from './truth/reconciliation.ts';
import { type Breach, judge } from './verdict.ts';
import type { WorkerHealth } from './worker-health.ts';

/** What is known of a run when it is over. */
export interface RunOutcome {
  readonly config: LoadTestConfig;
  /** Clients that had to come. */
  readonly target: number;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly holdMs: number;
  readonly totals: Totals;
  readonly outcomes: readonly StageOutcome[];
  readonly thresholds: readonly RunThreshold[];
  readonly breach: Breach | undefined;
  /** By worker; undefined for one that never reported. */
  readonly workers: readonly (WorkerHealth | undefined)[];
  readonly receiveQueue: ReceiveQueue | undefined;
  readonly shortfall: Shortfall;
  readonly agents: readonly AgentSection[] | undefined;
  readonly search: SearchReport | undefined;
  readonly interrupted: boolean;
  readonly series: Series;
  readonly reconciliation: Reconciliation;
}

/** The report of a run, judged. */
export function runReport(outcome: RunOutcome): LoadTestReport {
  const { config, target, totals, holdMs, workers, shortfall } = outcome;
  const { latency, connect, phases, clock } = totals;
  const { latencyParts, ...series } = outcome.series;
  const scale = { target, holdMs };
  const thresholds = resultsOf(outcome.thresholds, totals, scale);
  const url = withoutQuery(config.url);
  return {
    schemaVersion: 1,
    startedAt: new Date(outcome.startedAtMs).toISOString(),
    durationMs: Math.round(outcome.durationMs),
    holdMs: Math.round(holdMs),
    url,
    config: withoutSecrets(config),
    ...figuresOf(totals, target),
    stages: outcome.outcomes.map(stageReport),
    phases: reportedPhases(phases, url.startsWith('wss:')),
    clock: clock ?? null,
    errors: totals.errors.list(),
    gaps: totals.gaps,
    channels: totals.channels,
    reconciliation: outcome.reconciliation,
    generator: {
      workers: workers.length,
      ...totals.generator,
      perWorker: workers.map((health) => health ?? null),
      receiveQueue: outcome.receiveQueue ?? null,
      bottlenecks: shortfall.bottlenecks,
    },
    ...(outcome.agents === undefined ? {} : { agents: outcome.agents }),
    ...(outcome.search === undefined ? {} : { search: outcome.search }),
    server: { closeCodes: Object.fromEntries(totals.closeCodes) },
    thresholds,
    machine: thisMachine(),
    histograms: { latency: latency.toRecord(), connect: connect.toRecord(), latencyParts },
    series,
    ...(outcome.search === undefined
      ? judge({ ...outcome, thresholds })
      : searchVerdict(outcome.search)),
  };
}

function stageReport({ stage, startMs, lengthMs, totals }: StageOutcome): StageReport {
  const { name, kind, from, to } = stage;
  const errors = totals.errors.list().reduce((sum, { count }) => sum + count, 0);
  return {
    name,
    kind,
    from,
    to,
    startMs: Math.round(startMs),
    durationMs: Math.round(lengthMs),
    ...figuresOf(totals, startsIn(stage)),
    errors,
  };
}

function figuresOf(totals: Totals, target: number): Omit<PartFigures, 'errors'> {
  const { latency, connect } = totals;
  return {
    connections: {
      target,
      ...totals.connections,
      refused: Object.fromEntries(totals.refused),
    },
    messages: totals.messages,
    latencyMs: {
      ...percentilesOf(latency),
      mean: latency.meanMs,
      count: latency.count,
      negative: latency.negative,
    },
    connectMs: percentilesOf(connect),
  };
}

/** The settings as a report may hold them: no token, and of headers only the names. */
function withoutSecrets(settings: LoadTestConfig): LoadTestConfig {
  const { token: _, adminToken: _own, ...config } = settings;
  const { headers } = config;
  return {
    ...config,
    url: withoutQuery(config.url),
    ...(headers === undefined ? {} : { headers: headers.map((line) => line.replace(/:.*/s, '')) }),
  };
}

function percentilesOf(histogram: Totals['latency']) {
  return {
    p50: histogram.percentile(50),
    p95: histogram.percentile(95),
    p99: histogram.percentile(99),
    max: histogram.maxMs,
  };
}
