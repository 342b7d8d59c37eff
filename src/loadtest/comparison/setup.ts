/** Whether runs can be compared at all: the same test, on machines that are alike. */
import { UsageError } from '../../base/errors.ts';
import type { LoadTestReport } from '../results/report.ts';
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
  'stages',
  'channels',
  'subscriptionMode',
  'channelsPerClient',
  'mix',
  'profiles',
  'tokens',
  'protocol',
  'messagePaths',
  'send',
  'rampRate',
  'rampDurationMs',
  'rampDownMs',
  'slowPercent',
  'slowReadBytes',
  'halfOpenPercent',
  'halfOpenMode',
  'storm',
  'churn',
  'findMax',
  'searchMax',
] as const;

const machine = ['node', 'system', 'cpuModel', 'cpus'] as const;

/** A hold phase shorter than this share of the longest is another test too. */
const minHoldShare = 0.9;

/**
 * What to mind when reading a comparison. Throws a UsageError when the runs are of different
 * setups, unless `isForced`: then that is among what to mind.
 */
export function checkSetups(runs: readonly Run[], isForced: boolean): string[] {
  const differences = setup.flatMap((name) => {
    const values = Map.groupBy(runs, ({ report }) => textOf(report.config[name]));
    return values.size > 1 ? [`${name} differs: ${listed(values)}`] : [];
  });
  if (differences.length > 0 && !isForced) {
    throw new UsageError(differences.join('\n'), {
      hint: 'run both with the same settings, or compare them all the same with --force',
    });
  }
  const machines = machine.flatMap((name) => {
    const values = Map.groupBy(runs, ({ report }) => textOf(report.machine[name]));
    return values.size > 1 ? [`${name}: ${listed(values)}`] : [];
  });
  const longestMs = Math.max(...runs.map(({ report }) => report.holdMs));
  const told = runs.flatMap((run) => faultsOf(run, longestMs).map((fault) => ({ run, fault })));
  const faults = Map.groupBy(told, ({ fault }) => fault);
  return [
    ...differences,
    ...machines,
    ...Array.from(faults, ([fault, all]) => `${pathsOf(all.map(({ run }) => run))}: ${fault}`),
  ];
}

function listed(values: ReadonlyMap<string, readonly Run[]>): string {
  return Array.from(values, ([value, runs]) => `${value} in ${pathsOf(runs)}`).join(', ');
}

function pathsOf(runs: readonly Run[]): string {
  return [...new Set(runs.map(({ path }) => path))].join(' and ');
}

function textOf(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value);
}

/** What is to be minded about a run by itself, in the words that others share. */
function faultsOf({ report }: Run, longestMs: number): string[] {
  const { verdict, holdMs, histograms } = report;
  return [
    ...(verdict === 'interrupted' ? ['the run was interrupted'] : []),
    ...(verdict === 'inconclusive' ? ['the load generator was the bottleneck'] : []),
    ...(holdMs < minHoldShare * longestMs
      ? [`clients were held for ${(holdMs / 1_000).toFixed(1)}s only`]
      : []),
    ...(histograms.latencyParts.length < minParts
      ? [`fewer than ${minParts} intervals of latency are too few to tell change from noise`]
      : []),
  ];
}
