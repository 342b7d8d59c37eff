/** How large a run is: its stages, and how many clients there are at a time. Pure. */
import type { LoadTestConfig } from './plan.ts';
import { peakOf, type Stage, stagesOf } from './timeline.ts';

/** What workers are made for, and what machines are asked for. */
export interface RunSize {
  /** None where they are not known before the run. */
  readonly stages: readonly Stage[];
  /** The most clients that there may be at a time. */
  readonly peak: number;
  /** As many as there are for sure: those of the first level of a search. */
  readonly first: number;
}

/** The size of the run that `config` asks for. */
export function sizeOf(config: LoadTestConfig): RunSize {
  if (config.findMax === undefined) {
    const stages = stagesOf(config);
    return { stages, peak: peakOf(stages), first: peakOf(stages) };
  }
  const { connections } = config;
  if (config.findMax === 'rate') return { stages: [], peak: connections, first: connections };
  const peak = Math.max(1, Math.floor(config.searchMax));
  return { stages: [], peak, first: Math.min(connections, peak) };
}
