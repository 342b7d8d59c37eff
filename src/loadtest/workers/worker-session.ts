/** The work of one worker process: follows the stages with its clients, settles, reports, stops. */
import type { ProcessUsage } from '../../host/child.ts';
import type { ClientContext } from '../client/client-context.ts';
import type { NewestEvent } from '../delivery/channel-book.ts';
import { Crowd } from '../load/crowd.ts';
import { StageFollower } from '../load/stage-follower.ts';
import { Unrest } from '../load/unrest.ts';
import { arrivalMs } from '../plan/plan.ts';
import type { Stage } from '../plan/timeline.ts';
import { epochMs, putClockBack } from '../run-clock.ts';
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
  readonly #follower = new StageFollower({
    come: (client, plannedMs) => this.#crowd?.come(client, plannedMs),
    go: (client) => this.#crowd?.go(client),
    idle: () => this.#awaitRamped(),
  });
  #assignment: Assignment | undefined;
  /** Stages that began. */
  #begun = 0;
  #crowd: Crowd | undefined;
  #unrest: Unrest | undefined;
  /** Whether the present stage counts for the run. */
  #isMeasured = false;
  /** Whether some stage did. */
  #wasMeasured = false;
  #stageTimer: NodeJS.Timeout | undefined;
  /** Begins the stage that this worker was told of last, unless it has begun. */
  #beginPending: (() => void) | undefined;
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
        return this.#endStages(message.atMs);
      case 'settle':
        this.#crowd?.readOut(message.targets);
        return this.#settle(
          message.targets,
          epochMs() + arrivalMs,
          epochMs() + message.backWithinMs,
        );
      case 'stop':
        return void this.#stop();
    }
  }

  #start(assignment: Assignment): void {
    putClockBack(assignment.clockAheadMs);
    this.#assignment = assignment;
    const crowd = new Crowd(assignment);
    this.#crowd = crowd;
    this.#unrest = new Unrest(crowd, assignment);
    this.#reportTimer = setInterval(() => this.#report(), assignment.config.reportIntervalMs);
    if (assignment.config.protocol !== 'raw') {
      this.#heartbeatTimer = setInterval(() => crowd.askForTime(), heartbeatMs);
    }
    this.#health.restart();
  }

  /** Agents are told ahead of time, so that the way to them does not make them late. */
  #beginAt(index: number, stage: Stage, startAtMs: number): void {
    // The stage before may be shorter than that time: its clients have to come all the same.
    this.#beginPending?.();
    this.#beginPending = () => {
      clearTimeout(this.#stageTimer);
      this.#beginPending = undefined;
      this.#begin(index, stage, startAtMs);
    };
    const waitMs = startAtMs - epochMs();
    if (waitMs < 1) this.#beginPending();
    else this.#stageTimer = setTimeout(() => this.#beginPending?.(), waitMs);
  }

  #begin(index: number, stage: Stage, startAtMs: number): void {
    if (this.#assignment === undefined || this.#stopping) return;
    this.#begun = index + 1;
    this.#endStage(index, stage.isMeasured, epochMs() - startAtMs);
    const { worker, workers } = this.#assignment;
    this.#wasMeasured ||= stage.isMeasured;
    for (const context of (this.#crowd as Crowd).contexts) {
      const { isGood } = context;
      context.beginStage(index, isGood ? stage.isMeasured : this.#wasMeasured);
    }
    this.#follower.begin(stage, startAtMs, worker, workers);
    if (stage.isMeasured) this.#unrest?.begin(startAtMs);
  }

  /** Tells how things stand at the begin of stage `next`; its health is that of measured ones. */
  #endStage(next: number, isNextMeasured: boolean, lateMs: number): void {
    if (this.#crowd === undefined) return;
    this.#follower.catchUp();
    // What slow clients read only now waited for it meanwhile: that is their latency.
    for (const context of this.#crowd.contexts) if (context.isGood) context.endStage();
    if (this.#isMeasured && !isNextMeasured) this.#health.hold();
    if (!this.#isMeasured && isNextMeasured) this.#health.restart();
    this.#isMeasured = isNextMeasured;
    if (!isNextMeasured) this.#unrest?.end();
    const report = this.#currentReport(this.#crowd);
    this.#host.send({ kind: 'stage', stage: next, lateMs, report });
  }

  /** Reports as soon as it is known of every client whether it could connect. */
  #awaitRamped(): void {
    if (this.#crowd === undefined) return;
    clearTimeout(this.#rampTimer);
    if (this.#crowd.isSettled) {
      this.#host.send({ kind: 'ramped', report: this.#currentReport(this.#crowd) });
    } else this.#rampTimer = setTimeout(() => this.#awaitRamped(), pollMs);
  }

  #endStages(atMs: number): void {
    this.#beginPending?.();
    this.#endStage(this.#begun, false, epochMs() - atMs);
    this.#crowd?.noteSilence();
    this.#crowd?.hurry();
    this.#host.send({ kind: 'newest', newest: this.#crowd?.shared.book.newest() ?? [] });
  }

  /**
   * Waits until all have what they should: `untilMs` at least for what is on its way, and as long again
   * once the last one is back that returns from a storm or a move, which may take until `backByMs`.
   */
  #settle(targets: readonly NewestEvent[], untilMs: number, backByMs: number): void {
    const crowd = this.#crowd;
    if (this.#stopping || crowd === undefined) return;
    const nowMs = epochMs();
    const isReturning = crowd.isReturning && nowMs < backByMs;
    const lastMs = isReturning ? Math.max(untilMs, nowMs + arrivalMs) : untilMs;
    const isDone = () => crowd.isSettled && !isReturning && crowd.hasAll(targets);
    if (nowMs < lastMs && !isDone()) {
      setTimeout(() => this.#settle(targets, lastMs, backByMs), pollMs);
      return;
    }
    crowd.close(targets);
    const mayBeLate = ({ isGood, ledger }: ClientContext) =>
      isGood && ledger.counts().lostAtEnd > 0;
    if (crowd.contexts.some(mayBeLate)) this.#health.countStallsSince();
    // What comes for them while slow clients read belongs to no run any more.
    if (crowd.isReadingOut) crowd.dismiss();
    this.#awaitReadOut(crowd);
  }

  #awaitReadOut(crowd: Crowd): void {
    if (this.#stopping) return;
    if (crowd.isReadingOut) setTimeout(() => this.#awaitReadOut(crowd), pollMs);
    else this.#host.send({ kind: 'settled' });
  }

  async #stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#follower.stop();
    this.#unrest?.end();
    clearTimeout(this.#stageTimer);
    clearTimeout(this.#rampTimer);
    clearInterval(this.#reportTimer);
    clearInterval(this.#heartbeatTimer);
    // Before the sockets close, which takes its time: `active` is what was open at the end.
    if (this.#crowd !== undefined) {
      this.#crowd.noteSilence();
      this.#crowd.endReadOut();
      this.#host.send({ kind: 'final', report: this.#currentReport(this.#crowd, true) });
    }
    await this.#crowd?.stop();
    this.#host.send({ kind: 'closed' });
  }

  #report(): void {
    if (this.#crowd === undefined) return;
    for (const { ledger } of this.#crowd.contexts) ledger.lookBack(epochMs());
    this.#host.send({ kind: 'report', report: this.#currentReport(this.#crowd) });
  }

  #currentReport(crowd: Crowd, isLast = false): WorkerReport {
    return workerReport(crowd, this.#health.sample(), isLast);
  }
}
