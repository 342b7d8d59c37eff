/** Waiting for the end: a promise for an abort signal. */
import { Interrupted } from '../base/errors.ts';

/** Resolves when `signal` is aborted; at once when it already is. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

/** What `work` comes to; undefined when `signal` is aborted before. What it does then is ignored. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  work.catch(() => undefined);
  return await Promise.race([work, untilAborted(signal).then(() => undefined)]);
}

/**
 * What `work` comes to: a connection, mostly. Rejects with {@link Interrupted} when `signal` is aborted
 * before; what comes of it then is disposed of, and waited for by nobody. `doing` is what it is.
 */
export async function unlessInterrupted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  doing: string,
): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(new Interrupted(`interrupted while ${doing}`));
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } catch (error) {
    if (error instanceof Interrupted) void work.then(dispose).catch(() => undefined);
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function dispose(late: unknown): Promise<void> {
  const { [Symbol.asyncDispose]: end, [Symbol.dispose]: endAtOnce } = Object(late);
  await (end ?? endAtOnce)?.call(late);
}
