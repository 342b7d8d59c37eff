import { expect, test } from 'vitest';
import { judgeMessage, type MessageVerdict } from './message-limit.ts';
import { Rate } from './rate.ts';

const rate = { perSecond: 10, burst: 100 };

/** Sends `perSecond` messages for `seconds`; returns the verdicts until the first abuse. */
function send(perSecond: number, seconds: number, limit = rate): MessageVerdict[] {
  const talker = { messageBucket: 0, strikes: 0 };
  const judged = new Rate(limit);
  const verdicts: MessageVerdict[] = [];
  for (let n = 0; n < perSecond * seconds && verdicts.at(-1) !== 'abuse'; n++) {
    verdicts.push(judgeMessage(judged, talker, 50_000 + (n * 1_000) / perSecond));
  }
  return verdicts;
}

test('a client within its rate is never held up', () => {
  expect(new Set(send(10, 600))).toEqual(new Set(['taken']));
});

test('a client somewhat above its rate is ignored now and then, but stays', () => {
  const verdicts = send(15, 600);
  expect(verdicts).toContain('ignored');
  expect(verdicts).not.toContain('abuse');
});

test('a flood ends after the burst and a hundred ignored messages', () => {
  const verdicts = send(1_000_000, 1);
  expect(verdicts.filter((verdict) => verdict === 'taken')).toHaveLength(100);
  expect(verdicts.filter((verdict) => verdict === 'ignored')).toHaveLength(99);
  expect(verdicts.at(-1)).toBe('abuse');
});

test('a flood cannot hide behind the few messages that are taken', () => {
  expect(send(100, 60).at(-1)).toBe('abuse');
});

test('a rate of 0 is unlimited', () => {
  expect(new Set(send(10_000, 5, { perSecond: 0, burst: 1 }))).toEqual(new Set(['taken']));
});
