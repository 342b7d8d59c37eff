/** Lets clients of a worker drop channels and take them back, at a steady rate over all workers. */
import { createRandom } from '../../base/random.ts';
import { type Churn, parseChurn } from '../../config/load-shape.ts';
import { epochMs } from '../run-clock.ts';
import type { Assignment } from '../workers/worker-messages.ts';
import type { Crowd } from './crowd.ts';

/** Turns that come closer to each other are taken at once: each one looks at all clients. */
const minWaitMs = 20;

/** Takes the turns of one worker: of all turns of the run, every `workers`-th. */
export class Turnover {
  readonly #crowd: Crowd;
  readonly #churn: Churn | undefined;
  readonly #worker: number;
  readonly #workers: number;
  readonly #random;
  #timer: NodeJS.Timeout | undefined;

  constructor(crowd: Crowd, { config, worker, workers }: Assignment) {
    this.#crowd = crowd;
    this.#churn = config.churn === undefined ? undefined : parseChurn(config.churn);
    this.#worker = worker;
    this.#workers = workers;
    this.#random = createRandom(config.seed ^ Math.imul(worker + 1, 0x9e3779b1));
  }

  /** Turns begin at `atMs` since 1970. */
  begin(atMs: number): void {
    if (this.#churn !== undefined) this.#await(this.#churn, atMs, 0);
  }

  /** Nobody drops anything any more; what was dropped is taken back in its time. */
  end(): void {
    clearTimeout(this.#timer);
  }

  /** `taken` turns are over. */
  #await(churn: Churn, startAtMs: number, taken: number): void {
    const dueAtMs = (turn: number) =>
      startAtMs + ((this.#worker + 1 + turn * this.#workers) * 1_000) / churn.perSecond;
    const waitMs = Math.max(minWaitMs, dueAtMs(taken) - epochMs());
    this.#timer = setTimeout(() => {
      const passed = ((epochMs() - startAtMs) * churn.perSecond) / 1_000 - this.#worker - 1;
      const due = Math.max(taken, Math.floor(passed / this.#workers) + 1);
      if (due > taken) this.#crowd.churn(due - taken, churn.awayMs, this.#random);
      this.#await(churn, startAtMs, due);
    }, waitMs);
  }
}
