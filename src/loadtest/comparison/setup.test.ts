/** Tests of setup.ts: runs of one test are compared, others are refused with what differs. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import type { Run } from '../reports/report-file.ts';
import type { LoadTestReport } from '../results/report.ts';
import { checkSetups } from './setup.ts';

const base = makeReport({ seconds: 10 });
const other = makeReport({ seed: 2, seconds: 10 });
const runOf = (report: LoadTestReport, path = 'run.json'): Run => ({ path, report });
const withConfig = (config: Partial<LoadTestConfig>, report = base): LoadTestReport => ({
  ...report,
  config: { ...report.config, ...config },
});

test('runs of different setups are refused with what differs, unless forced', () => {
  const different = withConfig({ connections: 9, channels: ['A.trade'] });
  const runs = [runOf(base, 'a.json'), runOf(different, 'b.json')];
  expect(() => checkSetups(runs, false)).toThrow(
    /^connections differs: 500 in a.json, 9 in b.json\nchannels differs: /,
  );
  expect(checkSetups(runs, true)).toContain('connections differs: 500 in a.json, 9 in b.json');
});

test.each<[keyof LoadTestConfig, Partial<LoadTestConfig>, Partial<LoadTestConfig>]>([
  ['rampDownMs', {}, { rampDownMs: 9_000 }],
  ['searchMax', { findMax: 'connections' }, { findMax: 'connections', searchMax: 9 }],
  ['send', { protocol: 'raw' }, { protocol: 'raw', send: ['{"op":"subscribe"}'] }],
  // Of channels that are dropped for longer than the run lasts, none is taken back.
  ['churn', { churn: '5/s:1h' }, { churn: '9/s:1h' }],
  ['tokens', { mix: ['trader=1'] }, { mix: ['trader=1'], tokens: ['X'] }],
  [
    'profiles',
    { mix: ['a=1'], profiles: { a: { channels: ['X.trade'] } } },
    { mix: ['a=1'], profiles: { a: { channels: ['Y.trade'] } } },
  ],
])('%s makes a test another one', (name, one, two) => {
  const runs = [runOf(withConfig(one), 'a.json'), runOf(withConfig(two, other), 'b.json')];
  const [first, ...more] = checkSetups(runs, true);
  expect(first).toMatch(new RegExp(`^${name} differs: `));
  expect(more).toEqual([]);
});

test.each<[string, Partial<LoadTestConfig>, Partial<LoadTestConfig>]>([
  ['of a search', {}, { searchMax: 9 }],
  ['of a mix', {}, { tokens: ['X'], profiles: { a: { channels: ['X.trade'] } } }],
  [
    'of profiles that are not in the mix',
    { mix: ['trader=1'] },
    { mix: ['trader=1'], profiles: { a: { channels: ['X.trade'] } } },
  ],
  ['of clients that take all channels', {}, { channelsPerClient: 9 }],
  ['of clients that behave', {}, { halfOpenMode: 'silent' }],
  [
    'that stages take the place of',
    { stages: ['5s:10'] },
    { stages: ['5s:10'], connections: 7, rampRate: 9, durationMs: 1, rampDownMs: 5 },
  ],
  [
    'that a mix takes the place of',
    { mix: ['trader=1'] },
    { mix: ['trader=1'], channels: ['X.trade'], subscriptionMode: 'single' },
  ],
  ['that a search goes without', { findMax: 'rate' }, { findMax: 'rate', durationMs: 1 }],
])('settings %s make no test another one', (_, one, two) => {
  const runs = [runOf(withConfig(one), 'a.json'), runOf(withConfig(two, other), 'b.json')];
  expect(checkSetups(runs, false)).toEqual([]);
});

test('one difference is not told by what follows from it', () => {
  const staged = withConfig({ stages: ['5s:10'], connections: 1_000 }, other);
  expect(checkSetups([runOf(base, 'a.json'), runOf(staged, 'b.json')], true)).toEqual([
    'stages differs: none in a.json, 5s:10 in b.json',
  ]);
});

test('a setting that an older report does not know was as it is by default', () => {
  const { searchMax: _, storm: __, stages: ___, ...config } = base.config;
  const older = { ...other, config: config as LoadTestConfig };
  expect(checkSetups([runOf(base), runOf(older)], false)).toEqual([]);
});

test('a run is not compared with itself, whatever its files are called', () => {
  const copy = JSON.parse(JSON.stringify(base)) as LoadTestReport;
  const check = (...runs: readonly [report: LoadTestReport, path: string][]) =>
    checkSetups(
      runs.map(([report, path]) => runOf(report, path)),
      true,
    );
  expect(() => check([base, 'a.json'], [base, 'a.json'], [other, 'b.json'])).toThrow(
    /^a.json is given twice$/,
  );
  expect(() => check([base, 'a.json'], [other, 'b.json'], [copy, './c.json'])).toThrow(
    /^a.json and .\/c.json hold the same run$/,
  );
});

test('what is to be minded about several runs is said once', () => {
  const runs = ['a', 'b', 'c', 'd'].map((name, at) => {
    const report = makeReport({ seed: at, seconds: 3 });
    return runOf(at < 2 ? report : withConfig({ mix: ['trader=1'] }, report), `${name}.json`);
  });
  expect(checkSetups(runs, true)).toEqual([
    'mix differs: none in a.json and b.json, trader=1 in c.json and d.json',
    'a.json and b.json and c.json and d.json: fewer than 5 intervals of latency are too few to tell change from noise',
  ]);
});

test('another machine, an interrupted and an inconclusive run are warned of', () => {
  const machine = { ...base.machine, cpus: 64 };
  const runs = [
    runOf({ ...base, verdict: 'interrupted', holdMs: 2_000 }, 'a.json'),
    runOf({ ...base, verdict: 'inconclusive', machine }, 'b.json'),
  ];
  expect(checkSetups(runs, false)).toEqual([
    'cpus: 2 in a.json, 64 in b.json',
    'a.json: the run was interrupted',
    'b.json: the run was inconclusive',
    'a.json: clients were held for 2.0s only',
  ]);
});
