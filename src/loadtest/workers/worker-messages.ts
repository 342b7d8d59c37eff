/** What the parent of a load test and its workers say to each other. */
import type { HistogramSnapshot } from '../../base/histogram.ts';
import type { ClockOffset } from '../client/clock-offset.ts';
import type { NewestEvent } from '../delivery/channel-book.ts';
import type { ChannelList } from '../delivery/channel-tally.ts';
import type { GapReport } from '../delivery/gap-list.ts';
import type { SequenceCounts } from '../delivery/sequence-counts.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import type { Stage } from '../plan/timeline.ts';
import type { PhaseSnapshots } from '../socket/connect-phases.ts';
import type { ErrorCount } from '../socket/error-log.ts';
import type { Target } from '../socket/target.ts';
import type { WorkerHealth } from './worker-health.ts';

/** What one worker has to do. */
export interface Assignment {
  readonly worker: number;
  readonly workers: number;
  readonly config: LoadTestConfig;
  readonly target: Target;
  /** How far the clock of this worker's machine is ahead of the parent's, by which all times are. */
  readonly clockAheadMs: number;
}

/** From the parent, in this order; `stop` may come at any time. */
export type ToWorker =
  | { readonly kind: 'start'; readonly assignment: Assignment }
  /** A stage begins, or began, at `startAtMs` since 1970; it lasts until the next one is told. */
  | {
      readonly kind: 'stage';
      readonly index: number;
      readonly stage: Stage;
      readonly startAtMs: number;
    }
  /** The last stage is over, since `atMs` (1970): tell the newest event of each channel. */
  | { readonly kind: 'end-stages'; readonly atMs: number }
  /**
   * Wait until all clients have these, and until those are back, for `backWithinMs` at most, that
   * return from a storm or a move; then count what is missing.
   */
  | {
      readonly kind: 'settle';
      readonly targets: readonly NewestEvent[];
      readonly backWithinMs: number;
    }
  | { readonly kind: 'stop' };

/** From a worker. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'report'; readonly report: WorkerReport }
  /**
   * How things stood when a stage began, so much later than it was told to; when the last one ended,
   * with the number of stages and how late that was.
   */
  | {
      readonly kind: 'stage';
      readonly stage: number;
      readonly lateMs: number;
      readonly report: WorkerReport;
    }
  /** It is known of every client that had to come whether it got in. */
  | { readonly kind: 'ramped'; readonly report: WorkerReport }
  | { readonly kind: 'newest'; readonly newest: readonly NewestEvent[] }
  | { readonly kind: 'settled' }
  /** The last report: how things stood when it was told to stop. */
  | { readonly kind: 'final'; readonly report: WorkerReport }
  /** All sockets are closed. */
  | { readonly kind: 'closed' };

/** What is counted of the clients of one group, since the start, so that a report lost is no harm. */
export interface GroupReport {
  readonly connections: {
    readonly opened: number;
    readonly failed: number;
    readonly dropped: number;
    readonly moved: number;
    readonly reconnected: number;
    /** Attempts that the server said yes to, whatever came of them. */
    readonly upgraded: number;
    readonly active: number;
    /** Clients that went when they had to. */
    readonly left: number;
    /** Clients that were open, and are not now, or were not when they had to go. */
    readonly away: number;
    /** Of these, the ones on their way back from a storm or a move, by nobody's fault yet. */
    readonly returning: number;
    /** Of those away, the ones that had to go since: no later stage misses them. */
    readonly strayed: number;
    /** Connections that the load tester ended in storms. */
    readonly stormed: number;
    /** Subscriptions that the load tester dropped, or asked for again. */
    readonly churned: number;
    /** Of these, the droppings and the returns that were acknowledged. */
    readonly unsubscribed: number;
    readonly resubscribed: number;
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
  /** Over all stages that are measured. */
  readonly latency: HistogramSnapshot;
  /** Of the stage that is going on, or has just ended. */
  readonly stageLatency: HistogramSnapshot;
  /** Events lost by the stage in which that showed. */
  readonly lostByStage: readonly number[];
  readonly phases: PhaseSnapshots;
  /** From dropping out in a storm until open again. */
  readonly returns: HistogramSnapshot;
  /** From asking for a change of subscriptions until it was acknowledged. */
  readonly acks: HistogramSnapshot;
  /** Clients that the server never let in, by the code of its refusal. */
  readonly refused: readonly (readonly [string, number])[];
  readonly errors: readonly ErrorCount[];
  readonly gaps: readonly GapReport[];
  /** Only in the last report: it may be long. */
  readonly channels: ChannelList | undefined;
  readonly closeCodes: readonly (readonly [number, number])[];
}

/** Everything a worker knows. What is counted is that of all clients that behave. */
export interface WorkerReport extends GroupReport {
  readonly clock: ClockOffset | undefined;
  /** For how long the server had sent nothing at the end, though clients asked; 0 before that. */
  readonly silentMs: number;
  /** Each group on its own when there are several, those that misbehave too. */
  readonly groups: readonly GroupReport[];
  readonly generator: WorkerHealth;
}

/** Gaps that a report lists one by one. */
export const maxListedGaps = 100;
/** Channels that a report lists one by one. */
export const maxListedChannels = 200;
/** Channels that a worker tells of, one by one. */
export const maxToldChannels = 2_000;
