/** Judges one trial of a limit search: whether its level holds, and what is odd about it. */
import { shortfallOf } from '../results/bottlenecks.ts';
import { isOfComing } from '../results/grounds.ts';
import type { StageOutcome } from '../results/run-parts.ts';
import type {
  SearchEnding,
  TrialPurpose,
  TrialReport,
  TrialVerdict,
} from '../results/search-report.ts';
import type { StageDelay } from '../results/stage-delays.ts';
import { resultsOf } from '../results/thresholds.ts';
import { toldLatency } from '../results/told-report.ts';
import { undoneChurn } from '../results/undone-churn.ts';
import { judge } from '../results/verdict.ts';
import type { WorkerState } from '../workers/worker-pool.ts';
import type { Published } from './search-level.ts';
import type { SearchSettings } from './search-plan.ts';
import { isForWantOfEvents, publisherShortfall } from './trial-doubts.ts';

const untold = 'a load test worker did not tell what it had at the end of it';

/** What there is to judge. */
export interface TrialEvidence {
  readonly level: number;
  readonly purpose: TrialPurpose;
  readonly outcome: StageOutcome;
  /** The workers when its measured stage began and ended. */
  readonly before: readonly WorkerState[];
  readonly after: readonly WorkerState[];
  /** How late that stage was. */
  readonly delays: readonly StageDelay[];
  readonly output: Published | undefined;
  /** Clients that came for it. */
  readonly newcomers: number;
  /** Whether all workers told what they had at its end. */
  readonly isTold: boolean;
}

/** A trial, and what to make of it. */
export interface JudgedTrial {
  readonly trial: TrialReport;
  /** Whose limit it was when it is inconclusive. */
  readonly limit: Extract<SearchEnding, 'generator' | 'publisher' | 'churn'>;
  /** Whether clients are missing who would be missing at every other level too. */
  readonly isAnybodyMissing: boolean;
  /** Whether it did not hold for want of a server, as far as the clients can tell. */
  readonly isNobodyServed: boolean;
  /** Whether it did not hold for want of events. */
  readonly isUnheard: boolean;
}

/** Judges a trial by what has to hold at each level. */
export function judgeTrial(
  { level, purpose, outcome, delays, output, newcomers, isTold, ...workers }: TrialEvidence,
  { thresholds: conditions, told, churn }: SearchSettings,
): JudgedTrial {
  const { totals, startMs, lengthMs } = outcome;
  const { latency, connections, messages, generator } = totals;
  const scale = { target: newcomers, holdMs: lengthMs, told };
  // Where nobody came, nothing is known of connecting, and nothing has to be.
  const thresholds = resultsOf(conditions, () => ({ totals, scale })).filter(
    ({ metric, observed }) => observed !== null || !isOfComing(metric),
  );
  const states = statesIn(workers.before, workers.after);
  const backlog = { queue: undefined, holdMs: lengthMs, stages: delays };
  const shortfall = shortfallOf(states, totals, backlog);
  const tooFew = publisherShortfall(output);
  const own = [...(isTold ? [] : [untold]), ...shortfall.bottlenecks];
  const isServed = connections.active > 0 && messages.frames > 0;
  // Clients that lost their server cannot change what they have from it.
  const undone = isServed ? undoneChurn(churn, totals, lengthMs) : [];
  const { verdict, reasons } = judge({
    totals,
    thresholds,
    shortfall: { ...shortfall, bottlenecks: [...tooFew, ...own] },
    breach: undefined,
    interrupted: false,
    holdMs: lengthMs,
    told,
    undone,
  });
  const { p50, p99, max } = toldLatency(latency, told);
  const isTheirs = verdict !== 'pass' && own.length === 0;
  // What the publisher did not publish cannot come.
  const isDue = isForWantOfEvents(thresholds) && tooFew.length === 0;
  const isChurn = undone.length > 0 && reasons[0] === undone[0];
  return {
    trial: {
      level,
      purpose,
      verdict: verdict as TrialVerdict,
      reasons,
      startMs: Math.round(startMs),
      durationMs: Math.round(lengthMs),
      active: connections.active,
      failed: connections.failed,
      receivedPerSecond: Math.round((1_000 * latency.count) / Math.max(1, lengthMs)),
      lost: told.sequence ? messages.lost : null,
      latencyMs: { p50, p99, max, count: told.time ? latency.count : 0 },
      cpuPercent: generator.cpuPercent,
    },
    limit: tooFew.length > 0 ? 'publisher' : isChurn ? 'churn' : 'generator',
    isAnybodyMissing: connections.failed > 0 || connections.away > 0,
    isNobodyServed: isTheirs && !isServed,
    isUnheard: isTheirs && isServed && isDue && messages.received === 0,
  };
}

/** Workers at the end of a stage, with the stalls that were in it. */
function statesIn(before: readonly WorkerState[], after: readonly WorkerState[]): WorkerState[] {
  return after.map((state, at) => {
    const { report } = state;
    if (report === undefined) return state;
    const { generator } = report;
    const earlier = before[at]?.report?.generator;
    const stalledMs = generator.stalledMs - (earlier?.stalledMs ?? 0);
    // Of all stalls the longest is known; of these, it cannot be longer than all together.
    const longestStallMs = Math.min(generator.longestStallMs, stalledMs);
    const stalls = generator.stalls - (earlier?.stalls ?? 0);
    const own = { ...generator, stalls, stalledMs, longestStallMs };
    return { ...state, report: { ...report, generator: own } };
  });
}
