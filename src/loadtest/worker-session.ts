/** The work of one worker process: follows the stages with its clients, settles, reports, stops. */
import type { ProcessUsage } from '../host/child.ts';
import type { NewestEvent } from './channel-book.ts';
import { epochMs, putClockBack } from './client-context.ts';
import { Crowd } from './load/crowd.ts';
import { StageFollower } from './load/stage-follower.ts';
import type { Stage } from './load/timeline.ts';
import { StageLatency } from './stage-latency.ts';
import { WorkerHealthMeter } from './worker-health.ts';
import type { Assignment, FromWorker, ToWorker, WorkerReport } from './worker-messages.ts';
import { workerReport } from './worker-report.ts';

/** What a session needs of its process. */
export interface SessionHost {
  readonly send: (message: FromWorker) => void;
  readonly usage: () => ProcessUsage;
}

const pollMs = 20;
/** One client after the other asks the server for its time; each is allowed far more. */
const heartbeatMs = 500;

/** One run in a worker. */
export class WorkerSession {
  readonly #host: SessionHost;
  readonly #health: WorkerHealthMeter;
  readonly #latency = new StageLatency();
  readonly #follower = new StageFollower({
    come: (client, plannedMs) => this.#crowd?.come(client, plannedMs),
    go: (client) => this.#crowd?.go(client),
    idle: () => this.#awaitRamped(),
  });
  #assignment: Assignment | undefined;
  /** Stages that began. */
  #begun = 0;
  #crowd: Crowd | undefined;
  /** Whether the present stage counts for the run. */
  #isMeasured = false;
  #stageTimer: NodeJS.Timeout | undefined;
  #rampTimer: NodeJS.Timeout | undefined;
  #reportTimer: NodeJS.Timeout | undefined;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(host: SessionHost) {
    this.#host = host;
    this.#health = new WorkerHealthMeter(host.usage);
  }

  /** Takes a message of the parent. */
  receive(message: ToWorker): void {
    switch (message.kind) {
      case 'start':
        return this.#start(message.assignment);
      case 'stage':
        return this.#beginAt(message.index, message.stage, message.startAtMs);
      case 'end-stages':
        return this.#endStages();
      case 'settle':
        return this.#settle(message.targets, epochMs() + message.withinMs);
      case 'stop':
        return void this.#stop();
    }
  }

  #start(assignment: Assignment): void {
    putClockBack(assignment.clockAheadMs);
    this.#assignment = assignment;
    const crowd = new Crowd(assignment);
    this.#crowd = crowd;
    this.#reportTimer = setInterval(() => this.#report(), assignment.config.reportIntervalMs);
    if (assignment.config.protocol !== 'raw') {
      this.#heartbeatTimer = setInterval(() => crowd.askForTime(), heartbeatMs);
    }
    this.#health.restart();
  }

  /** Agents are told ahead of time, so that the way to them does not make them late. */
  #beginAt(index: number, stage: Stage, startAtMs: number): void {
    const waitMs = startAtMs - epochMs();
    clearTimeout(this.#stageTimer);
    if (waitMs < 1) this.#begin(index, stage, startAtMs);
    else this.#stageTimer = setTimeout(() => this.#begin(index, stage, startAtMs), waitMs);
  }

  #begin(index: number, stage: Stage, startAtMs: number): void {
    if (this.#assignment === undefined || this.#stopping) return;
    this.#begun = index + 1;
    this.#endStage(index, stage.isMeasured);
    const { worker, workers } = this.#assignment;
    const { context } = this.#crowd as Crowd;
    context.ledger.stage = index;
    context.stageLatencyMs = this.#latency.begin(stage.isMeasured);
    this.#follower.begin(stage, startAtMs, worker, workers);
  }

  /** Tells how things stand at the begin of stage `next`; its health is that of measured ones. */
  #endStage(next: number, isNextMeasured: boolean): void {
    if (this.#crowd === undefined) return;
    this.#follower.catchUp();
    this.#latency.end();
    if (this.#isMeasured && !isNextMeasured) this.#health.hold();
    if (!this.#isMeasured && isNextMeasured) this.#health.restart();
    this.#isMeasured = isNextMeasured;
    this.#crowd.context.stageLatencyMs = undefined;
    this.#host.send({ kind: 'stage', stage: next, report: this.#currentReport(this.#crowd) });
  }

  /** Reports as soon as it is known of every client whether it could connect. */
  #awaitRamped(): void {
    if (this.#crowd === undefined) return;
    clearTimeout(this.#rampTimer);
    if (this.#crowd.isSettled) {
      this.#host.send({ kind: 'ramped', report: this.#currentReport(this.#crowd) });
    } else this.#rampTimer = setTimeout(() => this.#awaitRamped(), pollMs);
  }

  #endStages(): void {
    clearTimeout(this.#stageTimer);
    this.#endStage(this.#begun, false);
    this.#host.send({ kind: 'newest', newest: this.#crowd?.context.book.newest() ?? [] });
  }

  #settle(targets: readonly NewestEvent[], untilMs: number): void {
    if (this.#stopping || this.#crowd === undefined) return;
    const { context, cursors } = this.#crowd;
    if (epochMs() < untilMs && !context.ledger.hasAll(cursors, targets)) {
      setTimeout(() => this.#settle(targets, untilMs), pollMs);
      return;
    }
    context.ledger.closeTail(cursors, targets);
    this.#host.send({ kind: 'settled' });
  }

  async #stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#follower.stop();
    clearTimeout(this.#stageTimer);
    clearTimeout(this.#rampTimer);
    clearInterval(this.#reportTimer);
    clearInterval(this.#heartbeatTimer);
    // Before the sockets close, which takes its time: `active` is what was open at the end.
    if (this.#crowd !== undefined) {
      this.#host.send({ kind: 'final', report: this.#currentReport(this.#crowd, true) });
    }
    await this.#crowd?.stop();
    this.#host.send({ kind: 'closed' });
  }

  #report(): void {
    if (this.#crowd === undefined) return;
    this.#crowd.context.ledger.lookBack(epochMs());
    this.#host.send({ kind: 'report', report: this.#currentReport(this.#crowd) });
  }

  #currentReport({ context }: Crowd, isLast = false): WorkerReport {
    return workerReport(context, this.#latency.snapshots(), this.#health.sample(), isLast);
  }
}
