/** Workers of a load test as its parent sees them, with made-up figures. */
import { perPhase } from '../../src/loadtest/socket/connect-phases.ts';
import { kindOf } from '../../src/loadtest/socket/error-classes.ts';
import { totalsOf } from '../../src/loadtest/workers/totals.ts';
import type { WorkerReport } from '../../src/loadtest/workers/worker-messages.ts';
import type { WorkerState } from '../../src/loadtest/workers/worker-pool.ts';

const histogram = {
  ...{ buckets: [1_500], counts: [10] },
  ...{ minMs: 1, maxMs: 90, sumMs: 50, negative: 1 },
};

/** Those that vanish are counted by the parent. */
const { vanished: _, ...noConnections } = totalsOf([]).connections;

/** What a gap tells besides its place. */
const seen = { atMs: 1_700_000_000_000, late: 0, skipped: 0 };

/** A worker that had no difficulty. */
export const healthy: WorkerReport['generator'] = {
  cpuPercent: 40,
  busyPercent: 30,
  loopDelayP99Ms: 2,
  sustainedDelayMs: 1,
  rssBytes: 1_000,
  gcMs: 3,
  gcPercent: 0.4,
  longestGcMs: 1,
  stalls: 0,
  stalledMs: 0,
  longestStallMs: 0,
};

/** Five clients that all opened; one was dropped and came back. */
export function workerReport(
  messages: Partial<WorkerReport['messages']> = {},
  more: Partial<WorkerReport> = {},
): WorkerReport {
  return {
    connections: {
      ...noConnections,
      opened: 5,
      dropped: 1,
      reconnected: 1,
      upgraded: 6,
      active: 5,
    },
    messages: { ...totalsOf([]).messages, received: 10, ...messages },
    latency: histogram,
    stageLatency: histogram,
    lostByStage: [messages.lost ?? 0],
    phases: { ...perPhase(() => histogram), dialed: { ...histogram, buckets: [50] } },
    returns: { ...histogram, buckets: [], counts: [] },
    acks: { ...histogram, buckets: [], counts: [] },
    groups: [],
    refused: [],
    clock: undefined,
    silentMs: 0,
    errors: [
      { class: 'open-close-1001', ...kindOf('open-close-1001'), count: 1, example: 'first' },
    ],
    gaps: [
      { connection: 3, channel: 'BTC.trade', after: null, got: 9, lost: 1, atLeast: true, ...seen },
    ],
    channels: undefined,
    closeCodes: [[1001, 1]],
    generator: healthy,
    ...more,
  };
}

/** The state of a worker of five clients; with `exit` it died. */
export function stateOf(
  report: WorkerReport | undefined,
  exit?: { readonly code: number; readonly stderr: string },
): WorkerState {
  return { clients: 5, clientsByGroup: [5], report, exit: exit && { ...exit, signal: null } };
}
