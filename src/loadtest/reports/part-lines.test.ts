/** Tests of part-lines.ts: stages and kinds of clients stand in columns where there is room. */
import { expect, test } from 'vitest';
import { makeReport } from '../../../test/support/load-test-report.ts';
import { groupParts, partLines, stageParts } from './part-lines.ts';

const base = makeReport({ seconds: 1 });
const [hold] = base.stages;
const latencyMs = { ...base.latencyMs, p50: 2, p99: 59.4, count: 9 };
const staged = {
  ...base,
  config: { ...base.config, stages: ['4s:100', 'spike=2s:1300'] },
  stages: [
    { ...hold!, name: 'stage1', from: 0, to: 100, durationMs: 4_000, latencyMs },
    {
      ...{ ...hold!, name: 'spike', from: 100, to: 1_300, durationMs: 12_000 },
      latencyMs: { ...latencyMs, p50: null, count: 0 },
      connections: { ...hold!.connections, active: 1_250, failed: 7 },
    },
  ],
};

test('figures of one kind stand below each other', () => {
  expect(partLines(stageParts(staged), 80).map((line) => line.trimEnd())).toEqual([
    '  stage1      0→100   4.0s    500 open  p50 2.0ms  p99 59.4ms',
    '  spike   100→1 300  12.0s  1 250 open                         7 failed',
  ]);
});

test('without room for columns, no figure is parted from its name, and none is cut off', () => {
  const lines = partLines(stageParts(staged), 40);
  expect(lines).toEqual([
    '  stage1  0→100  4.0s  500 open',
    '          p50 2.0ms  p99 59.4ms',
    '  spike   100→1 300  12.0s  1 250 open',
    '          7 failed',
  ]);
});

test('a run without stages of its own, or kinds of clients, has no such lines', () => {
  expect(stageParts(base)).toEqual([]);
  expect(partLines(groupParts(base), 80)).toEqual([]);
});

test('a long name is shortened in its middle before figures are parted', () => {
  const name = 'a-very-long-stage-name-that-goes-on-and-on';
  const long = { ...staged, stages: staged.stages.map((stage) => ({ ...stage, name })) };
  expect(partLines(stageParts(long), 40)).toEqual([
    '  a-very-…and-on  0→100  4.0s  500 open',
    '                  p50 2.0ms  p99 59.4ms',
    '  a-very-…and-on  100→1 300  12.0s',
    '                  1 250 open  7 failed',
  ]);
  const wide = partLines(stageParts(long), 80).map((line) => line.trimEnd());
  expect(wide).toHaveLength(2);
  expect(Math.max(...wide.map((line) => line.length))).toBeLessThanOrEqual(80);
});
