/** The end of a run: workers tell their last figures and close their sockets, or are given up. */
import type { WorkerPool, WorkerState } from './worker-pool.ts';

/** How long workers may take for their last figures, and then to close their sockets. */
const patience = { final: 3_000, closed: 1_500 };
/** The same after Ctrl-C: all reports have to be there within 2 s. */
const hurry = { final: 800, closed: 300 };
const never = new AbortController().signal;

/** Lets all clients go. `signal` says that it has to be quick, also in the middle of it. */
export async function sayFarewell(pool: WorkerPool, signal: AbortSignal): Promise<void> {
  pool.send({ kind: 'stop' });
  for (const kind of ['final', 'closed'] as const) {
    const isSaid = () => pool.allSaid(kind);
    if (!signal.aborted) await pool.waitUntil(isSaid, signal, patience[kind]);
    if (signal.aborted) await pool.waitUntil(isSaid, never, hurry[kind]);
  }
}

/** What is unknown of workers that did not tell their last figures: a line for each machine. */
export function missingFrom(silent: readonly WorkerState[]): string[] {
  const counts = new Map<string, number>();
  for (const { agent } of silent) {
    const where = agent === undefined ? '' : ` of agent ${agent.name}`;
    counts.set(where, (counts.get(where) ?? 0) + 1);
  }
  return [...counts].map(([where, count]) => {
    const [who, whose] =
      count === 1 ? ['a load test worker', 'its'] : [`${count} load test workers`, 'their'];
    return `${who}${where} did not answer in time: ${whose} last figures are missing`;
  });
}
