/** What the end of a bridge waits for, and for how long. */
import { RemoteError } from '../base/errors.ts';

/** Whether the last send arrived is not known; the next run finds out. */
export class StoppedEarly extends RemoteError {}

/** What is under way when a bridge is told to stop may take so long, in milliseconds. */
const stopGraceMs = 2_000;

/** Rejects with {@link StoppedEarly} when `work` has not come to an end {@link stopGraceMs} after `signal` aborts. */
export async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    timer = setTimeout(
      () => late.reject(new StoppedEarly('the target did not answer in time')),
      stopGraceMs,
    );
  };
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  work.catch(() => {});
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
