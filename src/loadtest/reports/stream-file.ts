/** Writes to a pipe or a terminal that has a name, and does not wait for one who never reads. */
import { constants, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Somebody who reads again and again is away for a moment. */
const openMs = 500;
/** A pipe takes nothing while it is full; a reader that takes nothing for so long has hung. */
const fullMs = 5_000;
/** After Ctrl-C, everything has to be over soon. */
const hurriedFullMs = 500;
const pollMs = 20;

/**
 * Rejects with ENXIO when nobody reads, and with ETIMEDOUT when the reader takes nothing for 5 s, or
 * for 0.5 s once `signal` is aborted.
 */
export async function writeStream(path: string, text: string, signal?: AbortSignal): Promise<void> {
  // Otherwise opening and writing would wait, and keep the process from ending.
  const flags = constants.O_WRONLY | constants.O_NONBLOCK;
  const handle = await again(
    'ENXIO',
    () => openMs,
    () => open(path, flags),
  );
  await using _ = handle;
  const patienceMs = () => (signal?.aborted === true ? hurriedFullMs : fullMs);
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    const { bytesWritten } = await again('EAGAIN', patienceMs, () => handle.write(rest)).catch(
      tellFull,
    );
    rest = rest.subarray(bytesWritten);
  }
}

/** Tries until it does not fail with `code` any more, for `withinMs` at most, which may change. */
async function again<Result>(
  code: string,
  withinMs: () => number,
  attempt: () => Promise<Result>,
): Promise<Result> {
  const sinceMs = performance.now();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const isLate = performance.now() - sinceMs >= withinMs();
      if (isLate || (error as NodeJS.ErrnoException).code !== code) throw error;
    }
    await sleep(pollMs);
  }
}

function tellFull(error: NodeJS.ErrnoException): never {
  throw error.code === 'EAGAIN' ? Object.assign(error, { code: 'ETIMEDOUT' }) : error;
}
