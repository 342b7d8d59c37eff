/** Tests of server-silence.ts. */
import { expect, test } from 'vitest';
import { ServerSilence } from './server-silence.ts';

/** Asks each half second from 1 000 on until `untilMs`, while things come last at `readMs`. */
function askUntil(silence: ServerSilence, untilMs: number, readMs: (nowMs: number) => number) {
  for (let nowMs = 1_000; nowMs <= untilMs; nowMs += 500) silence.asked(nowMs, readMs(nowMs));
}

test('it begins with the first question after which nothing came', () => {
  const silence = new ServerSilence();
  askUntil(silence, 5_000, (nowMs) => Math.min(nowMs - 499, 2_700));
  silence.note(5_200, 2_700);
  expect(silence.longestMs).toBe(5_200 - 3_000);
});

test('whatever comes ends it, and what was noted stays', () => {
  const silence = new ServerSilence();
  askUntil(silence, 4_000, () => 900);
  silence.note(4_100, 4_050);
  expect(silence.longestMs).toBe(0);
  silence.note(4_100, 900);
  silence.asked(4_500, 4_400);
  silence.note(4_600, 4_400);
  expect(silence.longestMs).toBe(3_100);
});

test('nobody is silent whom nobody asks', () => {
  const silence = new ServerSilence();
  silence.note(9_000, 100);
  silence.asked(9_000, 100);
  silence.nobodyAsked();
  silence.note(20_000, 100);
  expect(silence.longestMs).toBe(0);
});
