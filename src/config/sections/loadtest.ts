/** Settings of the load tester, and of the demo that runs one. */
import * as z from 'zod';
import { addressFault } from '../../base/address.ts';
import { address, amount, count, duration, list, text, toggle } from '../fields.ts';
import { parseThresholds } from '../threshold.ts';
import { checkLoadtest } from './loadtest-checks.ts';
import { checkLoad, loadtestLoad } from './loadtest-load.ts';
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

const statusForm = {
  schemes: ['http', 'https'],
  example: 'http://host:port/api/status, or none',
  hasPath: true,
};

/** Nobody waits for longer, and sums of it fit into a timer. */
const maxPatienceMs = 3_600_000;

const maxAgents = 64;

/** A host for ssh, which must not look like one of its options, or `local:4`. */
function isAgent(name: string): boolean {
  return /^(local(:[1-9]\d{0,2})?|(?!-|local:|ssh:\/\/$)\S+)$/.test(name);
}

function agentCount(names: readonly string[]): number {
  return names.reduce((sum, name) => sum + Number(/^local:(\d+)$/.exec(name)?.[1] ?? 1), 0);
}

const settings = z.strictObject({
  ...loadtestTarget,
  ...loadtestLoad,
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
  agentSilenceMs: duration({ min: 1_000, max: maxPatienceMs })
    .prefault('10s')
    .describe('an agent that says nothing for this long is lost'),
  connectAttempts: count({ min: 1, max: 1_000 })
    .prefault(3)
    .describe('how often a client that could not get in tries, in all; see --connect-retry'),
  connectRetry: z
    .enum(['invited', 'any'], { error: 'expected invited or any' })
    .prefault('invited')
    .describe('when it tries again: only when the server asks it to come back, or on any error'),
  backoffBaseMs: duration({ min: 1, max: maxPatienceMs })
    .prefault('250ms')
    .describe(
      'first wait before another attempt, doubled each time, of which a random part is taken',
    ),
  backoffMaxMs: duration({ min: 1, max: maxPatienceMs })
    .prefault('2s')
    .describe('longest wait before another attempt, besides what the server asks for'),
  reconnectAttempts: count()
    .prefault(60)
    .describe(
      'how often a client that lost its connection tries again; 0 never (after a --storm all try once)',
    ),
  connectTimeoutMs: duration({ min: 10, max: maxPatienceMs })
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
  publisherUrl: address({ schemes: ['http', 'https'], example: 'http://host:port' })
    .optional()
    .describe('control API of the publisher, asked how many events it published'),
  statusUrl: z
    .union([z.literal('none'), address(statusForm)], {
      error: ({ input }) =>
        addressFault(String(input), statusForm) ?? 'expected an address, or none',
    })
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
      abort: true,
    })
    .refine((address) => Number(/\d+$/.exec(address)?.[0]) <= 65_535, {
      error: 'ports end at 65535',
    })
    .optional()
    .describe('where to serve metrics of the run while it lasts; without a host on the loopback')
    .meta({ value: '<[host]:port>' }),
  reportIntervalMs: duration({ min: 100, max: maxPatienceMs })
    .prefault('1s')
    .describe('period of the progress line'),
  seed: count().prefault(1).describe('seed of the random subscriptions'),
});

/** Section `loadtest`. */
export const loadtest = settings.superRefine(checkLoadtest).superRefine(checkLoad);

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
