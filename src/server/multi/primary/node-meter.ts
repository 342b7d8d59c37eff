/** NodeMeter: the resources of all processes of a node as one, for its guard. */
import { createResourceMeter, type ResourceMeter } from '../../../host/usage.ts';
import type { NodeTotals } from './node-totals.ts';

/** What 100 % is, 0 for what the cgroup or the host gives. */
interface NodeLimits {
  readonly cpuCores: number;
  readonly memoryBytes: number;
}

/**
 * CPU is that of the node or of its busiest process, each by what it may use, whichever is more: one
 * process that can do no more keeps its clients waiting, however idle the others are. Memory is the
 * sum, and the delay that of the latest event loop. What shards say is up to a second old.
 */
export function createNodeMeter(
  limits: NodeLimits,
  shards: number,
  totals: Pick<NodeTotals, 'reportOf' | 'cpuPercentOf'>,
): ResourceMeter {
  const own = createResourceMeter({ ...limits, processes: shards + 1 });
  const { cpuCores } = own.limits;
  const coreOfOne = Math.min(1, cpuCores);
  const numbers = Array.from({ length: shards }, (_, shard) => shard);
  return {
    limits: own.limits,
    sample() {
      const sample = own.sample();
      const reports = numbers.flatMap((shard) => totals.reportOf(shard) ?? []);
      // In percent of one core.
      const cpu = [
        sample.cpuPercent * cpuCores,
        ...numbers.map((shard) => totals.cpuPercentOf(shard)),
      ];
      const all = cpu.reduce((sum, percent) => sum + percent, 0);
      return {
        cpuPercent: Math.max(all / cpuCores, Math.max(...cpu) / coreOfOne),
        groupCpuPercent: sample.groupCpuPercent,
        memoryBytes: reports.reduce((sum, { usage }) => sum + usage.rssBytes, sample.memoryBytes),
        loopDelayMs: Math.max(sample.loopDelayMs, ...reports.map((report) => report.loopDelayMs)),
      };
    },
    [Symbol.dispose]: () => own[Symbol.dispose](),
  };
}
