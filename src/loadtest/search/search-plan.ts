/** What a limit search is asked for, checked. */
import { UsageError } from '../../base/errors.ts';
import { formatLength } from '../../base/units.ts';
import { type Told, toldIn } from '../../config/told.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import { sizeOf } from '../plan/run-size.ts';
import type { SearchedFor } from '../results/search-report.ts';
import { type RunThreshold, thresholdsOf } from '../results/thresholds.ts';
import type { SearchPlan } from './search-steps.ts';

/** The publisher's control API takes no lower and no higher rate. */
const minRate = 0.1;
const maxRate = 50_000;
/** What is on its way after a change gets a quarter of the time of a trial, within these bounds. */
const minCalmMs = 250;
const maxCalmMs = 3_000;

/** How a search goes about it. */
export interface SearchSettings {
  readonly of: SearchedFor;
  /** As they were given. */
  readonly slo: readonly string[];
  /** These, and the usual ones. */
  readonly thresholds: readonly RunThreshold[];
  /** What can be told of the server at all. */
  readonly told: Told;
  /** Between a change and the measurement. */
  readonly calmMs: number;
  readonly trialMs: number;
  readonly searchTimeMs: number;
  readonly resolutionPercent: number;
  /** How clients are to change their subscriptions meanwhile. */
  readonly churn: string | undefined;
}

/** The settings of the search that `config` asks for. Throws a UsageError when they make no sense. */
export function searchSettings(config: LoadTestConfig): SearchSettings | undefined {
  const { findMax: of, searchTrialMs: trialMs, searchTimeMs } = config;
  if (of === undefined) {
    if (config.slo === undefined) return undefined;
    throw new UsageError('--slo has no meaning without --find-max', {
      hint: 'for a single run, say what has to hold with --threshold',
    });
  }
  const slo = config.slo ?? config.thresholds ?? [];
  if (slo.length === 0) {
    throw new UsageError('--find-max: what has to hold at each level?', {
      hint: "say it with --slo 'latency.p99 < 50ms & lost == 0'",
    });
  }
  if (of === 'rate' && config.publisherUrl === undefined) {
    throw new UsageError('--find-max rate: which publisher sets the rate?', {
      hint: 'name its control API: --publisher-url http://127.0.0.1:3003',
    });
  }
  if (config.stages.length > 0) {
    throw new UsageError('--find-max contradicts --stage: a search makes its own', {
      hint: 'leave one of them out',
    });
  }
  const told = toldIn(config);
  const thresholds = thresholdsOf(slo, told);
  if (thresholds.some(({ abortAfterMs }) => abortAfterMs !== undefined)) {
    throw new UsageError('abort has no meaning in --slo: each level is measured to its end');
  }
  const scoped = thresholds.find(({ scope }) => scope !== undefined);
  if (scoped !== undefined) {
    throw new UsageError(`a search has no stages and no profiles: ${scoped.expression}`, {
      hint: "say what has to hold at each level: --slo 'latency.p99 < 50ms & lost == 0'",
    });
  }
  const calmMs = Math.min(maxCalmMs, Math.max(minCalmMs, trialMs / 4));
  if (calmMs + trialMs > searchTimeMs) {
    const [trial, time] = [calmMs + trialMs, searchTimeMs].map(formatLength);
    throw new UsageError(
      `--search-time ${time} is over before a first trial, which takes ${trial}`,
      {
        hint: 'give it more time, or shorten --trial',
      },
    );
  }
  return {
    of,
    slo,
    thresholds,
    told,
    calmMs,
    trialMs,
    searchTimeMs,
    resolutionPercent: config.searchResolution,
    churn: config.churn,
  };
}

/** The levels of a search for the number of clients, from `--connections` on. */
export function connectionLevels(config: LoadTestConfig): SearchPlan {
  const { first, peak } = sizeOf(config);
  return { start: first, min: 1, max: peak, unit: 1, resolutionPercent: config.searchResolution };
}

/** The levels of a search for the rate, from the publisher's own on. */
export function rateLevels(config: LoadTestConfig, found: number): SearchPlan {
  const { searchMax, searchResolution: resolutionPercent } = config;
  const highest = Math.min(searchMax, maxRate);
  const start = Math.min(Math.max(minRate, Number(found.toFixed(1))), highest);
  return { start, min: minRate, max: highest, unit: minRate, resolutionPercent };
}
