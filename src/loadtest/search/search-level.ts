/** Brings a run to a level: so many clients, or so many events per second. */
import type { Crew } from '../crew.ts';
import { type LoadTestConfig, longestRampMs } from '../plan/plan.ts';
import type { Stage } from '../plan/timeline.ts';
import type { SearchEnding } from '../results/search-report.ts';
import { epochMs } from '../run-clock.ts';
import type { StageRun } from '../stage-run.ts';
import { totalsOf } from '../workers/totals.ts';
import type { WorkerPool } from '../workers/worker-pool.ts';
import type { PublisherPace, PublisherRate } from './publisher-rate.ts';

/** What was published in a stretch of time. */
export interface Published {
  readonly events: number;
  /** As many as there should have been. */
  readonly due: number;
}

/** How a search changes what it looks for. */
export interface LevelControl {
  /** Brings the run to a level; resolves when all that come have come, and all that go are gone. */
  reach(level: number): Promise<void>;
  /** Begins to count what is published; undefined where nobody is asked. */
  countPublished(): Promise<(() => Promise<Published>) | undefined>;
}

/** What keeps every level from holding, and says nothing about any of them. */
export interface Hindrance {
  readonly why: Extract<SearchEnding, 'server' | 'events'>;
  readonly detail: string;
}

/** What both ways need. */
export interface LevelDeps {
  readonly config: LoadTestConfig;
  readonly run: StageRun;
  readonly pool: WorkerPool;
  readonly signal: AbortSignal;
}

/** How long the last clients of a level that is left may take to say goodbye. */
const goodbyeMs = 5_000;
/** A server notices a closed connection a little later than the client. */
const vacancyMs = 300;
/** A client tells what kept it out once it gave up. */
const answerMs = 1_000;

/** Lets clients come and go; one that comes stays for the higher levels. */
export class Population {
  readonly #deps: LevelDeps;
  #clients = 0;

  constructor(deps: LevelDeps) {
    this.#deps = deps;
  }

  /** Clients that are to be there now. */
  get clients(): number {
    return this.#clients;
  }

  /** Whether nobody is there, and nobody is on the way. */
  get isDeserted(): boolean {
    const { active, away, strayed } = totalsOf(this.#deps.pool.states()).connections;
    return active === 0 && away === strayed;
  }

  /** All go, and the server has time to notice. */
  async leave(): Promise<void> {
    await this.become(0);
    const rest = { name: 'empty', kind: 'hold', from: 0, to: 0, lengthMs: vacancyMs } as const;
    await this.#deps.run.pass(searchStage(rest));
  }

  /**
   * What is wrong however few clients there are: tried with one of each worker, all others being gone,
   * and again for as long as one may take to connect if somebody got in before. With `eventMs`, an
   * event has to come within that time.
   */
  async hindrance(eventMs: number): Promise<Hindrance | undefined> {
    const { config, run, pool, signal } = this.#deps;
    const { opened } = totalsOf(pool.states()).connections;
    const patienceMs = config.connectTimeoutMs + answerMs;
    const untilMs = epochMs() + (opened > 0 ? patienceMs : 0);
    await this.leave();
    for (;;) {
      const stage = run.begun;
      await this.become(pool.states().length, patienceMs);
      const { connections, errors } = run.presentTotals(stage);
      const isIn = connections.opened > 0;
      const hasEvent = () => run.presentTotals(stage).messages.received > 0;
      const isServed = isIn && (eventMs === 0 || (await pool.waitUntil(hasEvent, signal, eventMs)));
      await this.leave();
      if (isServed || signal.aborted) return undefined;
      if (isIn) return { why: 'events', detail: 'is a publisher running on these channels?' };
      const [error] = errors.list();
      const detail = error === undefined ? 'no answer' : `${error.class}: ${error.example}`;
      if (epochMs() >= untilMs) return { why: 'server', detail };
    }
  }

  /**
   * Waits until it is known of all whether they got in, or all that had to go are gone; `withinMs`
   * bounds the first.
   */
  async become(clients: number, withinMs = longestRampMs(0, this.#deps.config)): Promise<void> {
    const { config, run, pool, signal } = this.#deps;
    const from = this.#clients;
    if (clients === from) return;
    this.#clients = clients;
    const lengthMs = (Math.abs(clients - from) * 1_000) / config.rampRate;
    const isUp = clients > from;
    const kind = isUp ? 'ramp' : 'ramp-down';
    await run.pass(searchStage({ name: `to ${clients}`, kind, from, to: clients, lengthMs }));
    const isThere = () => {
      const { opened, failed, active } = totalsOf(pool.states()).connections;
      return isUp ? opened + failed >= run.target : active <= clients;
    };
    await pool.waitUntil(isThere, signal, isUp ? withinMs : goodbyeMs);
  }
}

/** Levels are numbers of clients. */
export class ConnectionLevel implements LevelControl {
  readonly #population: Population;
  readonly #crew: Crew;

  constructor(population: Population, crew: Crew) {
    this.#population = population;
    this.#crew = crew;
  }

  /** Throws a PreflightError when the machines do not allow so many. */
  async reach(level: number): Promise<void> {
    await this.#crew.check(level);
    await this.#population.become(level);
  }

  async countPublished(): Promise<undefined> {
    return undefined;
  }
}

/** Levels are rates of the publisher; the number of clients stays. */
export class RateLevel implements LevelControl {
  readonly #population: Population;
  readonly #publisher: PublisherRate;
  readonly #config: LoadTestConfig;
  readonly #signal: AbortSignal;

  constructor(population: Population, publisher: PublisherRate, deps: LevelDeps) {
    this.#population = population;
    this.#publisher = publisher;
    this.#config = deps.config;
    this.#signal = deps.signal;
  }

  async reach(level: number): Promise<void> {
    await this.#publisher.change(level, this.#signal);
    await this.#population.become(this.#config.connections);
  }

  async countPublished(): Promise<() => Promise<Published>> {
    const before = await this.#paceNow();
    return async () => {
      const after = await this.#paceNow();
      return {
        events: after.published - before.published,
        due: (after.rate * (after.atMs - before.atMs)) / 1_000,
      };
    };
  }

  async #paceNow(): Promise<PublisherPace & { readonly atMs: number }> {
    const pace = await this.#publisher.pace(this.#signal);
    return { ...pace, atMs: epochMs() };
  }
}

/** A stage of a search: it lasts as long as it is told. */
export function searchStage(stage: Omit<Stage, 'awaitsClients' | 'isMeasured'>): Stage {
  return { ...stage, awaitsClients: false, isMeasured: false };
}
