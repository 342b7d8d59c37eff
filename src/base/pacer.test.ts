/** Pacing over simulated time: counts are exact whatever the rate and however late the caller. */
import { expect, test } from 'vitest';
import { createPacer } from './pacer.ts';
import { createRandom } from './random.ts';

const awkwardRates = [0.1, 3, 7.3, 300, 7_777, 50_000];

test.each(awkwardRates)('%f per second gives exactly that many sends in 100 000 s', (rate) => {
  const startMs = 1_700_000_000_000;
  const pacer = createPacer(rate, startMs);
  const endMs = startMs + 100_000_000;
  let sent = 0;
  for (let nowMs = startMs; nowMs < endMs; nowMs += 99_991) {
    sent += pacer.take(nowMs, Number.POSITIVE_INFINITY);
  }
  sent += pacer.take(endMs, Number.POSITIVE_INFINITY);
  expect(sent).toBe(Math.round(rate * 100_000) + 1);
});

test.each(awkwardRates)('at %f per second a send is never early and waitMs leads to it', (rate) => {
  const pacer = createPacer(rate, 0);
  const random = createRandom(7);
  let nowMs = 0;
  for (let sent = 0; sent < 5_000; ) {
    const due = pacer.take(nowMs, 10);
    for (let index = 0; index < due; index++) {
      expect(pacer.plannedMs(due - 1 - index)).toBeCloseTo(((sent + index) * 1_000) / rate, 5);
    }
    if (due > 0) expect(pacer.plannedMs(0)).toBeLessThanOrEqual(nowMs);
    sent += due;
    if (due === 0) expect(pacer.waitMs(nowMs)).toBeGreaterThan(0);
    nowMs += due === 0 ? pacer.waitMs(nowMs) : random.next() * 3;
  }
});

test('sends that were not taken in time stay due at their planned time', () => {
  const pacer = createPacer(1_000, 0);
  expect(pacer.take(0, 10)).toBe(1);
  expect(pacer.behind(5_000)).toBe(5_000);
  expect(pacer.waitMs(5_000)).toBe(0);
  expect(pacer.take(5_000, 100)).toBe(100);
  expect(pacer.plannedMs(99)).toBe(1);
  expect(pacer.plannedMs(0)).toBe(100);
  expect(pacer.behind(5_000)).toBe(4_900);
});

test('nothing is due before the start', () => {
  const pacer = createPacer(10, 1_000);
  expect(pacer.take(999, 10)).toBe(0);
  expect(pacer.waitMs(400)).toBe(600);
});

test('a change of rate keeps what was due before it, at its old time', () => {
  const pacer = createPacer(1_000, 0);
  pacer.changeRate(10, 99.5);
  expect(pacer.behind(99.5)).toBe(100);
  expect(pacer.take(5_000, 1_000)).toBe(100);
  expect(pacer.plannedMs(0)).toBe(99);
  expect(pacer.take(1_099.5, 1_000)).toBe(10);
  expect(pacer.plannedMs(9)).toBeCloseTo(149.5);
  expect(pacer.plannedMs(0)).toBeCloseTo(1_049.5);
});

test('changing the rate all the time neither adds nor loses sends', () => {
  const pacer = createPacer(10, 0);
  let sent = pacer.take(0, 10);
  let planned = 1;
  for (let nowMs = 0; nowMs < 100_000; nowMs += 10) {
    const rate = nowMs % 20 === 0 ? 3 : 17;
    pacer.changeRate(rate, nowMs);
    planned += rate * 0.01;
    sent += pacer.take(nowMs + 10, 10);
  }
  expect(Math.abs(sent - planned)).toBeLessThanOrEqual(1);
});

test('a thousand changes of rate behind a stalled sender keep the count and the order', () => {
  const pacer = createPacer(100, 0);
  for (let change = 1; change <= 1_000; change++) {
    pacer.changeRate(change % 2 === 0 ? 100 : 300, change * 100);
  }
  const behind = pacer.behind(100_000);
  expect(Math.abs(behind - 20_000)).toBeLessThanOrEqual(1);
  let sent = 0;
  let previousMs = -1;
  for (let due = pacer.take(100_000, 1_000); due > 0; due = pacer.take(100_000, 1_000)) {
    for (let back = due - 1; back >= 0; back--) {
      expect(pacer.plannedMs(back)).toBeGreaterThan(previousMs);
      previousMs = pacer.plannedMs(back);
    }
    sent += due;
  }
  expect(sent).toBe(behind);
});
