/** Tests of signals.ts: waiting that a signal ends. */
import { expect, test } from 'vitest';
import { Interrupted } from '../base/errors.ts';
import { unlessAborted, unlessInterrupted, untilAborted } from './signals.ts';

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

test('who is told to stop while connecting waits no longer, and closes what comes of it yet', async () => {
  const { signal } = new AbortController();
  expect(await unlessInterrupted(Promise.resolve(7), signal, 'trying')).toBe(7);
  await expect(
    unlessInterrupted(Promise.reject(new Error('no')), signal, 'trying'),
  ).rejects.toThrow('no');
  const stop = new AbortController();
  const work = Promise.withResolvers<AsyncDisposable>();
  const waiting = unlessInterrupted(work.promise, stop.signal, 'connecting to a');
  stop.abort();
  const failed = await waiting.catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(Interrupted);
  expect(failed).toMatchObject({ exitCode: 130, message: 'interrupted while connecting to a' });
  const closed = Promise.withResolvers<void>();
  work.resolve({ [Symbol.asyncDispose]: async () => closed.resolve() });
  await closed.promise;
  const again = unlessInterrupted(Promise.reject(new Error('too late')), stop.signal, 'trying');
  await expect(again).rejects.toThrow();
});
