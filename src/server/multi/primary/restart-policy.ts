/** RestartPolicy: when a shard that ended is started again, and when that is given up. */
import { backoffMs } from '../../../base/backoff.ts';

/** What is to be done about a shard that ended. */
export type RestartDecision = { readonly retryInMs: number } | 'giveUp';

/** A shard that served for so long was well, whatever ended it, in milliseconds. */
const wellMs = 10_000;
/** Runs in a row that were not well, after which nobody expects the next one to be. */
const maxFailures = 5;
/** After the first failure in a row, which costs no wait. */
const backoff = { baseMs: 1_000, maxMs: 10_000 };

/** One per shard. */
export class RestartPolicy {
  readonly #random: () => number;
  #failures = 0;

  /** `random` gives numbers from 0 to below 1. */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Ends in a row without a run that was well in between. */
  get failures(): number {
    return this.#failures;
  }

  /** A run has ended that served since `servingSinceMs`; undefined when it never got there. */
  exited(nowMs: number, servingSinceMs: number | undefined): RestartDecision {
    const wasWell = servingSinceMs !== undefined && nowMs - servingSinceMs >= wellMs;
    this.#failures = wasWell ? 1 : this.#failures + 1;
    if (this.#failures >= maxFailures) return 'giveUp';
    if (this.#failures === 1) return { retryInMs: 0 };
    return { retryInMs: backoffMs(this.#failures - 2, backoff, this.#random) };
  }
}
