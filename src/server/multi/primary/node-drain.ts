/** NodeDrain: lets the clients of all shards go, within one budget. */
import { performance } from 'node:perf_hooks';
import type { DrainProgress, DrainReason } from '../../clients/drain.ts';
import type { Audit } from '../../reporting/audit.ts';

/** Who lets them go. */
export interface NodeDrainParts {
  readonly budgetMs: number;
  readonly audit: Audit;
  /** Open connections of the node. */
  readonly clients: () => number;
  readonly drainShards: (reason: DrainReason, budgetMs: number) => Promise<void>;
}

/** The node's part of what `Drain` is to one process. */
export class NodeDrain {
  readonly budgetMs: number;
  readonly #parts: NodeDrainParts;
  #running: Promise<void> | undefined;
  #progress: Omit<DrainProgress, 'elapsedMs'> & { startedMs: number } = {
    ...{ reason: 'shutdown', clients: 0, startedMs: 0 },
  };
  /** Clients that did not answer in time, and were cut off. */
  cutOff = 0;

  constructor(parts: NodeDrainParts) {
    this.#parts = parts;
    this.budgetMs = parts.budgetMs;
  }

  /** Undefined while there is no drain. */
  get progress(): DrainProgress | undefined {
    if (this.#running === undefined) return undefined;
    const { reason, clients, startedMs } = this.#progress;
    return { reason, clients, elapsedMs: performance.now() - startedMs };
  }

  /** Resolves when nobody is left. A drain under way is joined. */
  start(reason: DrainReason): Promise<void> {
    if (this.#running !== undefined) return this.#running;
    const { clients, drainShards, budgetMs } = this.#parts;
    this.#progress = { reason, clients: clients(), startedMs: performance.now() };
    this.#running = this.#run(drainShards(reason, budgetMs));
    return this.#running;
  }

  async #run(drained: Promise<void>): Promise<void> {
    const { reason, clients, startedMs } = this.#progress;
    const { audit } = this.#parts;
    if (clients > 0) audit.note('drain', 'drain started', { reason, clients });
    await drained;
    if (clients === 0) return;
    const tookMs = Math.round(performance.now() - startedMs);
    audit.note('drain', 'drain finished', { reason, clients, tookMs, cutOff: this.cutOff });
  }
}
