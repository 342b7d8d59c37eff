/** Chart plans: what the operator's charts show of a node, and of each of its shards. */
import type { ShardStatus } from '../../protocol/status-report.ts';
import { count, percent, short, time } from '../numbers.ts';
import type { ChartPlan, Line } from './chart.ts';
import type { StatusSample } from './status-sample.ts';

const colours = ['--first', '--second', '--third', '--fourth'] as const;
/** Shards that have a line of their own; of more, the lowest and the highest are shown. */
const maxShardLines = 3;
const mebibyte = 1_048_576;

type Value = Line['value'];
type OfShard = (shard: ShardStatus, sample: StatusSample) => number | null;

const line = (name: string, colour: string, value: Value): Line => ({ name, colour, value });

const slowClients: ChartPlan = {
  title: 'Slow clients',
  format: count,
  lines: [
    line('behind', '--first', ({ report }) => report.connections.behind),
    line('light', '--fourth', ({ report }) => report.connections.throttled.light),
    line('medium', '--second', ({ report }) => report.connections.throttled.medium),
    line('heavy', '--third', ({ report }) => report.connections.throttled.heavy),
  ],
};

/** The charts of a node with so many shards; none is mode single. */
export function chartPlans(shards: number): readonly ChartPlan[] {
  const ofShards = (value: OfShard) => shardLines(shards, value);
  const [node, main] = shards > 0 ? ['node', 'primary'] : ['process', 'process'];
  return [
    chart('Connections', count, [
      line('open', '--first', ({ report }) => report.connections.current),
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
      line('records', '--first', ({ report }) => report.broker.lag_records),
    ]),
    chart('CPU', percent, [
      line(node, '--first', ({ report }) => report.guard.cpu_percent),
      ...ofShards(({ cpu_percent }) => cpu_percent),
    ]),
    chart('Memory, MiB', count, [
      line(main, '--first', ({ report: { process: own } }) => own.memory_bytes / mebibyte),
      ...ofShards(({ memory_bytes }) => memory_bytes / mebibyte),
    ]),
    slowClients,
  ];
}

function chart(title: string, format: ChartPlan['format'], lines: readonly Line[]): ChartPlan {
  return { title, format, lines };
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
