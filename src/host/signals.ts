/** Waiting for the end: a promise for an abort signal. */

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
