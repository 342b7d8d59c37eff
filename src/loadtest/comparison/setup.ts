/** Whether runs can be compared at all: the same test, on machines that are alike. */
import { UsageError } from '../../base/errors.ts';
import type { LoadTestReport } from '../report.ts';
import { minParts } from './bootstrap.ts';

/** A report and the file that it came from. */
export interface Run {
  readonly path: string;
  readonly report: LoadTestReport;
}

/** Settings that make a test another test. */
const setup = [
  'connections',
  'durationMs',
  'channels',
  'subscriptionMode',
  'channelsPerClient',
  'protocol',
  'messagePaths',
  'rampRate',
] as const;

const machine = ['node', 'system', 'cpuModel', 'cpus'] as const;

/** A hold phase shorter than this share of the longest is another test too. */
const minHoldShare = 0.9;

/**
 * What to mind when reading a comparison. Throws a UsageError when the runs are of different
 * setups, unless `isForced`: then that is among what to mind.
 */
export function checkSetups(runs: readonly Run[], isForced: boolean): string[] {
  const [first, ...others] = runs;
  if (first === undefined) return [];
  const differences = others.flatMap((other) =>
    setup.flatMap((name) => {
      const [one, two] = [first, other].map(({ report }) => String(report.config[name]));
      return one === two
        ? []
        : [`${name} differs: ${one} in ${first.path}, ${two} in ${other.path}`];
    }),
  );
  if (differences.length > 0 && !isForced) {
    throw new UsageError(differences.join('\n'), {
      hint: 'run both with the same settings, or compare them all the same with --force',
    });
  }
  const machines = others.flatMap((other) =>
    machine.flatMap((name) => {
      const [one, two] = [first, other].map(({ report }) => String(report.machine[name]));
      return one === two ? [] : [`${name}: ${one} in ${first.path}, ${two} in ${other.path}`];
    }),
  );
  return [...differences, ...machines, ...runs.flatMap((run) => warningsOf(run, runs))];
}

function warningsOf({ path, report }: Run, runs: readonly Run[]): string[] {
  const { verdict, holdMs, histograms } = report;
  const longestMs = Math.max(...runs.map((run) => run.report.holdMs));
  const parts = histograms.latencyParts.length;
  return [
    ...(verdict === 'interrupted' ? [`${path}: the run was interrupted`] : []),
    ...(verdict === 'inconclusive' ? [`${path}: the load generator was the bottleneck`] : []),
    ...(holdMs < minHoldShare * longestMs
      ? [`${path}: clients were held for ${(holdMs / 1_000).toFixed(1)}s only`]
      : []),
    ...(parts < minParts
      ? [`${path}: ${parts} intervals of latency are too few to tell change from noise`]
      : []),
  ];
}
