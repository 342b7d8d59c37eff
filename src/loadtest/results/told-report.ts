/** Parts of a report as far as they could be told: null for the rest, never a guess of 0. */
import { Histogram } from '../../base/histogram.ts';
import type { Told } from '../../config/told.ts';
import type { Reconciliation } from '../truth/reconciliation.ts';
import { percentilesOf } from './percentiles.ts';
import type { AgentSection, LoadTestReport } from './report.ts';
import type { SeriesPoint } from './series.ts';

/** Latency; of events without a time only how many there were. */
export function toldLatency(latency: Histogram, { time }: Told): LoadTestReport['latencyMs'] {
  const { count, negative } = latency;
  const told = time ? latency : new Histogram();
  return {
    ...percentilesOf(told),
    mean: told.count === 0 ? null : told.meanMs,
    count,
    negative: time ? negative : null,
  };
}

/** Without numbers, nobody can say how many events were to be expected. */
export function toldReconciliation(found: Reconciliation, { sequence }: Told): Reconciliation {
  if (sequence) return found;
  const steps = found.steps.filter(({ between }) => between !== 'expected-received');
  return { ...found, expected: null, steps };
}

/** An agent's figures; its latency counts as not measured where events have no time. */
export function toldAgent(agent: AgentSection, { sequence, time }: Told): AgentSection {
  const none = { ...percentilesOf(new Histogram()), count: 0 };
  return {
    ...agent,
    lost: sequence ? agent.lost : null,
    latencyMs: time ? agent.latencyMs : none,
  };
}

/** One interval of the run. */
export function toldPoint(point: SeriesPoint, { sequence, time }: Told): SeriesPoint {
  return {
    ...point,
    lost: sequence ? point.lost : null,
    latencyP50Ms: time ? point.latencyP50Ms : null,
    latencyP99Ms: time ? point.latencyP99Ms : null,
  };
}
