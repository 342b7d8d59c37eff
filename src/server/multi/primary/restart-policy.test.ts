import { expect, test } from 'vitest';
import { RestartPolicy } from './restart-policy.ts';

/** No luck: always the longest wait. */
const longest = () => 1;

test('the first end costs no wait, the next ones more and more', () => {
  const policy = new RestartPolicy(longest);
  expect([1, 2, 3, 4].map(() => policy.exited(100_000, undefined))).toEqual([
    { retryInMs: 0 },
    { retryInMs: 1_000 },
    { retryInMs: 2_000 },
    { retryInMs: 4_000 },
  ]);
});

test.each([
  ['never served', undefined],
  ['served for less than 10 s', 90_001],
])('five ends in a row of runs that %s are given up', (_title, servingSinceMs) => {
  const policy = new RestartPolicy(longest);
  for (let n = 0; n < 4; n++) expect(policy.exited(100_000, servingSinceMs)).not.toBe('giveUp');
  expect(policy.exited(100_000, servingSinceMs)).toBe('giveUp');
  expect(policy.failures).toBe(5);
});

test('a run that served for 10 s makes up for all before', () => {
  const policy = new RestartPolicy(longest);
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < 3; n++) expect(policy.exited(100_000, undefined)).not.toBe('giveUp');
    expect(policy.exited(100_000, 90_000)).toEqual({ retryInMs: 0 });
  }
});

test('waits are spread, so that shards that ended together do not start together', () => {
  const waits = [0, 0.25, 0.999].map((luck) => {
    const policy = new RestartPolicy(() => luck);
    policy.exited(100_000, undefined);
    return policy.exited(100_000, undefined);
  });
  expect(waits).toEqual([{ retryInMs: 0 }, { retryInMs: 250 }, { retryInMs: 999 }]);
});
