/** Several reasons to hold the broker, and one broker. */
import { expect, test } from 'vitest';
import { BrokerHold } from './broker-hold.ts';

function setUp() {
  const calls: string[] = [];
  const clock = { nowMs: 0 };
  const hold = new BrokerHold(() => clock.nowMs);
  const consumption = { pause: () => calls.push('pause'), resume: () => calls.push('resume') };
  return { calls, clock, hold, consumption };
}

test('the broker is read again when the last reason is gone, in whatever order they go', () => {
  const { calls, hold, consumption } = setUp();
  hold.attach(consumption);
  hold.hold('pacing');
  hold.hold('guard');
  hold.release('pacing');
  expect(calls).toEqual(['pause']);
  expect(hold.reasons).toEqual(['guard']);
  hold.hold('pacing');
  hold.release('guard');
  expect(calls).toEqual(['pause']);
  hold.release('pacing');
  expect(calls).toEqual(['pause', 'resume']);
});

test('holding twice for one reason counts once, and so does releasing', () => {
  const { calls, hold, consumption } = setUp();
  hold.attach(consumption);
  hold.hold('guard');
  hold.hold('guard');
  hold.release('guard');
  hold.release('guard');
  expect(calls).toEqual(['pause', 'resume']);
  expect(hold.holds).toEqual(new Map([['guard', 1]]));
});

test('a reason from before there is a consumption holds it as soon as it is there', () => {
  const { calls, hold, consumption } = setUp();
  hold.hold('pacing');
  hold.attach(consumption);
  expect(calls).toEqual(['pause']);
});

test('time counts while anything holds, once', () => {
  const { clock, hold } = setUp();
  hold.hold('guard');
  clock.nowMs = 100;
  hold.hold('pacing');
  clock.nowMs = 300;
  hold.release('guard');
  expect(hold.heldMs).toBe(300);
  clock.nowMs = 400;
  hold.release('pacing');
  clock.nowMs = 900;
  expect(hold.heldMs).toBe(400);
});
