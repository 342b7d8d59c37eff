/** Limits on how long something is waited for. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Between an answer and the next question. */
const pollMs = 100;

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

/** Waits for `work`, but no longer than `limitMs`, and not for what becomes of it. */
export async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  await within(limitMs, work, () => new Error('slow')).catch(() => undefined);
}

/**
 * Waits for `work` as long as `ask` has an answer within `quietMs`, again and again, and not for what
 * becomes of either.
 */
export async function whileAnswered(
  quietMs: number,
  ask: () => Promise<unknown>,
  work: Promise<unknown>,
): Promise<void> {
  const late = () => new Error('slow');
  const done = work.then(
    () => 'done',
    () => 'done',
  );
  for (;;) {
    const answer = within(quietMs, ask(), late).then(
      () => 'answer',
      () => 'silence',
    );
    if ((await Promise.race([done, answer])) !== 'answer') return;
    if ((await Promise.race([done, sleep(pollMs)])) === 'done') return;
  }
}
