/** Who watches a run besides its clients: other sides' counts, unread sockets, Prometheus. */
import { toldIn } from '../../config/told.ts';
import type { Log } from '../../host/log.ts';
import type { Sight } from '../machine/limit.ts';
import { readProc } from '../machine/proc.ts';
import { type ReceiveQueue, ReceiveQueueWatch } from '../machine/receive-queue.ts';
import type { LoadTestConfig } from '../plan/plan.ts';
import { mayFallBehind } from '../results/bottlenecks.ts';
import { type Evidence, type Reconciliation, reconcile } from '../truth/reconciliation.ts';
import {
  type ServerCounts,
  type Testimonies,
  type Testimony,
  Witnesses,
} from '../truth/witnesses.ts';
import type { WorkerPlace, WorkerPool } from '../workers/worker-pool.ts';
import { type MetricsEndpoint, startMetricsEndpoint } from './metrics-endpoint.ts';
import type { RunState } from './run-metrics.ts';

/** What observers need of their caller. */
interface ObserverDeps {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly sight?: Partial<Sight>;
  /** Told where the metrics of the run are served, once they are. */
  readonly onMetrics?: (url: string) => void;
  /** Told every two seconds what the server says of itself, or why it does not. */
  readonly onServer?: (said: Testimony<ServerCounts>) => void;
}

const healthMs = 2_000;

/** All observers of one run. */
export class Observers implements AsyncDisposable {
  readonly #config: LoadTestConfig;
  readonly #deps: ObserverDeps;
  readonly #place: WorkerPlace | undefined;
  readonly #witnesses: Witnesses;
  readonly #before: Testimonies;
  #atStop: Testimonies | undefined;
  #queues: ReceiveQueueWatch | undefined;
  #endpoint: MetricsEndpoint | undefined;
  #healthTimer: NodeJS.Timeout | undefined;
  #isOver = false;

  private constructor(
    config: LoadTestConfig,
    place: WorkerPlace | undefined,
    deps: ObserverDeps,
    asked: readonly [Witnesses, Testimonies],
  ) {
    this.#config = config;
    this.#place = place;
    this.#deps = deps;
    [this.#witnesses, this.#before] = asked;
  }

  /** Asks the others for their counts, before the first client. */
  static async call(
    config: LoadTestConfig,
    places: readonly WorkerPlace[],
    deps: ObserverDeps,
  ): Promise<Observers> {
    const witnesses = new Witnesses(config, places[0]?.target.tls, deps.signal);
    return new Observers(config, places[0], deps, [witnesses, await witnesses.before()]);
  }

  /** Watches the run from now on. Rejects with a RemoteError when metrics cannot be served. */
  async begin(look: () => RunState, pool: Pick<WorkerPool, 'states'>): Promise<void> {
    const { log, sight, onMetrics } = this.#deps;
    // What waits in the sockets of agents is to be seen on their machines only.
    if (this.#place !== undefined && this.#place.agent === undefined) {
      const attention = () => {
        if (!look().isMeasured) return 'none';
        return pool.states().some(mayFallBehind) ? 'suspicious' : 'calm';
      };
      const readText = sight?.readText ?? readProc;
      this.#queues = new ReceiveQueueWatch(this.#place.target, attention, readText);
    }
    void this.#tellHealth(this.#before.server);
    if (this.#config.prometheus === undefined) return;
    this.#endpoint = await startMetricsEndpoint(
      this.#config.prometheus,
      look,
      toldIn(this.#config),
    );
    const { url } = this.#endpoint;
    log.info({ url }, 'serving metrics');
    onMetrics?.(url);
  }

  /** Asks until the end, unless there was no answer the first time. */
  async #tellHealth(said: Testimonies['server']): Promise<void> {
    const { onServer } = this.#deps;
    if (onServer === undefined || said === undefined || this.#isOver) return;
    onServer(said);
    if (said === this.#before.server && 'complaint' in said) return;
    this.#healthTimer = setTimeout(async () => {
      await this.#tellHealth(await this.#witnesses.askServer());
    }, healthMs);
  }

  /** Asks again, right before the last counts of the clients are taken. */
  async atStop(): Promise<void> {
    clearTimeout(this.#healthTimer);
    this.#isOver = true;
    this.#atStop = await this.#witnesses.after();
  }

  /** What is known once these are in. */
  async conclude(
    { totals, good }: Pick<Evidence, 'totals' | 'good'>,
    durationMs: number,
  ): Promise<{ reconciliation: Reconciliation; queue: ReceiveQueue | undefined }> {
    const atStop = this.#atStop ?? (await this.#witnesses.after());
    const hasSlow = this.#config.slowPercent > 0;
    const after = { ...atStop, server: await this.#witnesses.askServer() };
    const evidence = { before: this.#before, atStop, after, totals, good, hasSlow, durationMs };
    return { reconciliation: reconcile(evidence), queue: this.#queues?.result };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#healthTimer);
    this.#isOver = true;
    this.#queues?.[Symbol.dispose]();
    await this.#endpoint?.[Symbol.asyncDispose]();
  }
}
