/** Settings of the load tester that say who comes when, wants what, and misbehaves how. */
import * as z from 'zod';
import { formatCount, formatDuration, maxTimerMs } from '../../base/units.ts';
import { contradiction } from '../contradictions.ts';
import { amount, bytes, count, duration, list, percent, text } from '../fields.ts';
import { loadPresetNames } from '../load-presets.ts';
import {
  allProfiles,
  areTokens,
  builtInProfiles,
  type LoadProfile,
  parseMix,
  profileFault,
} from '../load-profiles.ts';
import {
  clientKinds,
  mostDrops,
  parseChurn,
  parseStages,
  parseStorm,
  type Stay,
} from '../load-shape.ts';
import { graceFault, scopeFault, scopeOf } from '../threshold.ts';

const maxStages = 100;
/** More than any machine has ports for, and few enough to reckon with. */
const maxClients = 9_999_999;
/** More than any machine can open: what means "all at once" fits. */
const maxRampRate = 1_000_000;
/** Nobody waits longer for the end of a run. */
const maxReadOutMs = 3_600_000;

const stages = list().superRefine((texts, context) => {
  const parsed = parseStages(texts);
  const message = typeof parsed === 'string' ? parsed : stageFault(parsed);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

function stageFault(parsed: Exclude<ReturnType<typeof parseStages>, string>): string | undefined {
  if (parsed.length > maxStages) return `expected at most ${maxStages} stages`;
  if (parsed.length > 0 && parsed.every(({ clients }) => clients === 0)) {
    return 'no stage has any clients';
  }
  if (parsed.length > 0 && parsed.every(({ lengthMs }) => lengthMs === 0)) {
    return 'no stage takes any time';
  }
  if (parsed.reduce((sum, { lengthMs }) => sum + lengthMs, 0) > maxTimerMs) {
    return 'expected less than 596h (24 days) in all';
  }
  return undefined;
}

const profile = z.strictObject({
  bundle: text().optional(),
  tokensPerClient: count({ min: 1 }).optional(),
  channels: list().optional(),
});

/** In a file as it is, elsewhere as JSON. */
const profiles = z
  .union([z.record(z.string(), profile), jsonText().pipe(z.record(z.string(), profile))], {
    error: 'expected profiles such as {"whale": {"bundle": "TRADING", "channels": ["*.trade"]}}',
  })
  .superRefine((own, context) => {
    for (const [name, given] of Object.entries(own)) {
      const message = profileFault(name, given);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    }
  });

function jsonText() {
  return z.string().transform((given, context): unknown => {
    try {
      return JSON.parse(given);
    } catch {
      context.issues.push({ code: 'custom', input: given, message: 'expected JSON' });
      return z.NEVER;
    }
  });
}

/** Fields of section `loadtest`. */
export const loadtestLoad = {
  preset: z
    .enum(loadPresetNames, { error: `expected one of ${loadPresetNames.join(', ')}` })
    .optional()
    .describe('fills in what is given nowhere else; docs/loadtest.md has the numbers'),
  connections: count({ min: 1, max: maxClients })
    .prefault(1_000)
    .describe('clients to open')
    .meta({ env: 'TARGET_CONNECTIONS' }),
  rampRate: amount({ min: 0.1, max: maxRampRate })
    .prefault(500)
    .describe('clients to open per second')
    .meta({ env: 'RAMP_RATE' }),
  rampDurationMs: duration({ bareSeconds: true })
    .optional()
    .describe('time over which to open the clients, instead of a rate'),
  durationMs: duration({ bareSeconds: true, min: 100 })
    .prefault('30s')
    .describe('how long to hold all clients once they are open')
    .meta({ env: 'DURATION' }),
  rampDownMs: duration({ bareSeconds: true })
    .prefault('0s')
    .describe('time over which clients go at the end; with 0s all go at once'),
  stages: stages
    .prefault('')
    .describe(
      'instead of ramp and hold: 60s:1000 takes 60s to come to 1000 clients; the same number ' +
        'holds, a lower one closes; name=60s:1000 names it',
    )
    .meta({ flag: 'stage', value: '<length:clients,…>' }),
  channels: list()
    .refine((names) => names.length > 0, {
      error: 'expected channels such as BTC.trade,ETH.* or *.trade',
    })
    .prefault('BTC.trade,ETH.trade,SOL.trade,ODIN.trade,DOGE.trade')
    .describe('channels to subscribe to')
    .meta({ env: 'CHANNELS' }),
  subscriptionMode: z
    .enum(['all', 'single', 'random'], { error: 'expected all, single or random' })
    .prefault('all')
    .describe('each client takes all channels, one in turn, or some at random')
    .meta({ env: 'SUBSCRIPTION_MODE' }),
  channelsPerClient: count({ min: 1 })
    .prefault(3)
    .describe('channels of each client in random mode')
    .meta({ env: 'CHANNELS_PER_CLIENT' }),
  mix: list()
    .prefault('')
    .describe('kinds of clients and their shares, such as trader=70,dashboard=20,social=10')
    .meta({ value: '<profile=share,…>' }),
  profiles: profiles
    .optional()
    .describe(
      `profiles of your own for --mix; built in are ${Object.keys(builtInProfiles).join(', ')}`,
    )
    .meta({ value: '<json>' }),
  tokens: list()
    .refine(areTokens, { error: 'expected token symbols such as BTC,ETH' })
    .prefault('BTC,ETH,SOL,ODIN,DOGE')
    .describe('tokens that clients of a mix are interested in'),
  slowPercent: percent()
    .prefault('0%')
    .describe('share of clients that read too slowly, or not at all')
    .meta({ flag: 'slow', value: '<percent>' }),
  slowReadBytes: bytes()
    .prefault(0)
    .describe('bytes per second that slow clients read; 0 stops them once they are in')
    .meta({ flag: 'slow-read' }),
  slowReadOutMs: duration({ max: maxReadOutMs })
    .prefault('30s')
    .describe('how long slow clients may read on at their end, as long as there is more')
    .meta({ flag: 'slow-read-out' }),
  halfOpenPercent: percent()
    .prefault('0%')
    .describe('share of clients that are no good: see --half-open-mode')
    .meta({ flag: 'half-open', value: '<percent>' }),
  halfOpenMode: z
    .enum(['unfinished', 'silent', 'both'], { error: 'expected unfinished, silent or both' })
    .prefault('both')
    .describe('they never ask for the upgrade, or never answer pings, or one half each'),
  storm: text()
    .refine((given) => parseStorm(given) !== undefined, {
      error: 'expected interval:percent such as 30s:20% (from 100ms to 24 days)',
    })
    .optional()
    .describe('how often how many clients lose their connection at once: 30s:20%')
    .meta({ value: '<interval:percent>' }),
  churn: text()
    .refine((given) => parseChurn(given) !== undefined, {
      error: 'expected channels per second such as 5/s, or 5/s:250ms (at most 10000/s, away 1h)',
    })
    .optional()
    .describe('how many channels clients drop per second, and for how long: 5/s:1s')
    .meta({ value: '<rate/s:time>' }),
};

/** What {@link checkLoad} looks at. */
interface Checked {
  readonly connections: number;
  readonly stages: readonly string[];
  readonly rampDownMs: number;
  readonly mix: readonly string[];
  readonly profiles?: Readonly<Record<string, LoadProfile>> | undefined;
  readonly protocol: 'v1' | 'v2' | 'raw';
  readonly slowPercent: number;
  readonly slowReadBytes: number;
  readonly halfOpenPercent: number;
  readonly thresholds?: readonly string[] | undefined;
  readonly durationMs: number;
  readonly findMax?: string | undefined;
  readonly searchTrialMs: number;
  readonly churn?: string | undefined;
  readonly storm?: string | undefined;
}

/** Complains about settings that do not go together. */
export function checkLoad(settings: Checked, context: z.core.$RefinementCtx): void {
  const { mix, slowPercent, thresholds = [] } = settings;
  const complain = (path: string, message: string) =>
    context.addIssue({ code: 'custom', path: [path], message, params: contradiction });
  const parts = parseMix(mix, allProfiles(settings.profiles));
  if (typeof parts === 'string') complain('mix', parts);
  else if (mix.length > 0 && settings.protocol === 'raw') {
    complain('mix', 'its profiles are channels of odin, which --protocol raw knows nothing of');
  }
  if (settings.slowReadBytes > 0 && slowPercent === 0) {
    complain('slowReadBytes', 'makes sense with --slow only');
  }
  const { all, good } = clientKinds(settings);
  if (all > 0 && good < 1) {
    const name = slowPercent > 0 ? 'slowPercent' : 'halfOpenPercent';
    complain(name, `of ${all} clients nobody is left to measure with: all misbehave on purpose`);
  }
  const excess = churnExcess(settings);
  if (excess !== undefined) complain('churn', excess);
  const names = scopesOf(settings);
  for (const given of thresholds) {
    const fault =
      scopeFault(given, names) ??
      (settings.findMax === undefined ? graceFault(given, lengthOf(given, settings)) : undefined);
    if (fault !== undefined) complain('thresholds', fault);
  }
}

/** Why clients cannot drop as many channels as they are to, whatever the server does; undefined when they may. */
function churnExcess(settings: Checked): string | undefined {
  const churn = parseChurn(settings.churn ?? '');
  // Whoever is back from a storm has all channels again, and one to drop at once.
  if (churn === undefined || settings.storm !== undefined) return undefined;
  const { all, good } = clientKinds(settings);
  const stays = staysOf(settings);
  const lengthMs = stays.reduce((sum, stay) => sum + stay.lengthMs, 0);
  const wanted = Math.floor((churn.perSecond * lengthMs) / 1_000);
  const most = Math.ceil((mostDrops(churn, stays) * good) / Math.max(1, all));
  if (most >= wanted) return undefined;
  const where = settings.findMax === undefined ? '' : ' of a first trial';
  return (
    `${formatCount(good)} clients can drop ${formatCount(most)} channels in the ${formatDuration(lengthMs)}${where}, ` +
    `not ${formatCount(wanted)}, as each lacks one at a time, for ${formatDuration(churn.awayMs)}: ` +
    'lower its rate, take more clients, or shorten that time'
  );
}

/** How many clients there are while they are measured; of a search those of its first level. */
function staysOf({ stages, connections, durationMs, findMax, searchTrialMs }: Checked): Stay[] {
  const parsed = parseStages(stages);
  if (stages.length === 0 || typeof parsed === 'string') {
    const lengthMs = findMax === undefined ? durationMs : searchTrialMs;
    return [{ from: connections, to: connections, lengthMs }];
  }
  return parsed.map(({ clients, lengthMs }, at) => {
    return { from: parsed[at - 1]?.clients ?? 0, to: clients, lengthMs };
  });
}

/** What a threshold may be about besides the run as a whole: stages, profiles, and those that misbehave. */
function scopesOf(settings: Checked): string[] {
  const stages = parseStages(settings.stages);
  const parts = parseMix(settings.mix, allProfiles(settings.profiles));
  const ownStages = typeof stages === 'string' ? [] : stages.map(({ name }) => name);
  return [
    ...(ownStages.length > 0
      ? ownStages
      : ['ramp', 'hold', ...(settings.rampDownMs > 0 ? ['ramp-down'] : [])]),
    ...(typeof parts === 'string' ? [] : parts.map((part) => part.profile)),
    ...(settings.slowPercent > 0 ? ['slow'] : []),
    ...(settings.halfOpenPercent > 0 ? ['half-open'] : []),
  ];
}

/** How long that is measured which a threshold is about; a ramp may take longer than planned. */
function lengthOf(threshold: string, { stages, durationMs, rampDownMs }: Checked): number {
  const scope = scopeOf(threshold);
  const parsed = parseStages(stages);
  if (stages.length > 0 && typeof parsed !== 'string') {
    const own = parsed.filter(({ name }) => name === scope);
    return (own.length > 0 ? own : parsed).reduce((sum, { lengthMs }) => sum + lengthMs, 0);
  }
  if (scope === 'ramp') return Number.POSITIVE_INFINITY;
  return scope === 'ramp-down' ? rampDownMs : durationMs;
}
