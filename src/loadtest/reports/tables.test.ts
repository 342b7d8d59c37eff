/** Tests of the tables of a report: what they say is true of this run, and nothing is said of others. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import type { GroupFigures, LoadTestReport } from '../results/report.ts';
import type { SearchReport, TrialReport } from '../results/search-report.ts';
import { environmentTable } from './generator-tables.ts';
import { headline } from './headline.ts';
import { groupTable, stageTable } from './part-tables.ts';
import { countTable, percentileTable, thresholdTable } from './tables.ts';
import { reconciliationTable } from './truth-tables.ts';

const base = makeReport({ seconds: 2 });
const trialOf = (level: number, verdict: TrialReport['verdict'], p99: number): TrialReport => ({
  ...{ level, verdict, purpose: 'step', reasons: [], startMs: 0, durationMs: 1_000 },
  ...{ active: level, failed: 0, receivedPerSecond: 10 * level, lost: 0, cpuPercent: 5 },
  latencyMs: { p50: 1, p99, max: p99, count: 100 },
});
const search: SearchReport = {
  ...{ of: 'connections', slo: ['latency.p99 < 5ms'], resolutionPercent: 5 },
  trials: [trialOf(50, 'pass', 2), trialOf(100, 'fail', 90), trialOf(50, 'pass', 3)],
  ...{ holds: 50, breaks: 100, isConfirmed: true, ending: 'found', answer: '50 clients hold' },
};
const searched: LoadTestReport = { ...base, search };
const figuresOf = (report: LoadTestReport) =>
  Object.fromEntries(headline(report).map(({ name, value }) => [name, value]));

test('the first figures of a search are those of the level that holds, as it was tried last', () => {
  expect(figuresOf(searched)).toEqual({
    ...{ holds: '50 clients', 'events/s then': '500', lost: '0', errors: '0' },
    ...{ 'latency p50 then': '1.0ms', 'latency p99 then': '3.0ms' },
  });
  expect(figuresOf({ ...base, search: { ...search, holds: null } })).toEqual({
    ...{ holds: 'nothing', errors: '0' },
  });
});

test('of a run in which nobody got in, no count is compared, and none is lost', () => {
  const none: LoadTestReport = {
    ...base,
    connections: { ...base.connections, opened: 0, active: 0, failed: 500 },
    messages: { ...base.messages, received: 0 },
    latencyMs: { ...base.latencyMs, count: 0 },
  };
  expect(reconciliationTable(none).rows).toEqual([]);
  expect(reconciliationTable(base).rows).not.toEqual([]);
  expect(figuresOf(none)).toMatchObject({ clients: '0 / 500', lost: '–', 'latency p99': '–' });
});

test('conditions that were not met come first, then those that were asked for', () => {
  const [usual] = base.thresholds;
  const of = (expression: string, ok: boolean, isBuiltIn: boolean) => ({
    ...{ ...usual!, expression, ok, isBuiltIn },
  });
  const thresholds = [of('a', true, true), of('b', true, false), of('c', false, true)];
  const { rows } = thresholdTable({ ...base, thresholds });
  expect(rows.map(([expression]) => expression)).toEqual(['c', 'b', 'a']);
});

test('what is of some runs only is counted where it happened', () => {
  const namesOf = (report: LoadTestReport) => countTable(report).rows.map(([name]) => name);
  expect(namesOf(base)).not.toContain('connections ended in storms');
  expect(namesOf(base)).toEqual(expect.arrayContaining(['events lost', 'connections dropped']));
  const stormy = { ...base, connections: { ...base.connections, stormed: 3 } };
  expect(namesOf(stormy)).toContain('connections ended in storms');
});

test('the environment lists settings that had an effect', () => {
  const namesOf = (config: Partial<LoadTestReport['config']>) =>
    environmentTable({ ...base, config: { ...base.config, ...config } }).rows.map(([name]) => name);
  const plain = namesOf({});
  expect(plain).toEqual(expect.arrayContaining(['connections', 'durationMs', 'channels']));
  for (const idle of ['tokens', 'halfOpenMode', 'stages', 'mix', 'searchMax', 'agentCommand']) {
    expect(plain).not.toContain(idle);
  }
  const staged = namesOf({ stages: ['5s:10'], mix: ['trader=1'] });
  expect(staged).toEqual(expect.arrayContaining(['stages', 'mix', 'tokens']));
  expect(staged).not.toContain('connections');
  expect(staged).not.toContain('channels');
});

test('what figures are of is said as it is: the hold phase, all stages, all trials', () => {
  const staged = { ...base, config: { ...base.config, stages: ['5s:10'] } };
  const notes = [base, staged, searched].map((report) => percentileTable(report).note);
  expect(notes[0]).toContain('over the hold phase.');
  expect(notes[1]).toContain('over all stages.');
  expect(notes[2]).toContain('over all trials.');
  expect(stageTable(searched).rows).toEqual([]);
});

test('events per second are of what was measured, as the rate of the run is', () => {
  const { connections, connectMs, latencyMs, messages } = base;
  const group: GroupFigures = {
    ...{ name: 'trader', closeCodes: {}, errors: 0, connections, connectMs },
    latencyMs: { ...latencyMs, count: 4_000 },
    messages: { ...messages, received: 9_000 },
  };
  const { header, rows } = groupTable({ ...base, holdMs: 2_000, profiles: [group] });
  expect(rows[0]?.[header.indexOf('events/s')]).toBe('2 000');
  const slow = { ...group, name: 'slow', measuredMs: 8_000 };
  const late = groupTable({ ...base, holdMs: 2_000, profiles: [], misbehaving: [slow] });
  expect(late.rows[0]?.[header.indexOf('events/s')]).toBe('500');
  expect(header).not.toContain('closed by the server');
  const closed = groupTable({ ...base, profiles: [{ ...group, closeCodes: { 4001: 3 } }] });
  expect(closed.rows[0]?.[closed.header.indexOf('closed by the server')]).toBe('4001 ×3');
});
