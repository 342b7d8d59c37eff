/** Tests of search-steps.ts: wherever the limit is, it is found within the resolution. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TrialVerdict } from '../results/search-report.ts';
import { boundsOf, nextStep, type SearchPlan, type Tried } from './search-steps.ts';

const plan: SearchPlan = { start: 1_000, min: 1, max: 50_000, unit: 1, resolutionPercent: 5 };

/** Searches to the end; `judge` says what comes of the trial number `at`, `crash` of one that may be chance. */
function search(judge: (level: number, at: number) => TrialVerdict | 'crash', of = plan) {
  const trials: Tried[] = [];
  for (;;) {
    const next = nextStep(trials, of);
    if (next.kind === 'end') return { trials, why: next.why, ...boundsOf(trials) };
    const { level, purpose } = next;
    const came = judge(level, trials.length);
    const isDoubtful = came === 'crash';
    trials.push({ level, purpose, verdict: isDoubtful ? 'fail' : came, isDoubtful });
    if (trials.length > 60) throw new Error('endless');
  }
}

const knee = (limit: number) => (level: number) => (level <= limit ? 'pass' : 'fail');

test('levels double, then the gap is halved, then the last good one is tried again', () => {
  const { trials, why, good, bad } = search(knee(4_700));
  expect(trials.map(({ level, purpose }) => `${purpose} ${level}`)).toEqual([
    'step 1000',
    'step 2000',
    'step 4000',
    'step 8000',
    'bisect 5657',
    'bisect 4757',
    'bisect 4362',
    'bisect 4555',
    'confirm 4555',
  ]);
  expect({ why, good, bad }).toEqual({ why: 'found', good: 4_555, bad: 4_757 });
});

test('any limit is found within the resolution, with whole levels and with tenths', () => {
  const plans = fc.record({
    start: fc.integer({ min: 1, max: 5_000 }),
    resolutionPercent: fc.integer({ min: 1, max: 30 }),
    unit: fc.constantFrom(1, 0.1),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 49_999 }), plans, (limit, some) => {
      const { why, good = 0, bad = 0 } = search(knee(limit), { ...plan, ...some, min: some.unit });
      expect(why).toBe('found');
      expect(good).toBeLessThanOrEqual(limit);
      expect(bad).toBeGreaterThan(limit);
      const isClose = bad <= good * (1 + some.resolutionPercent / 100);
      expect(isClose || bad - good <= some.unit + 1e-9).toBe(true);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('a limit below the first level is found too; none at all is told', () => {
  expect(search(knee(3))).toMatchObject({ why: 'found', good: 3, bad: 4 });
  expect(search(knee(0))).toMatchObject({ why: 'nothing', good: undefined, bad: 1 });
});

test('the highest level allowed ends it, once it held twice', () => {
  const { trials, why, good } = search(knee(99_999));
  expect({ why, good }).toEqual({ why: 'max', good: 50_000 });
  expect(trials.at(-1)).toMatchObject({ level: 50_000, purpose: 'confirm' });
});

test('a level that fails when it is tried for longer is the new bound', () => {
  const { trials, good, bad } = search((level, at) => {
    return at === 8 ? 'fail' : knee(4_700)(level);
  });
  expect(trials[8]).toMatchObject({ level: 4_555, purpose: 'confirm', verdict: 'fail' });
  expect({ good, bad }).toEqual({ good: 4_362, bad: 4_555 });
  expect(trials.at(-1)).toMatchObject({ level: 4_362, purpose: 'confirm' });
});

test('a level that was too much for the load tester is tried once more', () => {
  const once = search((level, at) => (at === 2 ? 'inconclusive' : knee(4_700)(level)));
  expect(once.trials[3]).toMatchObject({ level: 4_000, purpose: 'repeat', verdict: 'pass' });
  expect(once.why).toBe('found');
  const twice = search((level) => (level > 3_000 ? 'inconclusive' : 'pass'));
  expect(twice).toMatchObject({ why: 'generator', good: 2_000, bad: undefined });
  expect(twice.trials).toHaveLength(4);
});

const fragile = (limit: number) => (level: number) => (level <= limit ? 'pass' : 'crash');

test('a server that breaks above its limit is broken once per level', () => {
  const { trials, ...found } = search(fragile(4_700));
  expect(found).toEqual({ why: 'found', good: 4_555, bad: 4_757 });
  expect(trials.filter(({ verdict }) => verdict === 'fail').map(({ level }) => level)).toEqual([
    8_000, 5_657, 4_757,
  ]);
});

test.each([
  ['the answer hangs on it alone', plan, fragile(7_900), 7_661, 'found'],
  ['not even the lowest level held', { ...plan, start: 1 }, fragile(0), undefined, 'nothing'],
] as const)('a level at which it broke is tried again when %s', (_, of, judge, good, why) => {
  const { trials, ...found } = search(judge, of);
  const bad = found.bad as number;
  expect(found).toMatchObject({ good, why });
  const broken = trials.filter(({ verdict }) => verdict === 'fail');
  expect(broken).toMatchObject([{ level: bad }, { level: bad, purpose: 'repeat' }]);
});

test('a level that holds when it is tried again is no bound', () => {
  const once = (times: number) => (level: number, at: number) =>
    at === times ? 'crash' : knee(20_500)(level);
  for (const times of [0, 1, 3]) {
    const { trials, why, good = 0, bad = 0 } = search(once(times));
    const { level } = trials[times] as Tried;
    const repeat = trials.findIndex(({ purpose }) => purpose === 'repeat');
    expect(trials[repeat]).toMatchObject({ level, verdict: 'pass' });
    expect(why).toBe('found');
    expect(good).toBeLessThanOrEqual(20_500);
    expect(bad).toBeGreaterThan(20_500);
  }
});

test('nothing is tried again that the answer does not hang on', () => {
  const { trials, ...found } = search((level) => (level === 5_657 ? 'crash' : knee(4_700)(level)));
  expect(found).toEqual({ why: 'found', good: 4_555, bad: 4_757 });
  expect(trials.filter(({ purpose }) => purpose === 'repeat')).toEqual([]);
});
