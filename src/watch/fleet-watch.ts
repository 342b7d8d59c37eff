/** FleetWatch: looks at everything that is watched, again and again, and passes on what it saw. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  FleetSnapshot,
  MetricsReport,
  PublisherReport,
  Sight,
} from '../protocol/fleet-snapshot.ts';
import type { StatusReport } from '../protocol/status-report.ts';
import { Observer, type Subject } from './sight.ts';
import { metricsSubject, nodeSubject, publisherSubject } from './subjects.ts';

/** An answer takes at most this long, in milliseconds; the others do not wait for it. */
const timeoutMs = 3_000;
/** One that answers within this time is not called slow, in milliseconds. */
const leastPatienceMs = 1_000;

/** What is watched, and how often. */
export interface WatchOptions {
  /** At least one. */
  readonly nodes: readonly URL[];
  readonly adminToken: string | undefined;
  readonly publisher: URL | undefined;
  readonly loadtest: URL | undefined;
  readonly intervalMs: number;
  /** How long a look waits for those that are slow; the interval, or a second, unless given. */
  readonly patienceMs?: number;
  readonly signal: AbortSignal;
}

/** Disposing it closes its connections; end the signal before. */
export class FleetWatch implements Disposable {
  readonly #options: WatchOptions;
  readonly #nodes: readonly Looking<StatusReport>[];
  readonly #publisher: Looking<PublisherReport> | undefined;
  readonly #loadtest: Looking<MetricsReport> | undefined;

  #isHurried = false;
  #wake: () => void = () => undefined;

  constructor(options: WatchOptions) {
    const { nodes, adminToken, publisher, loadtest, signal } = options;
    this.#options = options;
    this.#nodes = nodes.map((url) => new Looking(nodeSubject(url, adminToken), signal));
    this.#publisher = publisher && new Looking(publisherSubject(publisher), signal);
    this.#loadtest = loadtest && new Looking(metricsSubject(loadtest), signal);
  }

  /** One look; `sections` are those of the status report that are wanted. */
  async look(sections: readonly string[]): Promise<FleetSnapshot> {
    const query = sections.length === 0 ? '' : `sections=${sections.join(',')}`;
    const { intervalMs, patienceMs = Math.max(intervalMs, leastPatienceMs) } = this.#options;
    const [nodes, publisher, loadtest] = await Promise.all([
      Promise.all(this.#nodes.map((node) => node.look(patienceMs, query))),
      this.#publisher?.look(patienceMs),
      this.#loadtest?.look(patienceMs),
    ]);
    return {
      schemaVersion: 1,
      time_ms: Date.now(),
      nodes,
      publisher: publisher ?? null,
      loadtest: loadtest ?? null,
    };
  }

  /** Looks each interval until the signal ends it; `sections` is asked anew each time. */
  async run(
    sections: () => readonly string[],
    onSnapshot: (snapshot: FleetSnapshot) => Promise<void> | void,
  ): Promise<void> {
    const { intervalMs, signal } = this.#options;
    signal.addEventListener('abort', this.hurry, { once: true });
    let dueMs = performance.now();
    while (!signal.aborted) {
      this.#isHurried = false;
      const snapshot = await this.look(sections());
      if (signal.aborted) return;
      await onSnapshot(snapshot);
      // From when it was due: looks stay an interval apart, but none are made up for.
      dueMs = Math.max(dueMs + intervalMs, performance.now());
      await this.#pause(Math.max(0, dueMs - performance.now()));
      if (this.#isHurried) dueMs = performance.now();
    }
  }

  /** Has the next look come at once. */
  readonly hurry = (): void => {
    this.#isHurried = true;
    this.#wake();
  };

  async #pause(ms: number): Promise<void> {
    if (this.#isHurried) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }

  [Symbol.dispose](): void {
    for (const node of this.#nodes) node[Symbol.dispose]();
    this.#publisher?.[Symbol.dispose]();
    this.#loadtest?.[Symbol.dispose]();
  }
}

/** One subject. A look that takes longer than others wait for shows as slow until it is answered. */
class Looking<Report> implements Disposable {
  readonly #observer: Observer<Report>;
  readonly #subject: Subject<Report>;
  readonly #signal: AbortSignal;
  #current: Promise<Sight<Report>> | undefined;

  constructor(subject: Subject<Report>, signal: AbortSignal) {
    this.#subject = subject;
    this.#signal = signal;
    this.#observer = new Observer(subject);
  }

  async look(patienceMs: number, query = ''): Promise<Sight<Report>> {
    const patience = { timeoutMs, signal: this.#signal };
    this.#current ??= this.#observer.look(patience, query).finally(() => {
      this.#current = undefined;
    });
    const slow: Sight<Report> = {
      url: this.#subject.url.origin,
      state: 'slow',
      problem: `no answer within ${patienceMs} ms`,
      took_ms: null,
      report: null,
    };
    const late = new AbortController();
    const waiting = sleep(patienceMs, slow, { signal: late.signal }).catch(() => slow);
    const sight = await Promise.race([this.#current, waiting]);
    late.abort();
    return sight;
  }

  [Symbol.dispose](): void {
    this.#observer[Symbol.dispose]();
  }
}
