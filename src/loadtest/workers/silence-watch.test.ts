/** Tests of silence-watch.ts: who is silent, and who only was for a while. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { configOf } from '../../../test/support/run-loadtest.ts';
import { watchForSilence } from './silence-watch.ts';
import type { WorkerState } from './worker-pool.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Two workers, of which the first reports every 100 ms, and what is said of them in `ms`. */
function silenceOf(ms: number, second: (atMs: number) => Partial<WorkerState>, settings = {}) {
  const told: string[] = [];
  let atMs = 0;
  const reportAt = (key: number) => ({ clients: 1, report: { key }, exit: undefined });
  const states = () => [reportAt(atMs), { ...reportAt(-1), ...second(atMs) }] as never;
  const config = configOf('ws://127.0.0.1:9/ws', settings);
  using _ = watchForSilence({ states }, config, ({ message }) => void told.push(message));
  for (; atMs < ms; atMs += 100) vi.advanceTimersByTime(100);
  return told;
}
const report = {} as NonNullable<WorkerState['report']>;

test('a worker that says nothing for some intervals is told of once', () => {
  expect(silenceOf(1_900, () => ({ report }))).toEqual([]);
  expect(silenceOf(9_000, () => ({ report }))).toEqual([
    'a load test worker said nothing for 2.00s',
  ]);
  const slow = { reportIntervalMs: '1s' };
  expect(silenceOf(4_900, () => ({ report }), slow)).toEqual([]);
  expect(silenceOf(9_000, () => ({ report }), slow)).toHaveLength(1);
});

test('one that speaks now and then, or has died, is not silent', () => {
  expect(
    silenceOf(9_000, (atMs) => ({ report: { ...report, at: atMs > 1_500 } as never })),
  ).toEqual([]);
  const exit = { code: 1, signal: null, stderr: '' };
  expect(silenceOf(9_000, () => ({ report, exit }))).toEqual([]);
});

test('one of an agent has longer than its agent', () => {
  const agent = { name: 'b', clockUncertaintyMs: 0, loss: undefined, lostAfterMs: Number.NaN };
  const settings = { agents: 'a,b', agentSilenceMs: '4s' };
  expect(silenceOf(5_900, () => ({ report, agent }), settings)).toEqual([]);
  expect(silenceOf(9_000, () => ({ report, agent }), settings)).toEqual([
    'a load test worker of agent b said nothing for 6.00s',
  ]);
});
