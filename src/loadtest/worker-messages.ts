/** What the parent of a load test and its workers say to each other. */
import type { HistogramSnapshot } from '../base/histogram.ts';
import type { NewestEvent } from './channel-book.ts';
import type { ChannelList } from './channel-tally.ts';
import type { ClockOffset } from './clock-offset.ts';
import type { PhaseSnapshots } from './connect-phases.ts';
import type { ErrorCount } from './error-log.ts';
import type { GapReport } from './gap-list.ts';
import type { LoadTestConfig } from './plan.ts';
import type { SequenceCounts } from './sequence-ledger.ts';
import type { Target } from './target.ts';
import type { WorkerHealth } from './worker-health.ts';

/** What one worker has to do. */
export interface Assignment {
  readonly worker: number;
  readonly workers: number;
  readonly config: LoadTestConfig;
  readonly target: Target;
  /** When the first client of the whole test is due, in milliseconds since 1970. */
  readonly startAtMs: number;
  /** How far the clock of this worker's machine is ahead of the one that `startAtMs` is by. */
  readonly clockAheadMs: number;
}

/** From the parent, in this order; `stop` may come at any time. */
export type ToWorker =
  | { readonly kind: 'start'; readonly assignment: Assignment }
  /** All clients are open: latency is measured from here. */
  | { readonly kind: 'hold' }
  /** The time is over: tell the newest event of each channel. */
  | { readonly kind: 'end-hold' }
  /** Wait at most `withinMs` until all clients have these, then count what is missing. */
  | { readonly kind: 'settle'; readonly targets: readonly NewestEvent[]; readonly withinMs: number }
  | { readonly kind: 'stop' };

/** From a worker. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'report'; readonly report: WorkerReport }
  | { readonly kind: 'newest'; readonly newest: readonly NewestEvent[] }
  | { readonly kind: 'settled' }
  /** The last report: how things stood when it was told to stop. */
  | { readonly kind: 'final'; readonly report: WorkerReport }
  /** All sockets are closed. */
  | { readonly kind: 'closed' };

/** Everything a worker knows, counted since its start, so that a report lost is no harm. */
export interface WorkerReport {
  readonly connections: {
    readonly opened: number;
    readonly failed: number;
    readonly dropped: number;
    readonly moved: number;
    readonly reconnected: number;
    readonly active: number;
  };
  readonly messages: SequenceCounts & {
    readonly received: number;
    readonly frames: number;
    readonly bytes: number;
    readonly control: number;
    readonly badMessages: number;
    readonly seqBreaks: number;
    readonly epochChanges: number;
    readonly serverErrors: number;
    readonly gapNotices: number;
    readonly throttleUpdates: number;
    readonly reconnectNotices: number;
  };
  readonly latency: HistogramSnapshot;
  readonly phases: PhaseSnapshots;
  /** Clients that the server never let in, by the code of its refusal. */
  readonly refused: readonly (readonly [string, number])[];
  readonly clock: ClockOffset | undefined;
  readonly errors: readonly ErrorCount[];
  readonly gaps: readonly GapReport[];
  /** Only in the last report: it may be long. */
  readonly channels: ChannelList | undefined;
  readonly closeCodes: readonly (readonly [number, number])[];
  readonly generator: WorkerHealth;
}

/** Gaps that a report lists one by one. */
export const maxListedGaps = 100;
/** Channels that a report lists one by one. */
export const maxListedChannels = 200;
/** Channels that a worker tells of, one by one. */
export const maxToldChannels = 2_000;
