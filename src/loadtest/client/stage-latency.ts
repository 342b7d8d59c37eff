/** Latencies of a worker by stage: each on its own, and those that count for the run together. */
import { Histogram } from '../../base/histogram.ts';
import type { WorkerReport } from '../workers/worker-messages.ts';

/** One histogram is filled at a time, so that a stage's extremes are its own. */
export class StageLatency {
  /** Of the stages that ended and count for the run. */
  readonly #ended = new Histogram();
  #current = new Histogram();
  #isMeasured = false;

  /** The histogram of the stage that begins. */
  begin(isMeasured: boolean): Histogram {
    this.end();
    this.#current = new Histogram();
    this.#isMeasured = isMeasured;
    return this.#current;
  }

  /** The stage is over: what it measured stays. */
  end(): void {
    if (this.#isMeasured) this.#ended.merge(this.#current.snapshot());
    this.#isMeasured = false;
  }

  snapshots(): Pick<WorkerReport, 'latency' | 'stageLatency'> {
    const stageLatency = this.#current.snapshot();
    if (!this.#isMeasured) return { latency: this.#ended.snapshot(), stageLatency };
    const both = new Histogram();
    both.merge(this.#ended.snapshot());
    both.merge(stageLatency);
    return { latency: both.snapshot(), stageLatency };
  }
}
