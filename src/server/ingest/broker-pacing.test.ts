/** Pacing on a fake clock, with a broker that hands over batches whenever it is not held. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BrokerHold } from './broker-hold.ts';
import { BrokerPacing, type PacingRates } from './broker-pacing.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Events taken in each second, when there are always more and each reaches `clients`. */
async function takenPerSecond(rates: PacingRates, seconds: number, batch: number, clients = 1) {
  const hold = new BrokerHold();
  using pacing = new BrokerPacing({ guard: rates }, hold, Date.now);
  const taken: number[] = [];
  for (let second = 0; second < seconds; second++) {
    let count = 0;
    for (let step = 0; step < 1_000; step += 10) {
      if (hold.reasons.length === 0) {
        pacing.took(batch, batch * clients);
        count += batch;
      }
      await vi.advanceTimersByTimeAsync(10);
    }
    taken.push(count);
  }
  return { taken, hold };
}

test.each([
  ['small batches', 10],
  ['a batch of four seconds', 4_000],
])('events per second stay at the rate with %s', async (_title, batch) => {
  const { taken } = await takenPerSecond({ maxBrokerRate: 1_000, maxBroadcastRate: 0 }, 40, batch);
  const total = taken.reduce((sum, count) => sum + count, 0);
  // The bucket is full at first, and may be one batch below zero at the end.
  expect(total).toBeGreaterThanOrEqual(39_000);
  expect(total).toBeLessThanOrEqual(41_000 + batch);
});

test('deliveries count by the clients they go to', async () => {
  const { taken } = await takenPerSecond({ maxBrokerRate: 0, maxBroadcastRate: 10_000 }, 20, 5, 50);
  const total = taken.reduce((sum, count) => sum + count, 0);
  expect(total).toBeGreaterThanOrEqual(20 * 200 - 200);
  expect(total).toBeLessThanOrEqual(21 * 200 + 5);
});

test('the lower of two rates counts', async () => {
  const rates = { maxBrokerRate: 100, maxBroadcastRate: 10_000 };
  const { taken } = await takenPerSecond(rates, 20, 5, 50);
  expect(taken.slice(2).every((count) => count <= 105)).toBe(true);
});

test('without rates nothing is ever held', async () => {
  const { taken, hold } = await takenPerSecond({ maxBrokerRate: 0, maxBroadcastRate: 0 }, 3, 9_999);
  expect(taken).toEqual([999_900, 999_900, 999_900]);
  expect(hold.holds.size).toBe(0);
});

test('a batch that comes while the broker is held makes it held for longer', async () => {
  const hold = new BrokerHold();
  using pacing = new BrokerPacing(
    { guard: { maxBrokerRate: 100, maxBroadcastRate: 0 } },
    hold,
    Date.now,
  );
  pacing.took(150, 150);
  expect(hold.reasons).toEqual(['pacing']);
  pacing.took(100, 100);
  await vi.advanceTimersByTimeAsync(1_400);
  expect(hold.reasons).toEqual(['pacing']);
  await vi.advanceTimersByTimeAsync(200);
  expect(hold.reasons).toEqual([]);
  expect(hold.holds.get('pacing')).toBe(1);
});

test('a disposed pacing leaves no timer', () => {
  {
    using pacing = new BrokerPacing(
      { guard: { maxBrokerRate: 1, maxBroadcastRate: 0 } },
      new BrokerHold(),
    );
    pacing.took(1_000, 1_000);
    expect(vi.getTimerCount()).toBe(1);
  }
  expect(vi.getTimerCount()).toBe(0);
});

test('a higher rate, or none, ends a long wait within a second', async () => {
  for (const maxBrokerRate of [1_000_000, 0]) {
    const hold = new BrokerHold();
    const limits = { guard: { maxBrokerRate: 1, maxBroadcastRate: 0 } };
    using pacing = new BrokerPacing(limits, hold, Date.now);
    pacing.took(3_600, 0);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(hold.reasons).toEqual(['pacing']);
    limits.guard = { maxBrokerRate, maxBroadcastRate: 0 };
    await vi.advanceTimersByTimeAsync(1_010);
    expect(hold.reasons).toEqual([]);
  }
});

test('a rate that is set while the server runs counts from the next batch on', async () => {
  const hold = new BrokerHold();
  const limits = { guard: { maxBrokerRate: 0, maxBroadcastRate: 0 } };
  using pacing = new BrokerPacing(limits, hold, Date.now);
  pacing.took(1_000_000, 0);
  limits.guard = { maxBrokerRate: 100, maxBroadcastRate: 0 };
  pacing.took(90, 0);
  expect(hold.reasons).toEqual([]);
  pacing.took(60, 0);
  expect(hold.reasons).toEqual(['pacing']);
  await vi.advanceTimersByTimeAsync(550);
  expect(hold.reasons).toEqual([]);
});
