/** The shape of a load test's result: what the JSON report holds. */
import type { HistogramRecord } from '../../base/histogram.ts';
import type { Machine } from '../../host/machine.ts';
import type { ClockOffset } from '../client/clock-offset.ts';
import type { ChannelList } from '../delivery/channel-tally.ts';
import type { GapReport } from '../delivery/gap-list.ts';
import type { ReceiveQueue } from '../machine/receive-queue.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import type { StageKind } from '../plan/timeline.ts';
import type { ReportedPhases } from '../socket/connect-phases.ts';
import type { ErrorCount } from '../socket/error-log.ts';
import type { Reconciliation } from '../truth/reconciliation.ts';
import type { WorkerHealth } from '../workers/worker-health.ts';
import type { CountedPercentiles, Percentiles } from './percentiles.ts';
import type { SearchReport } from './search-report.ts';
import type { Series, SeriesPoint } from './series.ts';
import type { ThresholdResult } from './thresholds.ts';
import type { ToldCounts } from './told-counts.ts';
import type { Judgement } from './verdict.ts';

/** What happened in one part of a run. */
export interface PartFigures {
  readonly connections: LoadTestReport['connections'];
  readonly messages: LoadTestReport['messages'];
  readonly latencyMs: LoadTestReport['latencyMs'];
  readonly connectMs: LoadTestReport['connectMs'];
  /** How many, of all classes. */
  readonly errors: number;
}

/** Clients of one kind. */
export interface GroupFigures extends PartFigures {
  /** Name of the profile, `slow` or `half-open`. */
  readonly name: string;
  /**
   * Measured length of what its latencies are of: of those that misbehave until the end of the run.
   * Older reports lack it.
   */
  readonly measuredMs?: number | undefined;
  /** How often the server closed their connections with which code. */
  readonly closeCodes: Readonly<Record<string, number>>;
}

/** One stage. Lost events count for the stage in which it showed that they were. */
export interface StageReport extends PartFigures {
  readonly name: string;
  readonly kind: StageKind;
  /** Clients planned at its begin and its end. */
  readonly from: number;
  readonly to: number;
  /** Since the begin of the run. */
  readonly startMs: number;
  /** Measured. */
  readonly durationMs: number;
}

/** One agent: what it was asked for and what it did. */
export interface AgentSection {
  /** The host as it was given, or `local-1`… */
  readonly name: string;
  readonly machine: Machine;
  readonly workers: number;
  /** Clients that it was asked to open. */
  readonly clients: number;
  readonly opened: number;
  readonly failed: number;
  /** Clients that were open at the end. */
  readonly active: number;
  /** Events, over the whole run. */
  readonly received: number;
  /** Null where events are not numbered. */
  readonly lost: number | null;
  /** Over the hold phase. */
  readonly latencyMs: CountedPercentiles;
  /** Of its busiest worker; 100 is one core. */
  readonly cpuPercent: number;
  readonly loopDelayP99Ms: number;
  /** Of all its workers. */
  readonly rssBytes: number;
  /** How far its clock is ahead of the coordinator's; null when it never told its time. */
  readonly clock: ClockOffset | null;
  /** What its times were put back by, in milliseconds; 0 when the clocks could not be told apart. */
  readonly clockCorrectedMs: number;
  /** Why it was lost during the run; null when it was there to the end. */
  readonly loss: string | null;
  /** When that was, in milliseconds after the start of the run; older reports lack it. */
  readonly lostAfterMs?: number | null | undefined;
}

/** What a run found. Written as JSON, so names and meanings are a contract. */
export interface LoadTestReport {
  readonly schemaVersion: 1;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Measured, from the first planned client until all were told to close. */
  readonly durationMs: number;
  /**
   * Measured length of what counts for the run as a whole: the hold phase, or all stages when there
   * are stages of one's own; 0 when it was not reached.
   */
  readonly holdMs: number;
  readonly url: string;
  readonly config: LoadTestConfig;
  readonly connections: {
    /** Clients that had to come; with stages of one's own, each time that one does. */
    readonly target: number;
    /** Clients that were open at least once. */
    readonly opened: number;
    /** Clients that never were. */
    readonly failed: number;
    /** Connections lost after they were open. */
    readonly dropped: number;
    /** Connections left because the server asked for it. */
    readonly moved: number;
    readonly reconnected: number;
    /** Clients that were open at the end. */
    readonly active: number;
    /** Clients that went when they had to, also on their way back from a storm or a move. */
    readonly left: number;
    /** Clients that were open, and were not when they had to go or at the end. */
    readonly away: number;
    /**
     * Clients that were open when their worker, or its agent, was lost: nobody knows what became of
     * them. Older reports lack it.
     */
    readonly vanished?: number | undefined;
    /** Connections that the load tester ended in storms; all came back, `left` or are `away`. */
    readonly stormed: number;
    /** Subscriptions that the load tester dropped (`--churn`), or asked for again. */
    readonly churned: number;
    /** Of these, the droppings and the returns that the server acknowledged. */
    readonly unsubscribed: number;
    readonly resubscribed: number;
    /** Of those that failed, the ones that the server refused, by the code of its answer. */
    readonly refused: Readonly<Record<string, number>>;
  };
  /** Over the whole run. */
  readonly messages: ToldCounts;
  /**
   * From an event's own time to its arrival, over the hold phase; without those that a client
   * missed while it was away and got after it resumed. Null without events, or where they have no
   * time.
   */
  readonly latencyMs: Percentiles & {
    readonly mean: number | null;
    /** Events of the hold phase, also of those without a time. */
    readonly count: number;
    /** Events that seem to have arrived more than 1 ms before they happened: the clocks differ. */
    readonly negative: number | null;
  };
  /** From a client's planned start to the upgrade; null where nobody got in. */
  readonly connectMs: Percentiles;
  /**
   * How long after its planned start a client came how far; of clients that got in, the attempt
   * with which they did. `secured` is there for wss:// only, `subscribed` for odin.
   */
  readonly phases: ReportedPhases;
  /** How far the server's clock is ahead; null when it never told its time. */
  readonly clock: ClockOffset | null;
  /** Each stage that began, with its own figures. */
  readonly stages: readonly StageReport[];
  /** Each profile of a mix; empty without one. */
  readonly profiles: readonly GroupFigures[];
  /**
   * Clients that misbehave on purpose: `slow` and `half-open`. What becomes of them is no finding
   * about the server, so it is told here only.
   */
  readonly misbehaving: readonly GroupFigures[];
  /** From dropping out in a storm until open again, of all clients that were. */
  readonly returnMs: CountedPercentiles;
  /** From dropping a subscription, or asking for it again, until the server acknowledged that. */
  readonly ackMs: CountedPercentiles;
  readonly errors: readonly ErrorCount[];
  /** The first 100. */
  readonly gaps: readonly GapReport[];
  /** At most 200 channels, the most troubled first; none where events are not numbered. */
  readonly channels: ChannelList;
  /** What publisher, server and clients counted, and whether that agrees. */
  readonly reconciliation: Reconciliation;
  /** The load tester itself, over the hold phase. */
  readonly generator: {
    readonly workers: number;
    /** Of the busiest worker; 100 is one core. */
    readonly cpuPercent: number;
    /** Of the worst worker. */
    readonly loopDelayP99Ms: number;
    /** Of all workers. */
    readonly rssBytes: number;
    /** Null for a worker that never reported. */
    readonly perWorker: readonly (WorkerHealth | null)[];
    /** Bytes that waited in the kernel to be read; null where nobody could look. */
    readonly receiveQueue: ReceiveQueue | null;
    /** How the load tester was too slow to measure the server; empty when it was not. */
    readonly bottlenecks: readonly string[];
  };
  /** What a limit search found; there only in reports of such. */
  readonly search?: SearchReport;
  /** Each agent of a distributed run; there only in reports of such. */
  readonly agents?: readonly AgentSection[];
  readonly server: {
    /** How often it closed with which code. */
    readonly closeCodes: Readonly<Record<string, number>>;
  };
  /** Every condition of the run, the built-in ones too, and what was observed. */
  readonly thresholds: readonly ThresholdResult[];
  /** Where the load tester ran. */
  readonly machine: Machine;
  /** The figures above as they were measured, to render and compare them again. */
  readonly histograms: {
    readonly latency: HistogramRecord;
    readonly connect: HistogramRecord;
    /** Of {@link returnMs} and {@link ackMs}; older reports lack them. */
    readonly return?: HistogramRecord | undefined;
    readonly ack?: HistogramRecord | undefined;
    /** Latency in successive parts of the hold phase, at most 64. */
    readonly latencyParts: Series['latencyParts'];
  };
  /** The course of the run, at most 3 600 points. */
  readonly series: {
    /** Length of one point. */
    readonly intervalMs: number;
    readonly points: readonly SeriesPoint[];
  };
  /** Inconclusive: the load tester itself was the bottleneck, or its clients could not do what they were to. */
  readonly verdict: Judgement['verdict'];
  /** Why it failed; also filled for an interrupted run. */
  readonly reasons: readonly string[];
}
