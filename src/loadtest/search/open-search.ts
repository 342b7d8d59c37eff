/** Makes a limit search ready: takes control of the publisher where that is what is changed. */
import { messageOf, OdinError } from '../../base/errors.ts';
import type { Log } from '../../host/log.ts';
import type { Crew } from '../crew.ts';
import { lossesOf } from '../results/bottlenecks.ts';
import type { StageOutcome } from '../results/run-parts.ts';
import type { SearchReport, TrialReport } from '../results/search-report.ts';
import { LostWorker, watchForSilence } from '../workers/silence-watch.ts';
import { LimitSearch } from './limit-search.ts';
import { PublisherRate } from './publisher-rate.ts';
import { ConnectionLevel, type LevelDeps, Population, RateLevel } from './search-level.ts';
import { connectionLevels, rateLevels, type SearchSettings } from './search-plan.ts';

interface OpenDeps extends LevelDeps {
  readonly crew: Crew;
  readonly log: Log;
  readonly onTrial?: (trial: TrialReport) => void;
}

/** A search that may run. Disposing it waits until the publisher has the rate that it had. */
export interface OpenSearch extends AsyncDisposable {
  run(startAtMs: number): Promise<void>;
  readonly report: SearchReport;
  /** The measured stage of each trial. */
  readonly outcomes: readonly StageOutcome[];
}

/** Rejects with a RemoteError when the publisher cannot be controlled. */
export async function openSearch(settings: SearchSettings, deps: OpenDeps): Promise<OpenSearch> {
  const { config, run, pool, crew, log } = deps;
  const lost = new AbortController();
  const signal = AbortSignal.any([deps.signal, lost.signal]);
  const levelDeps = { config, run, pool, signal };
  const population = new Population(levelDeps);
  // Interrupted before it began, a search changes nothing.
  const publisher =
    settings.of === 'rate' && !signal.aborted
      ? await PublisherRate.open(config.publisherUrl ?? '', signal)
      : undefined;
  const level =
    publisher === undefined
      ? new ConnectionLevel(population, crew)
      : new RateLevel(population, publisher, levelDeps);
  const plan =
    publisher === undefined ? connectionLevels(config) : rateLevels(config, publisher.found);
  const search = new LimitSearch({ ...deps, settings, plan, level, population, signal });
  const giveBack = async () => {
    await publisher?.restore().catch((error: unknown) => {
      const hint = error instanceof OdinError ? error.hint : undefined;
      log.error({ hint }, messageOf(error));
    });
  };
  let givenBack: Promise<void> | undefined;
  return {
    async run(startAtMs) {
      const endFor = (why: LostWorker) => {
        lost.abort(why);
        run.endStages();
      };
      const over = new AbortController();
      using _watch = watchForSilence(pool, config, endFor);
      // No level is what it is to be any more: trying it again would be in vain.
      const losses = () => lossesOf(pool.states());
      void pool
        .waitUntil(() => losses().length > 0, over.signal)
        .then((isLost) => isLost && endFor(new LostWorker(losses()[0])));
      try {
        await search.run(startAtMs);
      } finally {
        over.abort();
        // Beside what else has to be done at the end, which after Ctrl-C has to be quick.
        givenBack = giveBack();
      }
    },
    get report() {
      return search.report;
    },
    outcomes: search.outcomes,
    async [Symbol.asyncDispose]() {
      await (givenBack ?? giveBack());
    },
  };
}
