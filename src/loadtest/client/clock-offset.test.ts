/** Tests of clock-offset.ts. */
import { expect, test } from 'vitest';
import { createRandom } from '../../base/random.ts';
import { ClockEstimator } from './clock-offset.ts';

test('without an answer there is no estimate', () => {
  expect(new ClockEstimator().estimate).toBeUndefined();
});

test('the true offset lies within the uncertainty, however uneven the ways are', () => {
  const random = createRandom(7);
  for (const offsetMs of [-3_600_000, -12.25, 0, 0.75, 5_000]) {
    const clock = new ClockEstimator();
    for (let at = 0; at < 100; at++) {
      const sentMs = 1e12 + at * 1_000 + random.next();
      const there = 0.2 + 5 * random.next();
      const back = 0.2 + 50 * random.next();
      clock.add(sentMs, sentMs + there + back, Math.floor(sentMs + there + offsetMs));
      const estimate = clock.estimate!;
      // Times since 1970 as doubles are exact to a quarter of a microsecond.
      expect(Math.abs(estimate.offsetMs - offsetMs)).toBeLessThan(estimate.uncertaintyMs + 0.001);
    }
    expect(clock.estimate).toMatchObject({ samples: 100 });
    expect(clock.estimate!.uncertaintyMs).toBeLessThan(5);
  }
});
