/** Notices a worker that says nothing any more: what is waited for will not come. */
import { formatMs } from '../../base/units.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import type { WorkerPool } from './worker-pool.ts';

/** A busy worker may be late with its report, by several intervals. */
const patience = { intervals: 4, atMostMs: 10_000, atLeastMs: 2_000 };
/** An agent is lost first, which says more. */
const agentFactor = 1.5;
/** Looks are counted and not time, of which a process that was stopped itself has no idea. */
const looks = 10;

/** Why nobody waits for a worker any more: it is silent, or gone. */
export class LostWorker extends Error {}

/**
 * Calls back once, when a living worker has sent no report for several intervals, and for 2 s at
 * least. Disposing it ends that.
 */
export function watchForSilence(
  pool: Pick<WorkerPool, 'states'>,
  { reportIntervalMs, agents, agentSilenceMs }: LoadTestConfig,
  callBack: (why: LostWorker) => void,
): Disposable {
  const { intervals, atMostMs, atLeastMs } = patience;
  const patienceMs = Math.max(
    atLeastMs,
    reportIntervalMs + Math.min(atMostMs, intervals * reportIntervalMs),
    agents.length > 0 ? agentFactor * agentSilenceMs : 0,
  );
  let seen: readonly unknown[] = [];
  let silent: readonly number[] = [];
  const timer = setInterval(() => {
    const states = pool.states();
    silent = states.map(({ report, exit }, at) => {
      return exit === undefined && report === seen[at] ? (silent[at] ?? 0) + 1 : 0;
    });
    seen = states.map(({ report }) => report);
    const worker = silent.findIndex((times) => times >= looks);
    if (worker < 0) return;
    clearInterval(timer);
    const where =
      states[worker]?.agent === undefined ? '' : ` of agent ${states[worker].agent.name}`;
    callBack(new LostWorker(`a load test worker${where} said nothing for ${formatMs(patienceMs)}`));
  }, patienceMs / looks);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
