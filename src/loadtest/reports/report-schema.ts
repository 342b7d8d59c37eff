/** The JSON report of a load test as a schema: what is written keeps it, what is read must. */
import * as z from 'zod';
import { configSchema } from '../../config/schema.ts';
import type { LoadTestReport } from '../results/report.ts';
import type { ErrorClass } from '../socket/error-classes.ts';
import { count, countsByCode, figures, ms, percentiles, told, untold } from './figures-schema.ts';
import { faultText, settingFaults } from './report-faults.ts';
import { searchSchema } from './report-schema-search.ts';
import { optionalSettings } from './report-schema-settings.ts';

const percent = z.number().min(0);

const histogram = z
  .object({
    upToMs: z.array(ms).describe('highest value of each group that holds any, ascending'),
    counts: z.array(count).describe('how many values each group holds'),
    minMs: ms,
    maxMs: ms,
    sumMs: ms,
    negative: count,
  })
  .refine(({ upToMs, counts }) => upToMs.length === counts.length, {
    error: 'expected as many counts as groups',
  })
  .refine(({ upToMs }) => upToMs.every((ms, at) => at === 0 || ms > (upToMs[at - 1] ?? 0)), {
    path: ['upToMs'],
    error: 'expected ascending values',
  });

const phaseTimes = z.object({ count, ...percentiles, p90: told, mean: told });

const workerHealth = z.object({
  cpuPercent: percent,
  busyPercent: percent,
  loopDelayP99Ms: ms,
  sustainedDelayMs: ms,
  rssBytes: z.number().min(0),
  gcMs: ms,
  gcPercent: percent,
  longestGcMs: ms,
  stalls: count,
  stalledMs: ms,
  longestStallMs: ms,
});

const point = z.object({
  elapsedMs: ms,
  phase: z.enum(['ramp', 'hold', 'ramp-down', 'settle']),
  active: count,
  opened: count,
  failed: count,
  receivedPerSecond: z.number().min(0),
  lost: untold,
  errorsPerSecond: z.number().min(0),
  latencyP50Ms: ms.nullable(),
  latencyP99Ms: ms.nullable(),
  cpuPercent: percent,
  loopDelayP99Ms: ms,
});

const clock = z.object({
  offsetMs: z.number(),
  uncertaintyMs: ms,
  roundTripMs: ms,
  samples: count,
});

const machine = z.object({
  node: z.string(),
  system: z.string(),
  cpuModel: z.string(),
  cpus: count,
  memoryBytes: z.number().min(0),
});

const agent = z.object({
  name: z.string(),
  machine,
  workers: count,
  clients: count,
  opened: count,
  failed: count,
  active: count,
  received: count,
  lost: untold,
  latencyMs: z.object({ ...percentiles, count }),
  cpuPercent: percent,
  loopDelayP99Ms: ms,
  rssBytes: z.number().min(0),
  clock: clock.nullable().describe('how far its clock is ahead of the coordinator’s'),
  clockCorrectedMs: z.number().describe('what its times were put back by'),
  loss: z.string().nullable().describe('why it was lost during the run'),
  lostAfterMs: z.number().nullable().optional().describe('when, since the start of the run'),
});

const channelCounts = z.object({
  channel: z.string(),
  received: count,
  lost: count,
  duplicated: count,
  reordered: count,
  late: count,
  missed: count,
  healed: count,
  skipped: count,
});

const reconciliation = z
  .object({
    published: count.nullable(),
    ingested: count.nullable(),
    notIngested: count.nullable(),
    delivered: z.object({ atLeast: count, atMost: count }).nullable(),
    spared: count.nullable(),
    otherClients: count.nullable(),
    expected: z.int().nullable(),
    received: count,
    steps: z.array(
      z.object({
        between: z.enum(['published-ingested', 'delivered-received', 'expected-received']),
        difference: z.int(),
        tolerance: count,
        ok: z.boolean(),
        meaning: z.string(),
      }),
    ),
    complaints: z.array(z.string()),
  })
  .describe('null stands for what nobody could be asked for');

const group = z.object({
  name: z.string(),
  measuredMs: ms.optional().describe('length of what its latencies are of'),
  ...figures,
  errors: count,
  closeCodes: countsByCode,
});

const shape = {
  schemaVersion: z.literal(1),
  startedAt: z
    .string()
    .refine((text) => Number.isFinite(Date.parse(text)), {
      error: 'expected a time such as 2026-01-31T12:00:00.000Z',
    })
    .describe('ISO 8601'),
  durationMs: ms,
  holdMs: ms,
  url: z.string(),
  config: z
    .looseObject({
      connections: count,
      rampRate: z.number(),
      durationMs: ms,
      channels: z.array(z.string()),
      subscriptionMode: z.enum(['all', 'single', 'random']),
      channelsPerClient: count,
      protocol: z.enum(['v1', 'v2', 'raw']),
      messagePaths: z.array(z.string()).exactOptional(),
      ...optionalSettings,
    })
    .describe('the settings of the run'),
  ...figures,
  stages: z
    .array(
      z.object({
        name: z.string(),
        kind: z.enum(['ramp', 'hold', 'ramp-down']),
        from: count,
        to: count,
        startMs: ms,
        durationMs: ms,
        ...figures,
        errors: count,
      }),
    )
    .describe('each stage that began, with its own figures'),
  profiles: z.array(group).describe('each profile of a mix'),
  misbehaving: z.array(group).describe('slow and half-open clients, which are in no other figure'),
  returnMs: z
    .object({ ...percentiles, count })
    .describe('from dropping out in a storm until open again'),
  ackMs: z
    .object({ ...percentiles, count })
    .describe('from asking for a change of subscriptions (--churn) until it was acknowledged'),
  phases: z.object({
    dialed: phaseTimes,
    connected: phaseTimes,
    secured: phaseTimes.exactOptional(),
    upgraded: phaseTimes,
    subscribed: phaseTimes.exactOptional(),
    firstEvent: phaseTimes,
  }),
  clock: clock.nullable(),
  errors: z.array(
    z.object({
      class: z.string() as unknown as z.ZodType<ErrorClass, string>,
      phase: z.enum(['connect', 'tls', 'upgrade', 'subscribe', 'open', 'local', 'unknown']),
      cause: z.string(),
      blame: z.enum(['generator', 'network', 'server', 'policy', 'unknown']),
      count,
      example: z.string(),
    }),
  ),
  gaps: z.array(
    z.object({
      connection: count,
      channel: z.string(),
      after: z.number().nullable(),
      got: z.number().nullable(),
      atMs: ms,
      lost: count,
      late: count,
      skipped: count,
      atLeast: z.boolean(),
    }),
  ),
  channels: z.object({ listed: z.array(channelCounts).max(200), omitted: count }),
  reconciliation,
  generator: z.object({
    workers: count,
    cpuPercent: percent,
    loopDelayP99Ms: ms,
    rssBytes: z.number().min(0),
    perWorker: z.array(workerHealth.nullable()),
    receiveQueue: z
      .object({ looks: count, medianBytes: count, maxTotalBytes: count })
      .nullable()
      .describe('bytes that waited in the kernel to be read'),
    bottlenecks: z.array(z.string()),
  }),
  search: searchSchema.exactOptional().describe('what a limit search found'),
  agents: z.array(agent).exactOptional().describe('each agent of a distributed run'),
  server: z.object({ closeCodes: countsByCode }),
  thresholds: z.array(
    z.object({
      expression: z.string(),
      scope: z.string().nullable().describe('stage or kind of clients; null is the whole run'),
      metric: z.string() as unknown as z.ZodType<ThresholdName, string>,
      unit: z.enum(['ms', 'percent', 'perSecond', 'count']),
      observed: z.number().nullable(),
      ok: z.boolean(),
      isBuiltIn: z.boolean(),
      unread: count.optional().describe('events left unread that may decide it: ok is false then'),
    }),
  ),
  machine,
  histograms: z.object({
    latency: histogram,
    connect: histogram,
    return: histogram.optional(),
    ack: histogram.optional(),
    latencyParts: z.array(histogram).max(64).describe('successive parts of the hold phase'),
  }),
  series: z.object({ intervalMs: ms, points: z.array(point).max(3_600) }),
  verdict: z.enum(['pass', 'fail', 'inconclusive', 'interrupted']),
  reasons: z.array(z.string()),
};

type Checked = Omit<LoadTestReport, 'config'>;
type ThresholdName = LoadTestReport['thresholds'][number]['metric'];

/** The type makes the compiler complain about a field of the report that is missing above. */
const reportSchema: z.ZodType<Checked> = z.object(shape).superRefine((report, context) => {
  // A search has passed when it found its answer, whatever did not hold on the way.
  if (report.verdict !== 'pass' || report.search !== undefined) return;
  for (const [at, { ok, expression }] of report.thresholds.entries()) {
    if (ok) continue;
    const message = `${expression} was not met, which contradicts the verdict pass`;
    context.addIssue({ code: 'custom', path: ['thresholds', at], message });
  }
});

/** A JSON value as a report, or what is wrong with it, with the places. */
export function parseReport(
  value: unknown,
): LoadTestReport | { readonly faults: readonly string[] } {
  const parsed = reportSchema.safeParse(value);
  if (parsed.success) {
    const report = value as LoadTestReport;
    // What an older report lacks was as it is by default.
    const { loadtest: defaults } = configSchema.parse({ loadtest: {} });
    const faults = settingFaults(report.config, defaults);
    return faults.length > 0
      ? { faults }
      : { ...report, config: { ...defaults, ...report.config } };
  }
  const { issues } = parsed.error;
  return { faults: issues.map((issue) => faultText(issue, value)) };
}

/** `templates/loadtest-report.schema.json`. What is not named may be there: fields get added. */
export function reportJsonSchema(): object {
  const title = 'Report of odin loadtest';
  return { title, ...z.toJSONSchema(reportSchema, { io: 'input' }) };
}
