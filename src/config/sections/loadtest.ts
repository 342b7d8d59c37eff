/** Settings of the load tester, and of the demo that runs one. */
import * as z from 'zod';
import { amount, count, duration, list, text, toggle } from '../fields.ts';
import { loadPresetNames } from '../load-presets.ts';
import { parseStages } from '../load-shape.ts';
import { parseThresholds } from '../threshold.ts';
import { checkLoadtest } from './loadtest-checks.ts';
import { searchFields } from './loadtest-search.ts';
import { loadtestTarget } from './loadtest-target.ts';

/** Conditions; a text is one, as `&` joins several. */
const thresholds = z
  .union([z.array(z.string()), z.string().transform((text) => [text])], {
    error: 'expected a list such as ["latency.p99 < 50ms", "lost == 0"]',
  })
  .superRefine((texts, context) => {
    for (const text of texts) {
      const parsed = parseThresholds(text);
      if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
    }
  });

const maxStages = 100;

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
  return undefined;
}

const maxAgents = 64;

/** A host for ssh, which must not look like one of its options, or `local:4`. */
function isAgent(name: string): boolean {
  return /^(local(:[1-9]\d{0,2})?|(?!-|local:)\S+)$/.test(name);
}

function agentCount(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + Number(/^local:(\d+)$/.exec(name)?.[1] ?? 1), 0);
}

const settings = z.strictObject({
  ...loadtestTarget,
  preset: z
    .enum(loadPresetNames, { error: `expected one of ${loadPresetNames.join(', ')}` })
    .optional()
    .describe('fills in what is given nowhere else; docs/loadtest.md has the numbers'),
  connections: count({ min: 1 })
    .prefault(1_000)
    .describe('clients to open')
    .meta({ env: 'TARGET_CONNECTIONS' }),
  rampRate: amount({ min: 0.1 })
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
  workers: count({ max: 64 })
    .prefault(0)
    .describe('worker processes; 0 chooses by cores and clients'),
  agents: list()
    .refine((names) => names.every(isAgent) && agentCount(names) <= maxAgents, {
      error: `expected hosts such as load1,ssh://me@load2:2222 or local:4, at most ${maxAgents} in all`,
    })
    .prefault('')
    .describe(
      'machines that open the clients: hosts to reach by ssh, or local:4 for processes here',
    )
    .meta({ value: '<host,…>' }),
  agentCommand: text()
    .prefault('odin loadtest agent')
    .describe('what starts an agent on a host')
    .meta({ value: '<command>' }),
  sshCommand: text()
    .prefault('ssh')
    .describe('ssh client and its options, such as "ssh -i key -J gateway"')
    .meta({ value: '<command>' }),
  agentSilenceMs: duration({ min: 1_000 })
    .prefault('10s')
    .describe('an agent that says nothing for this long is lost'),
  connectAttempts: count({ min: 1 })
    .prefault(3)
    .describe('how often a client tries to get in while the server asks it to come back later'),
  reconnectAttempts: count()
    .prefault(60)
    .describe('how often a client that lost its connection tries again; 0 never'),
  connectTimeoutMs: duration({ min: 10 })
    .prefault('10s')
    .describe('how long one client may take to connect'),
  thresholds: thresholds
    .optional()
    .describe('what the run has to meet, such as "latency.p99 < 50ms" or "lost == 0"')
    .meta({ flag: 'threshold', value: '<expression...>' }),
  ...searchFields(thresholds),
  out: list()
    .prefault('')
    .describe('files to write the report to: .json, .html, .xml (JUnit), .csv (course), .md')
    .meta({ value: '<file,…>' }),
  publisherUrl: z
    .url({ protocol: /^https?$/, error: 'expected http://host:port' })
    .optional()
    .describe('control API of the publisher, asked how many events it published')
    .meta({ value: '<url>' }),
  statusUrl: z
    .union([
      z.literal('none'),
      z.url({ protocol: /^https?$/, error: 'expected http://host:port/api/status, or none' }),
    ])
    .optional()
    .describe('where the server tells its counts; unset takes /api/status of the host in --url')
    .meta({ value: '<url>' }),
  adminToken: text()
    .optional()
    .describe('bearer token for the status of a server on another machine')
    .meta({ secret: true }),
  prometheus: text()
    .regex(/^([\w.-]+:|\[[\da-fA-F:]+\]:|:)?\d{1,5}$/, {
      error: 'expected a port, or an address such as :9464 or 0.0.0.0:9464',
    })
    .optional()
    .describe('where to serve metrics of the run while it lasts; without a host on the loopback')
    .meta({ value: '<[host]:port>' }),
  reportIntervalMs: duration({ min: 100 }).prefault('1s').describe('period of the progress line'),
  seed: count().prefault(1).describe('seed of the random subscriptions'),
});

/** Section `loadtest`. */
export const loadtest = settings.superRefine(checkLoadtest);

/** Section `demo`. */
export const demo = z.strictObject({
  connections: count({ min: 1, max: 5_000 }).prefault(200).describe('clients to open'),
  rate: amount({ min: 0.1, max: 50_000 }).prefault(50).describe('events per second'),
  durationMs: duration({ bareSeconds: true, min: 1_000 })
    .prefault('15s')
    .describe('how long to run'),
  port: count({ max: 65_535 }).prefault(0).describe('port to listen on; 0 takes a free one'),
  keep: toggle().prefault(false).describe('leave everything running until Ctrl-C'),
});
