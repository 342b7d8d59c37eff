/** Makes the report of a run from what was counted and measured. */
import { Histogram } from '../../base/histogram.ts';
import { type Told, toldIn } from '../../config/told.ts';
import { thisMachine } from '../../host/machine.ts';
import type { ReceiveQueue } from '../machine/receive-queue.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import { reportedPhases } from '../socket/connect-phases.ts';
import { withoutQuery } from '../truth/json-question.ts';
import type { Reconciliation } from '../truth/reconciliation.ts';
import type { Totals } from '../workers/totals.ts';
import type { WorkerHealth } from '../workers/worker-health.ts';
import type { Shortfall } from './bottlenecks.ts';
import { percentilesOf } from './percentiles.ts';
import type {
  AgentSection,
  GroupFigures,
  LoadTestReport,
  PartFigures,
  StageReport,
} from './report.ts';
import type { GroupOutcome, RunParts, StageOutcome } from './run-parts.ts';
import { type SearchReport, searchVerdict } from './search-report.ts';
import type { Series } from './series.ts';
import { type RunThreshold, resultsOf } from './thresholds.ts';
import { toldCounts } from './told-counts.ts';
import { toldAgent, toldLatency, toldPoint, toldReconciliation } from './told-report.ts';
import { undoneChurn } from './undone-churn.ts';
import { type Breach, judge } from './verdict.ts';

/** What is known of a run when it is over. */
export interface RunOutcome {
  readonly config: LoadTestConfig;
  /** Clients that had to come. */
  readonly target: number;
  readonly parts: RunParts;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly holdMs: number;
  readonly totals: Totals;
  readonly outcomes: readonly StageOutcome[];
  readonly groups: readonly GroupOutcome[];
  readonly thresholds: readonly RunThreshold[];
  readonly breach: Breach | undefined;
  /** By worker; undefined for one that never reported. */
  readonly workers: readonly (WorkerHealth | undefined)[];
  readonly receiveQueue: ReceiveQueue | undefined;
  readonly shortfall: Shortfall;
  /** Figures that workers did not tell at the end, in words. */
  readonly missing: readonly string[];
  readonly agents: readonly AgentSection[] | undefined;
  readonly search: SearchReport | undefined;
  readonly interrupted: boolean;
  readonly series: Series;
  readonly reconciliation: Reconciliation;
}

/** The report of a run, judged. */
export function runReport(outcome: RunOutcome): LoadTestReport {
  const { config, target, totals, holdMs, workers, missing } = outcome;
  const bottlenecks = [...outcome.shortfall.bottlenecks, ...missing];
  const { latency, connect, phases, clock } = totals;
  const { parts, groups } = outcome;
  const { latencyParts, ...series } = outcome.series;
  const told = toldIn(config);
  const whole = { totals, scale: { target, holdMs, told } };
  const thresholds = resultsOf(outcome.thresholds, parts.atEnd(whole, outcome.outcomes, groups));
  const undone = undoneChurn(config.churn, totals, holdMs);
  const url = withoutQuery(config.url);
  return {
    schemaVersion: 1,
    startedAt: new Date(outcome.startedAtMs).toISOString(),
    durationMs: Math.round(outcome.durationMs),
    holdMs: Math.round(holdMs),
    url,
    config: withoutSecrets(config),
    ...figuresOf(totals, target, told),
    stages: outcome.outcomes.map((part) => stageReport(part, parts, told)),
    profiles: groups
      .filter(({ isGood }) => isGood)
      .filter(hasName)
      .map(groupFigures),
    misbehaving: groups.filter(({ isGood }) => !isGood).map(groupFigures),
    returnMs: { ...percentilesOf(totals.returns), count: totals.returns.count },
    ackMs: { ...percentilesOf(totals.acks), count: totals.acks.count },
    phases: reportedPhases(phases, {
      secured: url.startsWith('wss:'),
      subscribed: told.odin,
    }),
    clock: clock ?? null,
    errors: totals.errors.list(),
    gaps: totals.gaps,
    channels: told.sequence ? totals.channels : { listed: [], omitted: 0 },
    reconciliation: toldReconciliation(outcome.reconciliation, told),
    generator: {
      workers: workers.length,
      ...totals.generator,
      perWorker: workers.map((health) => health ?? null),
      receiveQueue: outcome.receiveQueue ?? null,
      bottlenecks,
    },
    ...(outcome.agents && { agents: outcome.agents.map((agent) => toldAgent(agent, told)) }),
    ...(outcome.search === undefined ? {} : { search: outcome.search }),
    server: { closeCodes: Object.fromEntries(totals.closeCodes) },
    thresholds,
    machine: thisMachine(),
    histograms: {
      latency: (told.time ? latency : new Histogram()).toRecord(),
      connect: connect.toRecord(),
      return: totals.returns.toRecord(),
      ack: totals.acks.toRecord(),
      latencyParts: told.time ? latencyParts : [],
    },
    series: { ...series, points: series.points.map((point) => toldPoint(point, told)) },
    ...(outcome.search === undefined
      ? judge({
          ...outcome,
          thresholds,
          told,
          undone,
          shortfall: { ...outcome.shortfall, bottlenecks },
        })
      : searchVerdict(outcome.search, missing)),
  };
}

/** Without a mix, those that behave are the run itself. */
function hasName({ name }: GroupOutcome): boolean {
  return name !== '';
}

function groupFigures({ name, totals, scale }: GroupOutcome): GroupFigures {
  const closeCodes = Object.fromEntries(totals.closeCodes);
  return {
    name,
    measuredMs: Math.round(scale.holdMs),
    ...figuresOf(totals, scale.target, scale.told),
    errors: totals.errors.count,
    closeCodes,
  };
}

function stageReport(
  { stage, startMs, lengthMs, totals }: StageOutcome,
  parts: RunParts,
  told: Told,
): StageReport {
  const { name, kind, from, to } = stage;
  return {
    name,
    kind,
    from,
    to,
    startMs: Math.round(startMs),
    // Clocks differ by a hair: a stage without length may seem to end before it begins.
    durationMs: Math.max(0, Math.round(lengthMs)),
    ...figuresOf(totals, parts.target([stage]), told),
    errors: totals.errors.count,
  };
}

function figuresOf(totals: Totals, target: number, told: Told): Omit<PartFigures, 'errors'> {
  const { latency, connect } = totals;
  const { strayed: _, upgraded: _asked, returning: _back, ...connections } = totals.connections;
  return {
    connections: {
      target,
      ...connections,
      refused: Object.fromEntries(totals.refused),
    },
    messages: toldCounts(totals.messages, told),
    latencyMs: toldLatency(latency, told),
    connectMs: percentilesOf(connect),
  };
}

/** The settings as a report may hold them: no token, and of headers only the names. */
function withoutSecrets(settings: LoadTestConfig): LoadTestConfig {
  const { token: _, adminToken: _own, ...config } = settings;
  const { headers, send } = config;
  return {
    ...config,
    url: withoutQuery(config.url),
    ...(headers === undefined ? {} : { headers: headers.map((line) => line.replace(/:.*/s, '')) }),
    // What is said on opening is where other servers expect a token.
    ...(send === undefined ? {} : { send: send.map((text) => `(${text.length} characters)`) }),
  };
}
