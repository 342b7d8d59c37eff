/** Flags of a load test that can do nothing beside the other settings, or the contrary of them. */
import { formatDuration } from '../base/units.ts';
import { givenIn, isNearer } from './contradictions.ts';
import { clientKinds, parseChurn, parseStages, parseStorm, stormsIn } from './load-shape.ts';
import type { Config } from './schema.ts';

type LoadTest = Config['loadtest'];

interface Dependent {
  readonly names: readonly (keyof LoadTest)[];
  readonly has: (settings: LoadTest) => boolean;
  /** What it fails to do; default: anything. */
  readonly fails?: string;
  readonly needs: string;
}

/** Which settings of a load test need others to have an effect. */
export const dependents: readonly Dependent[] = [
  {
    names: ['tokens', 'profiles'],
    has: ({ mix }) => mix.length > 0,
    needs: 'without --mix: it is of the clients of a mix; others want --channels',
  },
  {
    names: ['channelsPerClient'],
    has: ({ subscriptionMode }) => subscriptionMode === 'random',
    needs: 'without --subscription-mode random',
  },
  {
    names: ['halfOpenMode'],
    has: ({ halfOpenPercent }) => halfOpenPercent > 0,
    needs: 'without --half-open',
  },
  {
    names: ['slowReadOutMs'],
    has: ({ slowPercent }) => slowPercent > 0,
    needs: 'without --slow',
  },
  {
    names: ['searchMax', 'searchTrialMs', 'searchResolution', 'searchTimeMs'],
    has: ({ findMax }) => findMax !== undefined,
    needs: 'without --find-max: it is of a search',
  },
  {
    names: ['slowPercent'],
    has: (settings) => settings.slowPercent === 0 || clientKinds(settings).slow > 0,
    needs: 'with so few clients: its share of them is none',
  },
  {
    names: ['halfOpenPercent'],
    has: (settings) => settings.halfOpenPercent === 0 || clientKinds(settings).halfOpen > 0,
    needs: 'with so few clients: its share of them is none',
  },
  {
    names: ['durationMs', 'rampDurationMs', 'rampDownMs'],
    has: ({ findMax }) => findMax === undefined,
    needs: 'with --find-max: --trial says how long to measure, --ramp-rate how fast clients come',
  },
  {
    names: ['storm'],
    has: (settings) => {
      const storm = parseStorm(settings.storm ?? '');
      return storm === undefined || stormsIn(storm, measuredMs(settings)) > 0;
    },
    needs:
      'in a run that is over before the first storm: raise --duration, or the lengths of stages',
  },
  {
    names: ['churn'],
    has: (settings) => firstDropMs(settings) < measuredMs(settings),
    needs: 'in a run that is over before the first channel is dropped: raise its rate',
  },
  {
    names: ['churn'],
    has: (settings) =>
      firstDropMs(settings) >= measuredMs(settings) ||
      firstDropMs(settings) + (churnOf(settings)?.awayMs ?? 0) < longestStayMs(settings),
    fails: 'takes no channel back',
    needs: 'in a run that is over before the first was away for so long: 5/s:1s is for a second',
  },
  {
    names: ['agentSilenceMs'],
    has: ({ agents }) => agents.length > 0,
    needs: 'without --agents',
  },
  {
    names: ['agentCommand', 'sshCommand'],
    has: ({ agents }) => agents.some((name) => !/^local(:|$)/.test(name)),
    needs: 'without --agents on other machines: local ones are this odin',
  },
];

/** How long clients are disturbed without a break; whatever is wrong with stages is told elsewhere. */
function measuredMs({ findMax, stages, durationMs, searchTrialMs }: LoadTest): number {
  if (findMax !== undefined) return searchTrialMs;
  const parsed = parseStages(stages);
  if (stages.length === 0 || typeof parsed === 'string') return durationMs;
  return parsed.reduce((sum, { lengthMs }) => sum + lengthMs, 0);
}

/** How long clients may be there since then: they take back what they dropped also when it is calm. */
function longestStayMs(settings: LoadTest): number {
  if (settings.findMax !== undefined) return settings.searchTimeMs;
  return measuredMs(settings) + (settings.stages.length > 0 ? 0 : settings.rampDownMs);
}

function churnOf({ churn }: LoadTest) {
  return parseChurn(churn ?? '');
}

function firstDropMs(settings: LoadTest): number {
  return 1_000 / (churnOf(settings)?.perSecond ?? Number.POSITIVE_INFINITY);
}

/** Two settings of one unit: `low` must not be above `high`. */
interface Bound {
  readonly low: keyof LoadTest;
  readonly high: keyof LoadTest;
  /** What `high` is called where nobody gave it. */
  readonly highFlag: string;
  readonly applies: (settings: LoadTest) => boolean;
  readonly why: (low: number, high: number) => string;
}

const bounds: readonly Bound[] = [
  {
    low: 'connections',
    high: 'searchMax',
    highFlag: '--max',
    applies: ({ findMax }) => findMax === 'connections',
    why: (low, high) => `the search begins with ${low} clients, and is to end at ${high}`,
  },
  {
    low: 'backoffBaseMs',
    high: 'backoffMaxMs',
    highFlag: '--backoff-max',
    applies: () => true,
    why: (low, high) =>
      `the first wait (${formatDuration(low)}) is longer than the longest (${formatDuration(high)})`,
  },
];

/**
 * Complaints about settings that nobody would give who knew what they do: origins by path. What
 * stands in a file or in the environment may be meant for another run, so only flags are said to do
 * nothing; of two that cross, the bound has the last word when it comes from a nearer source.
 */
export function idleFlags(
  settings: LoadTest,
  origins: ReadonlyMap<string, string>,
  file: string,
): string[] {
  const givenAs = (name: keyof LoadTest) => givenIn(origins, `loadtest.${name}`, file);
  const idle = dependents
    .filter(({ has }) => !has(settings))
    .flatMap(({ names, fails = 'does nothing', needs }) =>
      names
        .map(givenAs)
        .flatMap((given) => (given?.source === 'flag' ? `${given.name} ${fails} ${needs}` : [])),
    );
  const crossed = bounds.flatMap(({ low, high, highFlag, applies, why }) => {
    const [lowest, highest] = [settings[low] as number, settings[high] as number];
    const [one, other] = [givenAs(low), givenAs(high)];
    if (!applies(settings) || lowest <= highest || one === undefined) return [];
    if (other !== undefined && isNearer(other, one)) return [];
    return [`${one.name} contradicts ${other?.name ?? highFlag}: ${why(lowest, highest)}`];
  });
  return [...idle, ...crossed];
}
