/** The work of one worker process: ramps its clients up, holds them, settles, reports, stops. */
import { createPacer, type Pacer } from '../base/pacer.ts';
import type { ProcessUsage } from '../host/child.ts';
import type { NewestEvent } from './channel-book.ts';
import { ClientContext, epochMs, putClockBack } from './client-context.ts';
import { Cursor, SubscriptionSet } from './cursor.ts';
import { channelsOf, clientsOf, plannedOffsetMs } from './plan.ts';
import { subscribeFrame } from './resume.ts';
import { VirtualClient } from './virtual-client.ts';
import { WorkerHealthMeter } from './worker-health.ts';
import type { Assignment, FromWorker, ToWorker } from './worker-messages.ts';
import { workerReport } from './worker-report.ts';

/** What a session needs of its process. */
export interface SessionHost {
  readonly send: (message: FromWorker) => void;
  readonly usage: () => ProcessUsage;
}

/** Clients started in one go before sockets get a turn. */
const maxStartsPerTurn = 50;
const pollMs = 20;
/** How long clients may take to say goodbye. */
const goodbyeMs = 1_000;
/** One client after the other asks the server for its time; each is allowed far more. */
const heartbeatMs = 500;

/** One run in a worker. */
export class WorkerSession {
  readonly #host: SessionHost;
  readonly #health: WorkerHealthMeter;
  readonly #clients: VirtualClient[] = [];
  #context: ClientContext | undefined;
  #pacer: Pacer | undefined;
  #started = 0;
  #rampTimer: NodeJS.Timeout | undefined;
  #reportTimer: NodeJS.Timeout | undefined;
  #heartbeatTimer: NodeJS.Timeout | undefined;
  #heartbeats = 0;
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
      case 'hold':
        return this.#hold();
      case 'end-hold':
        return this.#endHold();
      case 'settle':
        return this.#settle(message.targets, epochMs() + message.withinMs);
      case 'stop':
        return this.#stop();
    }
  }

  #start({ config, target, worker, workers, startAtMs, clockAheadMs }: Assignment): void {
    putClockBack(clockAheadMs);
    const { protocol: version, rampRate } = config;
    const context = new ClientContext({ ...config, target, version, workers });
    this.#context = context;
    const shapes = new Map<string, { set: SubscriptionSet; frame: Buffer }>();
    for (const number of clientsOf(worker, workers, config.connections)) {
      const channels = channelsOf(number, config);
      const key = channels.join();
      const shape = shapes.get(key) ?? {
        set: new SubscriptionSet(channels, context.book),
        frame: subscribeFrame(channels),
      };
      shapes.set(key, shape);
      this.#clients.push(new VirtualClient(new Cursor(number, shape.set), shape.frame, context));
    }
    this.#pacer = createPacer(rampRate / workers, startAtMs + plannedOffsetMs(worker, rampRate));
    this.#reportTimer = setInterval(() => this.#report(), config.reportIntervalMs);
    this.#heartbeatTimer = setInterval(() => this.#askForTime(), heartbeatMs);
    this.#health.restart();
    this.#ramp(context, this.#pacer);
  }

  /** An open model: clients start when they are due, however long the others take. */
  #ramp(context: ClientContext, pacer: Pacer): void {
    if (this.#stopping) return;
    const left = this.#clients.length - this.#started;
    const due = pacer.take(epochMs(), Math.min(left, maxStartsPerTurn));
    for (let back = due - 1; back >= 0; back--) {
      this.#clients[this.#started++]?.start(pacer.plannedMs(back));
    }
    if (this.#started < this.#clients.length) {
      const waitMs = pacer.waitMs(epochMs());
      if (waitMs === 0) setImmediate(() => this.#ramp(context, pacer));
      else this.#rampTimer = setTimeout(() => this.#ramp(context, pacer), waitMs);
    } else {
      this.#awaitSettled(context);
    }
  }

  /** Reports as soon as it is known of every client whether it could connect. */
  #awaitSettled(context: ClientContext): void {
    if (context.counters.settled >= this.#clients.length) this.#report();
    else this.#rampTimer = setTimeout(() => this.#awaitSettled(context), pollMs);
  }

  /** One client asks, the next one that is open, so that all of them are heard of. */
  #askForTime(): void {
    for (let tries = 0; tries < this.#clients.length; tries++) {
      if (this.#clients[this.#heartbeats++ % this.#clients.length]?.askForTime()) return;
    }
  }

  #hold(): void {
    this.#health.restart();
    if (this.#context !== undefined) this.#context.measuring = true;
  }

  #endHold(): void {
    this.#health.hold();
    this.#report();
    if (this.#context !== undefined) this.#context.measuring = false;
    this.#host.send({ kind: 'newest', newest: this.#context?.book.newest() ?? [] });
  }

  #settle(targets: readonly NewestEvent[], untilMs: number): void {
    if (this.#stopping || this.#context === undefined) return;
    const { ledger } = this.#context;
    const cursors = this.#clients.map(({ cursor }) => cursor);
    if (epochMs() < untilMs && !ledger.hasAll(cursors, targets)) {
      setTimeout(() => this.#settle(targets, untilMs), pollMs);
      return;
    }
    ledger.closeTail(cursors, targets);
    this.#host.send({ kind: 'settled' });
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    clearTimeout(this.#rampTimer);
    clearInterval(this.#reportTimer);
    clearInterval(this.#heartbeatTimer);
    // Before the sockets close, which takes its time: `active` is what was open at the end.
    if (this.#context !== undefined) {
      this.#host.send({ kind: 'final', report: this.#currentReport(this.#context, true) });
    }
    for (const client of this.#clients) client.stop();
    this.#awaitClosed(epochMs() + goodbyeMs, () => this.#host.send({ kind: 'closed' }));
  }

  #awaitClosed(untilMs: number, done: () => void): void {
    const open = this.#clients.filter((client) => client.connected);
    if (open.length === 0) return done();
    if (epochMs() >= untilMs) {
      for (const client of open) client.destroy();
      return done();
    }
    setTimeout(() => this.#awaitClosed(untilMs, done), pollMs);
  }

  #report(): void {
    if (this.#context === undefined) return;
    this.#context.ledger.lookBack(epochMs());
    this.#host.send({ kind: 'report', report: this.#currentReport(this.#context) });
  }

  #currentReport(context: ClientContext, isLast = false) {
    return workerReport(context, this.#health.sample(), isLast);
  }
}
