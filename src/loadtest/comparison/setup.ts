/** Whether runs can be compared at all: the same test, on machines that are alike. */
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../base/errors.ts';
import type { Run } from '../reports/report-file.ts';
import { usedSettings } from '../results/used-settings.ts';
import { minParts } from './bootstrap.ts';

/** Settings that make a test another test, where it uses them. */
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
  'slowReadOutMs',
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
 * What to mind when reading a comparison. Throws a UsageError for a run that is given twice, and when
 * the runs are of different setups, unless `isForced`: then that is among what to mind.
 */
export function checkSetups(runs: readonly Run[], isForced: boolean): string[] {
  checkTwins(runs);
  const differences = differencesOf(runs);
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
  return [
    ...differences,
    ...machines,
    ...faultsOf(runs),
    ...gathered(runs, (run) => doubtsOf(run, longestMs)),
  ];
}

/** A run beside itself tells nothing: it has no change, and no noise. */
function checkTwins(runs: readonly Run[]): void {
  const complaints = runs.flatMap((run, at) => {
    const twin = runs.slice(0, at).find(({ report }) => isDeepStrictEqual(report, run.report));
    if (twin === undefined) return [];
    return twin.path === run.path
      ? [`${run.path} is given twice`]
      : [`${twin.path} and ${run.path} hold the same run`];
  });
  if (complaints.length === 0) return;
  throw new UsageError([...new Set(complaints)].join('\n'), {
    hint: 'a run that is compared has to be another one: run the test again, with an --out of its own',
  });
}

/** Settings that differ among the runs that use them. */
function differencesOf(runs: readonly Run[]): string[] {
  const used = runs.map((run) => ({ run, ...usedSettings(run.report.config) }));
  return setup.flatMap((name) => {
    const users = used.filter(({ idle }) => !idle.has(name));
    const values = Map.groupBy(users, ({ settings }) => textOf(settings[name]));
    if (values.size < 2) return [];
    const runsOf = Array.from(values, ([text, all]) => [text, all.map(({ run }) => run)] as const);
    return [`${name} differs: ${listed(new Map(runsOf))}`];
  });
}

function listed(values: ReadonlyMap<string, readonly Run[]>): string {
  return Array.from(values, ([value, runs]) => `${value} in ${pathsOf(runs)}`).join(', ');
}

/** `a.json and b.json` */
export function pathsOf(runs: readonly Run[]): string {
  return [...new Set(runs.map(({ path }) => path))].join(' and ');
}

function textOf(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : String(value);
}

/** Why nothing that was measured in some of the runs counts; empty when everything does. */
export function faultsOf(runs: readonly Run[]): string[] {
  return gathered(runs, faultOf);
}

function faultOf({ report: { verdict } }: Run): string[] {
  return [
    ...(verdict === 'interrupted' ? ['the run was interrupted'] : []),
    ...(verdict === 'inconclusive' ? ['the run was inconclusive'] : []),
  ];
}

/** What is to be minded about a run by itself, in the words that others share. */
function doubtsOf({ report }: Run, longestMs: number): string[] {
  const { holdMs, histograms } = report;
  return [
    ...(holdMs < minHoldShare * longestMs
      ? [`clients were held for ${(holdMs / 1_000).toFixed(1)}s only`]
      : []),
    ...(histograms.latencyParts.length < minParts
      ? [`fewer than ${minParts} intervals of latency are too few to tell change from noise`]
      : []),
  ];
}

/** What is said of runs, each once, with the files of all that it is said of. */
function gathered(runs: readonly Run[], sayingsOf: (run: Run) => string[]): string[] {
  const told = runs.flatMap((run) => sayingsOf(run).map((text) => ({ run, text })));
  const byText = Map.groupBy(told, ({ text }) => text);
  return Array.from(byText, ([text, all]) => `${pathsOf(all.map(({ run }) => run))}: ${text}`);
}
