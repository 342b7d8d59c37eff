/** Lets the clients of a worker come and go when the stages say so. */

import { Changes, type Stage } from '../plan/timeline.ts';
import { epochMs } from '../run-clock.ts';

/** What is done at the time of a change; times are milliseconds since 1970. */
interface Actions {
  readonly come: (client: number, plannedMs: number) => void;
  readonly go: (client: number) => void;
  /** Called when nothing is left to do, at the end of each stage's changes. */
  readonly idle: () => void;
}

interface Begun {
  readonly stage: Stage;
  readonly changes: Changes;
  readonly startAtMs: number;
}

/** Changes made in one go before sockets get a turn. */
const maxChangesPerTurn = 50;
/** The clocks that end a stage, here and in the parent, may be apart by this much. */
const toleranceMs = 5;

/** An open model: clients come when they are due, however long the others take. */
export class StageFollower {
  readonly #actions: Actions;
  /** Stages that have changes left, the oldest first: a worker that lags does all of them. */
  readonly #begun: Begun[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isStopped = false;

  constructor(actions: Actions) {
    this.#actions = actions;
  }

  /** Follows a stage, after those that it was told of before; `startAtMs` is since 1970. */
  begin(stage: Stage, startAtMs: number, worker: number, workers: number): void {
    this.#begun.push({ stage, changes: new Changes(stage, worker, workers), startAtMs });
    if (!this.#isRunning) this.#run();
  }

  /** Makes the changes that are due by now, before another stage begins or the last one has ended. */
  catchUp(): void {
    for (let made = 0; made < maxChangesPerTurn; made++) {
      if (this.#makeNext(epochMs() + toleranceMs) !== 0) return;
    }
  }

  /** Nobody comes or goes any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #run(): void {
    if (this.#isStopped) return;
    this.#isRunning = true;
    for (let made = 0; made < maxChangesPerTurn; made++) {
      const waitMs = this.#makeNext(epochMs());
      if (waitMs === 0) continue;
      this.#isRunning = waitMs !== undefined;
      if (waitMs === undefined) this.#actions.idle();
      else this.#timer = setTimeout(() => this.#run(), waitMs);
      return;
    }
    setImmediate(() => this.#run());
  }

  /** Makes the next change; returns how long it is until it is due, undefined without any. */
  #makeNext(nowMs: number): number | undefined {
    for (let begun = this.#begun[0]; begun !== undefined; begun = this.#begun[0]) {
      const { stage, changes, startAtMs } = begun;
      const change = changes.next;
      if (change === undefined) {
        this.#begun.shift();
        continue;
      }
      const plannedMs = startAtMs + change.atMs;
      const waitMs = plannedMs - nowMs;
      if (waitMs > 0) return waitMs;
      changes.advance();
      if (stage.kind === 'ramp') this.#actions.come(change.client, plannedMs);
      else this.#actions.go(change.client);
      return 0;
    }
    return undefined;
  }
}
