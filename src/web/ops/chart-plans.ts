/** Chart plans: what the operator's charts show of a node, and of each of its shards. */
import type { ShardStatus, StatusReport } from '../../protocol/status-report.ts';
import { count, mebibytes, percent, short, time } from '../numbers.ts';
import type { ChartPlan, Line } from './chart.ts';
import type { StatusSample } from './status-sample.ts';

const colours = ['--first', '--second', '--third', '--fourth'] as const;
/** Shards that have a line of their own; of more, the lowest and the highest are shown. */
const maxShardLines = 3;

type Value = Line['value'];

const line = (name: string, colour: string, value: Value): Line => ({ name, colour, value });
const of = (value: (report: StatusReport) => number | null): Value => {
  return ({ report }) => value(report);
};

type OfShard = (shard: ShardStatus, sample: StatusSample) => number | null;

const slowClients = chart('Slow clients', count, [
  line(
    'behind',
    '--first',
    of(({ connections }) => connections.behind),
  ),
  line(
    'light',
    '--fourth',
    of(({ connections }) => connections.throttled.light),
  ),
  line(
    'medium',
    '--second',
    of(({ connections }) => connections.throttled.medium),
  ),
  line(
    'heavy',
    '--third',
    of(({ connections }) => connections.throttled.heavy),
  ),
]);

/** The charts of a node with so many shards; none is mode single. */
export function chartPlans(shards: number): readonly ChartPlan[] {
  const ofShards = (value: OfShard) => shardLines(shards, value);
  const main = shards > 0 ? 'primary' : 'process';
  const node = shards > 0 ? 'node' : 'process';
  return [
    chart('Connections', count, [
      line(
        'open',
        '--first',
        of(({ connections }) => connections.current),
      ),
      ...ofShards(({ connections }) => connections),
    ]),
    chart('Messages per second', short, [
      line('delivered', '--first', (sample) => sample.deliveredPerSecond),
      ...ofShards(({ shard }, { shardPerSecond }) => shardPerSecond[shard] ?? null),
    ]),
    chart('Events per second', short, [
      line('from the broker', '--first', (sample) => sample.ingestedPerSecond),
    ]),
    chart('Latency, from event to write', time, [
      line('p50', '--first', (sample) => sample.p50Ms),
      line('p99', '--second', (sample) => sample.p99Ms),
    ]),
    chart('Lag behind the broker', count, [
      line(
        'records',
        '--first',
        of(({ broker }) => broker.lag_records),
      ),
    ]),
    chart('CPU', percent, [
      line(
        node,
        '--first',
        of(({ guard }) => guard.cpu_percent),
      ),
      ...ofShards(({ cpu_percent }) => cpu_percent),
    ]),
    chart('Memory', mebibytes, [
      line(
        main,
        '--first',
        of(({ process: { memory_bytes } }) => memory_bytes),
      ),
      ...ofShards(({ memory_bytes }) => memory_bytes),
    ]),
    slowClients,
  ];
}

function chart(title: string, format: ChartPlan['format'], lines: readonly Line[]): ChartPlan {
  return { title, format, lines, leastStep: 1 };
}

function shardLines(shards: number, value: OfShard): readonly Line[] {
  const all = Array.from({ length: shards }, (_, shard) => shard);
  const readOf = (sample: StatusSample, at: number) => {
    const shard = sample.report.shards[at];
    return shard === undefined ? null : value(shard, sample);
  };
  if (shards <= maxShardLines) {
    return all.map((shard) =>
      line(`shard ${shard}`, colours[shard + 1] as string, (sample) => readOf(sample, shard)),
    );
  }
  const extreme = (pick: (...values: number[]) => number): Value => {
    return (sample) => {
      const known = all.map((shard) => readOf(sample, shard)).filter((one) => one !== null);
      return known.length === 0 ? null : pick(...known);
    };
  };
  return [
    line('lowest shard', '--fourth', extreme(Math.min)),
    line('highest shard', '--second', extreme(Math.max)),
  ];
}
