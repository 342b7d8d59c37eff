/** A limit on how long something is waited for. */

/** Runs `work`, rejecting with `late()` after `limitMs`; what `work` does later is ignored. */
export async function within<T>(
  limitMs: number,
  work: Promise<T>,
  late: () => Error,
): Promise<Awaited<T>> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
