/** Estimating deliveries: what was counted in advance and what is put right later add up. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeliveryEstimate } from './delivery-estimate.ts';

test('before a shard has spoken, every client counts; after it, what it said', () => {
  const estimate = new DeliveryEstimate((shard) => (shard === 0 ? 10 : 5));
  expect(estimate.of(100, [0, 1])).toBe(1_500);
  expect(estimate.heard(0, 100, 200)).toBe(200 - 1_000);
  expect(estimate.of(1, [0])).toBe(2);
  estimate.forget(0);
  expect(estimate.of(1, [0])).toBe(10);
});

test('in the end exactly the deliveries of each shard have been counted', () => {
  const rounds = fc.array(fc.tuple(fc.nat(500), fc.nat(20)), { maxLength: 50 });
  fc.assert(
    fc.property(rounds, fc.nat(100), (all, connections) => {
      const estimate = new DeliveryEstimate(() => connections);
      let counted = 0;
      let actual = 0;
      for (const [events, perEvent] of all) {
        counted += estimate.of(events, [0]);
        counted += estimate.heard(0, events, events * perEvent);
        actual += events * perEvent;
      }
      expect(counted).toBeCloseTo(actual, 3);
    }),
    { seed: 4, numRuns: 300 },
  );
});
