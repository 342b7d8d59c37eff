/** The guard's decisions: order of measures, hysteresis, and calm under a flapping input. */
import { expect, test } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { type GuardDecision, GuardLevels, type GuardReading } from './guard-levels.ts';

const thresholds = { cpuRejectPercent: 75, cpuPausePercent: 80, memoryRejectPercent: 85 };
const calm: GuardReading = { cpuPercent: 20, memoryPercent: 30, loopDelayMs: 1 };

/** Decisions for one reading a second. */
function run(readings: readonly Partial<GuardReading>[], given = thresholds): GuardDecision[] {
  const levels = new GuardLevels();
  return readings.map((reading, second) =>
    levels.take({ ...calm, ...reading }, given, second * 1_000),
  );
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const levelsOf = (decisions: readonly GuardDecision[]) => decisions.map(({ level }) => level);
/** Each value once, where it changes. */
const changes = <T>(values: readonly T[]) => values.filter((value, i) => value !== values[i - 1]);

test.each([
  ['calm', [], [0], 'nothing'],
  ['CPU that is high', [{ cpuPercent: 68 }], [0, 1], 'nothing'],
  ['a late event loop', [{ loopDelayMs: 200 }], [0, 1], 'nothing'],
  ['CPU above the first threshold', [{ cpuPercent: 78 }], [0, 1, 2], 'cpuPercent'],
  ['CPU above both', [{ cpuPercent: 100 }], [0, 1, 2, 3], 'cpuPercent'],
  ['memory above its threshold', [{ memoryPercent: 90 }], [0, 1, 2], 'memoryPercent'],
  ['memory that is critical', [{ memoryPercent: 97 }], [0, 1, 2, 3, 4], 'memoryPercent'],
  [
    'memory that is critical, with CPU',
    [{ memoryPercent: 97, cpuPercent: 100 }],
    [0, 1, 2, 3, 4],
    'memoryPercent',
  ],
])('%s leads through each measure in its order', (_title, [reading], levels, refusesFor) => {
  const decisions = run(times(40, reading ?? {}));
  expect(changes(levelsOf(decisions))).toEqual(levels);
  expect(decisions.at(-1)!.refusesFor ?? 'nothing').toBe(refusesFor);
});

test('one bad second changes nothing', () => {
  const spikes = Array.from({ length: 120 }, (_, second) =>
    second % 10 === 5 ? { cpuPercent: 120, loopDelayMs: 250 } : {},
  );
  expect(changes(levelsOf(run(spikes)))).toEqual([0]);
});

test.each([
  ['every second', 1],
  ['every two seconds', 2],
])('CPU that flaps %s between 60 and 100 % settles', (_title, period) => {
  const flapping = Array.from({ length: 300 }, (_, second) => ({
    cpuPercent: Math.floor(second / period) % 2 === 0 ? 100 : 60,
  }));
  const decisions = run(flapping);
  expect(changes(levelsOf(decisions)).length).toBeLessThanOrEqual(4);
});

test('whatever the input, no level is left sooner than its dwell, and steps are single', () => {
  const random = createRandom(20_251);
  const noise = Array.from({ length: 5_000 }, () => ({
    cpuPercent: random.next() < 0.5 ? 100 : 40 * random.next(),
    memoryPercent: 80 + 20 * random.next(),
    loopDelayMs: 300 * random.next(),
  }));
  const levels = levelsOf(run(noise));
  let enteredAt = 0;
  for (let second = 1; second < levels.length; second++) {
    const step = levels[second]! - levels[second - 1]!;
    expect(Math.abs(step)).toBeLessThanOrEqual(1);
    if (step < 0) expect(second - enteredAt).toBeGreaterThanOrEqual(3);
    if (step !== 0) enteredAt = second;
  }
  expect(new Set(levels).size).toBeGreaterThan(2);
});

test('between leaving and entering a threshold the level stays as it is', () => {
  const decisions = run([
    ...times(20, { cpuPercent: 77 }),
    ...times(20, { cpuPercent: 70 }),
    ...times(20, { cpuPercent: 65 }),
  ]);
  expect(decisions[19]!.level).toBe(2);
  expect(decisions[39]!.level).toBe(2);
  expect(decisions[59]!.level).toBe(1);
  expect(decisions[59]!.refusesFor).toBeUndefined();
});

test('a pause for CPU ends when the CPU is down, after at least 3 s', () => {
  const decisions = run([...times(10, { cpuPercent: 100 }), ...times(20, { cpuPercent: 5 })]);
  const first = decisions.findIndex(({ isPaused }) => isPaused);
  const last = decisions.findLastIndex(({ isPaused }) => isPaused);
  expect(decisions[first]!.level).toBe(3);
  expect(last - first).toBeGreaterThanOrEqual(3);
  expect(last).toBeLessThan(16);
  expect(decisions.at(-1)).toEqual({
    level: 0,
    cause: undefined,
    isPaused: false,
    refusesFor: undefined,
  });
});

test('CPU that pausing does not help pauses the broker 10 s at a time, with 5 s in between', () => {
  const paused = run(times(100, { cpuPercent: 100 })).map(({ isPaused }) => isPaused);
  const runs: number[] = [];
  for (const [second, isPaused] of paused.entries()) {
    if (isPaused !== paused[second - 1]) runs.push(0);
    runs[runs.length - 1]!++;
  }
  expect(runs.slice(1, 7)).toEqual([10, 5, 10, 5, 10, 5]);
});

test('memory that stays critical pauses the broker once, then closes clients with it running', () => {
  const decisions = run(times(120, { memoryPercent: 99 }));
  const paused = decisions.filter(({ isPaused }) => isPaused);
  expect(paused.every(({ level }) => level === 3)).toBe(true);
  expect(changes(decisions.map(({ isPaused }) => isPaused))).toEqual([false, true, false]);
  expect(paused.length).toBe(3);
  expect(decisions.at(-1)!.level).toBe(4);
});

test.each([
  [
    'no refusal for CPU',
    { ...thresholds, cpuRejectPercent: 0 },
    { isPaused: true, refusesFor: undefined },
  ],
  [
    'no pause for CPU',
    { ...thresholds, cpuPausePercent: 0 },
    { isPaused: false, refusesFor: 'cpuPercent' },
  ],
  [
    'nothing at all',
    { cpuRejectPercent: 0, cpuPausePercent: 0, memoryRejectPercent: 0 },
    { level: 0, isPaused: false, refusesFor: undefined },
  ],
])('a threshold of 0 means %s', (_title, given, expected) => {
  const all = {
    cpuPercent: 100,
    loopDelayMs: 900,
    memoryPercent: given.memoryRejectPercent ? 30 : 99,
  };
  expect(run(times(9, all), given).at(-1)).toMatchObject(expected);
});

test('thresholds that change count from the next reading on, and levels still change in steps', () => {
  const levels = new GuardLevels();
  const relaxed = { ...thresholds, cpuRejectPercent: 99, cpuPausePercent: 99 };
  const readings = times(60, { ...calm, cpuPercent: 78 });
  const decisions = readings.map((reading, second) =>
    levels.take(reading, second < 20 || second >= 40 ? thresholds : relaxed, second * 1_000),
  );
  expect(decisions[19]).toMatchObject({ level: 2, refusesFor: 'cpuPercent' });
  expect(decisions[39]).toMatchObject({ level: 1, refusesFor: undefined });
  expect(changes(levelsOf(decisions))).toEqual([0, 1, 2, 1, 2]);
});

test('a refusal that is switched off ends at once, whatever the level', () => {
  const levels = new GuardLevels();
  const reading = { ...calm, cpuPercent: 100 };
  for (let second = 0; second < 20; second++) levels.take(reading, thresholds, second * 1_000);
  const off = { ...thresholds, cpuRejectPercent: 0 };
  expect(levels.take(reading, off, 20_000)).toMatchObject({ level: 3, refusesFor: undefined });
});
