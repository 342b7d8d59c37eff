/** Tests of timeline.ts: who comes and goes when. */
import { expect, test } from 'vitest';
import { configSchema } from '../../config/schema.ts';
import { Changes, peakOf, type Stage, stagesOf, startsOf, startsPerWorker } from './timeline.ts';

function stagesFor(loadtest: Record<string, string>) {
  return stagesOf(configSchema.parse({ loadtest }).loadtest);
}

function changesOf(stage: Stage | undefined, worker = 0, workers = 1) {
  const changes = new Changes(stage as Stage, worker, workers);
  const made: string[] = [];
  for (let next = changes.next; next !== undefined; next = changes.next) {
    made.push(`${next.client}@${next.atMs}`);
    changes.advance();
  }
  return made;
}

test('without stages of one’s own there are a ramp and a hold phase, and only that is measured', () => {
  const stages = stagesFor({ connections: '4', rampRate: '2', durationMs: '3s' });
  expect(stages).toMatchObject([
    { name: 'ramp', kind: 'ramp', from: 0, to: 4, lengthMs: 2_000, awaitsClients: true },
    { name: 'hold', kind: 'hold', from: 4, to: 4, lengthMs: 3_000, awaitsClients: false },
  ]);
  expect(stages.map(({ isMeasured }) => isMeasured)).toEqual([false, true]);
  expect(changesOf(stages[0])).toEqual(['0@0', '1@500', '2@1000', '3@1500']);
  expect(changesOf(stages[1])).toEqual([]);
});

test('a ramp may be given by its length, and clients may go evenly', () => {
  const stages = stagesFor({ connections: '4', rampDurationMs: '8s', rampDownMs: '4s' });
  expect(changesOf(stages[0])).toEqual(['0@0', '1@2000', '2@4000', '3@6000']);
  expect(stages[2]).toMatchObject({ name: 'ramp-down', from: 4, to: 0, isMeasured: false });
  expect(changesOf(stages[2])).toEqual(['3@1000', '2@2000', '1@3000', '0@4000']);
});

test('the slowest rate that can be asked for is kept', () => {
  const [ramp] = stagesFor({ connections: '3', rampRate: '0.1' });
  expect(changesOf(ramp)).toEqual(['0@0', '1@10000', '2@20000']);
});

const spike = { stages: '2s:4, 1s:4, peak=0s:8, 1s:8, 2s:3, 1s:6' };

test('stages of one’s own go from one number of clients to the next, and have names', () => {
  const stages = stagesFor(spike);
  expect(stages.map(({ name, kind, from, to }) => [name, kind, from, to])).toEqual([
    ['stage1', 'ramp', 0, 4],
    ['stage2', 'hold', 4, 4],
    ['peak', 'ramp', 4, 8],
    ['stage4', 'hold', 8, 8],
    ['stage5', 'ramp-down', 8, 3],
    ['stage6', 'ramp', 3, 6],
  ]);
  expect(stages.every(({ isMeasured, awaitsClients }) => isMeasured && !awaitsClients)).toBe(true);
  expect(peakOf(stages)).toBe(8);
  expect(startsOf(stages)).toBe(11);
  expect(changesOf(stages[2])).toEqual(['4@0', '5@0', '6@0', '7@0']);
  expect(changesOf(stages[4])).toEqual(['7@400', '6@800', '5@1200', '4@1600', '3@2000']);
  expect(changesOf(stages[5])).toEqual([
    '3@0',
    ...['4', '5'].map((n, i) => `${n}@${((i + 1) * 1000) / 3}`),
  ]);
});

test.each([1, 2, 3, 5, 9])('%d workers share every change of every stage', (workers) => {
  const stages = stagesFor(spike);
  for (const stage of stages) {
    const each = Array.from({ length: workers }, (_, worker) => changesOf(stage, worker, workers));
    expect(each.flat().sort()).toEqual(changesOf(stage).sort());
    for (const [worker, changes] of each.entries()) {
      expect(changes.every((text) => Number.parseInt(text, 10) % workers === worker)).toBe(true);
    }
  }
  const ramps = stages.filter(({ kind }) => kind === 'ramp');
  expect(startsPerWorker(stages, workers)).toEqual(
    Array.from({ length: workers }, (_, worker) =>
      ramps.reduce((sum, stage) => sum + changesOf(stage, worker, workers).length, 0),
    ),
  );
});

test.each([
  ['60:100', '60:100: expected length:clients such as 60s:1000, or name=60s:1000'],
  ['60s', '60s: expected length:clients such as 60s:1000, or name=60s:1000'],
  ['1s:5,stage1=1s:5', 'two stages are called stage1'],
  ['1s:0,2s:0', 'no stage has any clients'],
  ['0s:10', 'no stage takes any time'],
])('the stages %s are refused', (stages, message) => {
  const parsed = configSchema.safeParse({ loadtest: { stages } });
  expect(parsed.error?.issues.map((issue) => issue.message)).toEqual([message]);
});
