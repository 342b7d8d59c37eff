/** Tests of signals.ts: waiting that a signal ends. */
import { expect, test } from 'vitest';
import { unlessAborted, untilAborted } from './signals.ts';

test('an aborted signal is not waited for', async () => {
  await untilAborted(AbortSignal.abort());
});

test('work that is done in time is what comes of it, also when it fails', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
});

test('work that takes longer than anybody waits is left alone, whatever becomes of it', async () => {
  const stop = new AbortController();
  const work = Promise.withResolvers<number>();
  const waiting = unlessAborted(work.promise, stop.signal);
  stop.abort();
  expect(await waiting).toBeUndefined();
  // Unheard, it would end the process.
  work.reject(new Error('too late'));
  await new Promise((resolve) => setImmediate(resolve));
});
