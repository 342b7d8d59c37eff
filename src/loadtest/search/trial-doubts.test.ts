/** Tests of trial-doubts.ts: what is no limit of the server does not become one. */
import { expect, test } from 'vitest';
import type { TrialPurpose, TrialReport } from '../results/search-report.ts';
import { boundsOf, nextStep } from './search-steps.ts';
import { doubtful, giveSecondTry, isForWantOfEvents } from './trial-doubts.ts';

const plan = { start: 10, min: 1, max: 40, unit: 1, resolutionPercent: 5 };

function trialOf(level: number, purpose: TrialPurpose, verdict: TrialReport['verdict']) {
  const latencyMs = { p50: null, p99: null, max: null, count: 0 };
  const reasons = verdict === 'pass' ? [] : ['received > 0: was 0'];
  const counts = { active: level, failed: 0, receivedPerSecond: 0, lost: 0, cpuPercent: 1 };
  return { level, purpose, verdict, reasons, startMs: 0, durationMs: 500, ...counts, latencyMs };
}

/** Searches; of each trial at the level `quietLevel` up to the number `times`, nobody hears an event. */
function search(quietLevel: number, times: number) {
  const trials: TrialReport[] = [];
  let quiet = 0;
  for (;;) {
    const next = nextStep(trials, plan);
    if (next.kind === 'end') return { trials, why: next.why, ...boundsOf(trials) };
    const { level, purpose } = next;
    const isQuiet = level === quietLevel && quiet < times;
    if (isQuiet) quiet++;
    const trial = trialOf(level, purpose, isQuiet ? 'fail' : 'pass');
    trials.push(isQuiet ? giveSecondTry(trial, trials) : trial);
    if (trials.length > 60) throw new Error('endless');
  }
}

test('a level in which no event came once is tried again, and is no bound', () => {
  const { trials, ...found } = search(20, 1);
  expect(found).toEqual({ why: 'max', good: 40, bad: undefined });
  expect(trials[1]).toMatchObject({
    verdict: 'inconclusive',
    reasons: ['received > 0: was 0', 'events came right after it, with few clients'],
  });
  expect(trials[2]).toMatchObject({ level: 20, purpose: 'repeat', verdict: 'pass' });
});

test('twice, it does not hold', () => {
  const { trials, ...found } = search(20, 2);
  expect(found).toEqual({ why: 'found', good: 19, bad: 20 });
  expect(trials[2]).toMatchObject({ level: 20, purpose: 'repeat', verdict: 'fail' });
});

test('a level that was too much for the load tester before has no third trial', () => {
  const trial = trialOf(20, 'repeat', 'fail');
  expect(giveSecondTry(trial, [trialOf(20, 'step', 'inconclusive')])).toBe(trial);
  expect(giveSecondTry(trial, [trialOf(10, 'step', 'inconclusive')]).reasons[1]).toBe(
    'events came right after it, with few clients',
  );
});

test('a level at which nobody was served did not hold, but that may have been chance', () => {
  expect(doubtful(trialOf(20, 'step', 'fail'))).toMatchObject({
    verdict: 'fail',
    isDoubtful: true,
    reasons: ['received > 0: was 0', 'clients were served right after it, with few clients'],
  });
});

test.each([
  ['received', false, true],
  ['rate', false, true],
  ['rate', true, false],
  ['lost', false, false],
] as const)('%s that holds (%s) is for want of events: %s', (metric, ok, isForWant) => {
  const conditions = [{ metric: 'failed', ok: true } as const, { metric, ok }];
  expect(isForWantOfEvents(conditions)).toBe(isForWant);
});
