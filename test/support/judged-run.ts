/** The verdict on a run of one worker with made-up figures. */
import type { ReceiveQueue } from '../../src/loadtest/machine/receive-queue.ts';
import { shortfallOf } from '../../src/loadtest/results/bottlenecks.ts';
import { resultsOf, thresholdsOf } from '../../src/loadtest/results/thresholds.ts';
import { type Evidence, judge } from '../../src/loadtest/results/verdict.ts';
import { totalsOf } from '../../src/loadtest/workers/totals.ts';
import type { WorkerState } from '../../src/loadtest/workers/worker-pool.ts';

/** All is known of the server. */
export const told = { time: true, sequence: true, odin: true };
/** Five clients, held for two seconds. */
export const scale = { target: 5, holdMs: 2_000, told };

/** Judges it by `thresholds` and the usual conditions; `more` replaces what else there is to know. */
export function judged(
  state: WorkerState,
  {
    thresholds = [],
    queue,
    ...more
  }: Partial<Omit<Evidence, 'thresholds'>> & {
    thresholds?: string[];
    queue?: ReceiveQueue;
  } = {},
) {
  const totals = totalsOf([state]);
  const results = resultsOf(thresholdsOf(thresholds, told), () => ({ totals, scale }));
  return judge({
    totals,
    thresholds: results,
    shortfall: shortfallOf([state], totals, { queue, holdMs: scale.holdMs }),
    breach: undefined,
    interrupted: false,
    holdMs: scale.holdMs,
    told,
    undone: [],
    ...more,
  });
}
