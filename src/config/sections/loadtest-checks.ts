/** Settings of a load test that make no sense together. */
import type * as z from 'zod';
import { normaliseChannel } from '../../events/channel.ts';
import { contradiction } from '../contradictions.ts';
import { parseThresholds, type ThresholdMetric } from '../threshold.ts';
import { lackFor, type Told, toldIn } from '../told.ts';

/** The settings that are looked at. */
interface Checked {
  readonly url: string;
  readonly protocol: 'v1' | 'v2' | 'raw';
  readonly channels: readonly string[];
  readonly messagePaths: readonly string[];
  readonly send?: readonly string[] | undefined;
  readonly replies?: readonly string[] | undefined;
  readonly subprotocols: readonly string[];
  readonly caFile?: string | undefined;
  readonly insecure: boolean;
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
  readonly headers?: readonly string[] | undefined;
  readonly thresholds?: readonly string[] | undefined;
  readonly slo?: readonly string[] | undefined;
  readonly findMax?: 'connections' | 'rate' | undefined;
  readonly storm?: string | undefined;
  readonly churn?: string | undefined;
}

const missing: Readonly<Record<keyof Told, string>> = {
  time: 'can only be told with a time: --message-path ts=…',
  sequence: 'can only be told of numbered events: --message-path seq=…',
  odin: 'can only be told of odin, not with --protocol raw',
};

const openedInSearch =
  'opened counts only the clients that come to a level, not those that are there: ' +
  "say what they have to meet, such as 'failed == 0' or 'connect.success >= 99%'";

/** Adds an issue for each contradiction, at the setting to change. */
export function checkLoadtest(config: Checked, context: z.core.$RefinementCtx<Checked>): void {
  const complain = (name: keyof Checked, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message, params: contradiction });
  const isRaw = config.protocol === 'raw';
  if (!isRaw) {
    for (const name of ['messagePaths', 'send', 'replies', 'subprotocols'] as const) {
      if ((config[name] ?? []).length > 0) complain(name, 'makes sense with --protocol raw only');
    }
    if (!config.channels.every((name) => normaliseChannel(name) !== undefined)) {
      complain('channels', 'expected channels such as BTC.trade,ETH.* or *.trade');
    }
  }
  if (isRaw && config.churn !== undefined) {
    complain(
      'churn',
      'makes sense with odin only: nothing says how to unsubscribe from a raw server',
    );
  }
  if (!config.url.startsWith('wss:')) {
    const message = 'makes sense for wss:// only, and --url is ws://';
    if (config.caFile !== undefined) complain('caFile', message);
    if (config.insecure) complain('insecure', message);
  } else if (config.insecure && config.caFile !== undefined) {
    complain('insecure', 'contradicts --ca: either any certificate is taken, or those it trusts');
  }
  if (config.token !== undefined && config.tokenFile !== undefined) {
    complain('tokenFile', 'there is ODIN_LOADTEST_TOKEN too: give one of them');
  }
  const hasToken = config.token !== undefined || config.tokenFile !== undefined;
  if (hasToken && config.headers?.some((line) => /^authorization:/i.test(line))) {
    complain('headers', 'there is a token too, which is sent as Authorization: give one of them');
  }
  // A search goes by thresholds only where it has nothing of its own to go by.
  const idle = config.findMax !== undefined && config.slo !== undefined ? 'thresholds' : 'slo';
  for (const name of ['thresholds', 'slo'] as const) {
    for (const metric of metricsIn(config[name])) {
      const lack = name === idle ? lackOfFacts(metric, config) : lackOf(metric, config);
      if (lack !== undefined) complain(name, `${metric} ${lack}`);
      else if (metric === 'opened' && config.findMax !== undefined && name !== idle) {
        complain(name, openedInSearch);
      }
    }
  }
}

function metricsIn(texts: readonly string[] = []): ThresholdMetric[] {
  const parsed = texts.map(parseThresholds);
  return parsed.flatMap((read) => (typeof read === 'string' ? [] : read.map((one) => one.metric)));
}

/** Settings that decide what can be measured. */
type Measuring = Parameters<typeof toldIn>[0] & Pick<Checked, 'findMax' | 'storm' | 'churn'>;

/** Why runs with these settings do not measure a metric, and how they would; undefined when they do. */
export function lackOf(metric: ThresholdMetric, config: Measuring): string | undefined {
  return lackOfFacts(metric, config) ?? lackOfUnrest(metric, config);
}

function lackOfFacts(metric: ThresholdMetric, config: Measuring): string | undefined {
  const lack = lackFor(metric, toldIn(config));
  return lack === undefined ? undefined : missing[lack];
}

/** Why nothing can be measured of what clients do in unrest only; undefined when it can. */
function lackOfUnrest(
  metric: ThresholdMetric,
  { findMax, storm, churn }: Measuring,
): string | undefined {
  if (metric.startsWith('return.') && storm === undefined) {
    return findMax === undefined
      ? 'can only be told with storms: --storm 10s:20%'
      : 'can only be told with storms, and a search has none';
  }
  if (metric.startsWith('ack.') && churn === undefined) {
    return 'can only be told where subscriptions change: --churn 5/s';
  }
  return undefined;
}
