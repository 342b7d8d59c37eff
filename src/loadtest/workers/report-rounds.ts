/** Tells when all workers have reported anew, so that rates are between equal moments. */
import type { WorkerPool } from './worker-pool.ts';

/** A worker that says nothing holds the others up for so many intervals. */
const patience = 1.5;

/**
 * Calls back once per round of reports, which workers send each `intervalMs` by their own clocks;
 * also when some worker stays silent. Disposing it ends that.
 */
export function onEachRound(
  pool: Pick<WorkerPool, 'states' | 'waitUntil'>,
  intervalMs: number,
  callBack: () => void,
): Disposable {
  const ended = new AbortController();
  let seen: readonly unknown[] = [];
  let notBeforeMs = performance.now();
  const isRound = () =>
    // Workers report out of turn too, at the end of a phase.
    performance.now() >= notBeforeMs &&
    pool
      .states()
      .every(({ report, exit }, at) => exit !== undefined || (report && report !== seen[at]));
  const follow = async () => {
    while (!ended.signal.aborted) {
      await pool.waitUntil(isRound, ended.signal, patience * intervalMs);
      if (ended.signal.aborted) return;
      seen = pool.states().map(({ report }) => report);
      notBeforeMs = performance.now() + intervalMs / 2;
      callBack();
    }
  };
  void follow();
  return { [Symbol.dispose]: () => ended.abort() };
}
