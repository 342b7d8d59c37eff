/** What disturbs the clients of a worker while they are measured: storms, at the same time in all workers, and churn. */
import { createRandom } from '../../base/random.ts';
import { parseStorm, stormsIn } from '../../config/load-shape.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import { sizeOf } from '../plan/run-size.ts';
import { epochMs } from '../run-clock.ts';
import type { Assignment } from '../workers/worker-messages.ts';
import type { Crowd } from './crowd.ts';
import { Turnover } from './turnover.ts';

/** One per worker. */
export class Unrest {
  readonly #crowd: Crowd;
  readonly #config: LoadTestConfig;
  readonly #turnover: Turnover;
  #timer: NodeJS.Timeout | undefined;
  #startedAtMs: number | undefined;
  #storms = 0;
  /** As planned. */
  readonly #measuredMs: number;

  constructor(crowd: Crowd, assignment: Assignment) {
    this.#crowd = crowd;
    this.#config = assignment.config;
    this.#turnover = new Turnover(crowd, assignment);
    this.#measuredMs = sizeOf(assignment.config)
      .stages.filter(({ isMeasured }) => isMeasured)
      .reduce((sum, { lengthMs }) => sum + lengthMs, 0);
  }

  /** Goes on from `atMs` since 1970, unless it does already. */
  begin(atMs: number): void {
    if (this.#startedAtMs !== undefined) return;
    this.#startedAtMs = atMs;
    this.#turnover.begin(atMs);
    this.#await();
  }

  /** Peace. */
  end(): void {
    this.#startedAtMs = undefined;
    clearTimeout(this.#timer);
    this.#turnover.end();
  }

  #await(): void {
    const storm = parseStorm(this.#config.storm ?? '');
    if (storm === undefined || this.#startedAtMs === undefined) return;
    if (this.#storms >= stormsIn(storm, this.#measuredMs)) return;
    const dueAtMs = this.#startedAtMs + (this.#storms + 1) * storm.everyMs;
    this.#timer = setTimeout(
      () => {
        this.#storms++;
        this.#crowd.storm(storm.percent, createRandom(this.#config.seed + this.#storms));
        this.#await();
      },
      Math.max(0, dueAtMs - epochMs()),
    );
  }
}
