/** What a load test can tell of a server: everything of odin, of others by where to look for it. */
import { parseMessagePaths } from './message-path.ts';
import type { ThresholdMetric } from './threshold.ts';

/** What is known of the events of a server. */
export interface Told {
  /** They have a time: latency can be told. */
  readonly time: boolean;
  /** They are numbered: it can be told what is missing, repeated or out of order. */
  readonly sequence: boolean;
  /** It speaks odin's protocol: what it announces can be told. */
  readonly odin: boolean;
}

/** What has to be known to tell a metric; those that can always be told are not here. */
const needs: Readonly<Partial<Record<ThresholdMetric, keyof Told>>> = {
  lost: 'sequence',
  duplicated: 'sequence',
  reordered: 'sequence',
  missed: 'sequence',
  healed: 'odin',
  unrecovered: 'odin',
  skipped: 'odin',
  unexpected: 'odin',
  seqBreaks: 'odin',
  throttled: 'odin',
  gaps: 'odin',
};

/** The same of metrics like `latency.p99`, by what stands before the dot. */
const timesNeed: Readonly<Record<string, keyof Told>> = { latency: 'time', ack: 'odin' };

/** What is known in a run with these settings. */
export function toldIn(config: {
  readonly protocol: string;
  readonly messagePaths?: readonly string[];
}): Told {
  if (config.protocol !== 'raw') return { time: true, sequence: true, odin: true };
  const paths = parseMessagePaths(config.messagePaths ?? []);
  const has = (fact: 'ts' | 'seq') => typeof paths !== 'string' && paths[fact] !== undefined;
  return { time: has('ts'), sequence: has('seq'), odin: false };
}

/** What is missing to tell a metric; undefined when it can be told. */
export function lackFor(metric: ThresholdMetric, told: Told): keyof Told | undefined {
  const [source = ''] = metric.split('.');
  const need = timesNeed[source] ?? needs[metric];
  return need === undefined || told[need] ? undefined : need;
}
