/** The state of a node that does nothing, and figures of shards, for what reads them. */
import { Counters } from '../../src/server/reporting/counters.ts';
import type { NodeState } from '../../src/server/reporting/node-state.ts';
import type { ShardFigures } from '../../src/server/reporting/shard-figures.ts';

/** A warm node without clients whose broker is connected, but for what is given. */
export function idleNode(given: Partial<NodeState> = {}): NodeState {
  return {
    nodeId: 'test-node',
    instance: 'i1',
    mode: 'single',
    startedMs: Date.now(),
    broker: { kind: 'embedded', epoch: 'e1', differences: [], troubles: new Map() },
    connections: { size: 0 },
    delivery: { behind: 0, cohorts: 0, flushIntervalMs: 0, throttle: { clientsAt: () => 0 } },
    history: { first: 0, next: 0, bytes: 0 },
    counters: new Counters(),
    protection: {
      hold: { reasons: [], holds: new Map(), heldMs: 0 },
      guard: {
        decision: { level: 0, cause: undefined, isPaused: false, refusesFor: undefined },
        sample: { cpuPercent: 0, groupCpuPercent: undefined, memoryBytes: 0, loopDelayMs: 0 },
        limits: { cpuCores: 1, memoryBytes: 1_000 },
        refusal: undefined,
        transitions: 0,
      },
      drain: { progress: undefined, budgetMs: 1_000, cutOff: 0 },
    },
    admission: { pending: 0, devices: { users: 0 }, rates: { size: 0 } },
    maxConnections: 100,
    isWarm: true,
    isDraining: false,
    consumer: () => ({ connected: true, paused: false, lagRecords: 0, lastError: undefined }),
    shards: () => [],
    refresh: async () => [],
    ...given,
  };
}

/** A shard that serves nobody yet, but for what is given. */
export function shardFigures(shard: number, given: Partial<ShardFigures> = {}): ShardFigures {
  return {
    ...{ shard, pid: 1_000 + shard, state: 'serving', connections: 0, pending: 0, restarts: 0 },
    ...{ feedLagEvents: 0, feedStalls: 0, report: undefined, cpuPercent: 0 },
    ...given,
  };
}
