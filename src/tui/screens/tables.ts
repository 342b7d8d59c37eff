/** The tables of the tabs: shards, channels, slow clients, partitions, machines, metrics. */

import type { ShardStatus } from '../../protocol/status-report.ts';
import type {
  ChannelStatus,
  PartitionStatus,
  SlowClientStatus,
  StatusSection,
} from '../../protocol/status-sections.ts';
import {
  formatFigure,
  formatMillis,
  formatPercent,
  formatPerSecond,
  formatSize,
  unknown,
} from '../figures-text.ts';
import type { FleetFigures, MetricFigures, NodeFigures } from '../fleet-figures.ts';
import type { TabName } from '../keymap.ts';
import type { Column, Table, TableView } from '../table.ts';
import { viewOf } from '../table.ts';
import { nameOf, stateOf, stateTone } from './node-words.ts';
import { nodeTable } from './overview.ts';

/** What a tab needs of the nodes beside the report itself. */
export const sectionsOf: Readonly<Record<TabName, readonly StatusSection[]>> = {
  overview: [],
  shards: [],
  channels: ['channels'],
  clients: ['clients'],
  broker: ['partitions'],
  publisher: [],
  load: [],
  hosts: ['machine'],
};

/** The column that a tab is sorted by at first, falling; others by their first one. */
export const firstSorts: Readonly<Partial<Record<TabName, string>>> = {
  channels: 'EVENTS/s',
  clients: 'LAG',
  broker: 'LAG',
};

/** The table of a tab; undefined for those that have none. */
export function tableOf(
  tab: TabName,
  figures: FleetFigures,
  nodes: readonly NodeFigures[],
): TableView | undefined {
  switch (tab) {
    case 'overview':
      return nodes.length === 1 ? undefined : viewOf(nodeTable(nodes));
    case 'shards':
      return viewOf(shardTable(nodes));
    case 'channels':
      return viewOf(channelTable(nodes));
    case 'clients':
      return viewOf(clientTable(nodes));
    case 'broker':
      return viewOf(partitionTable(nodes));
    case 'hosts':
      return viewOf(hostTable(nodes));
    case 'load':
      return figures.loadtest && viewOf(metricTable(figures.loadtest.metrics));
    case 'publisher':
      return undefined;
    default:
      return tab satisfies never;
  }
}

/** A row, and the node that it is of. */
type OfNode<Row> = Row & { readonly from: NodeFigures };

function rowsOf<Row>(
  nodes: readonly NodeFigures[],
  read: (node: NodeFigures) => readonly Row[] | undefined,
): OfNode<Row>[] {
  return nodes.flatMap((from) => (read(from) ?? []).map((row) => ({ ...row, from })));
}

/** What nodes left out of their lists. */
function leftOutOf(
  nodes: readonly NodeFigures[],
  section: 'channels' | 'clients' | 'partitions',
): number {
  return nodes.reduce((sum, { report }) => sum + (report?.[section]?.left_out ?? 0), 0);
}

function emptyText(
  nodes: readonly NodeFigures[],
  section: 'channels' | 'clients' | 'partitions',
  text: string,
): string {
  const isTold = nodes.some(({ report }) => report?.[section] !== undefined);
  return isTold ? text : 'waiting for the nodes to tell';
}

/** Only where there are several nodes it matters which one a row is of. */
function nodeColumn(nodes: readonly NodeFigures[]): Column<{ readonly from: NodeFigures }>[] {
  if (nodes.length < 2) return [];
  return [{ title: 'NODE', cell: ({ from }) => nameOf(from), giveWay: 1 }];
}

function numeric<Row>(
  title: string,
  read: (row: Row) => number | undefined,
  giveWay: number,
  format: (value: number | undefined) => string = formatFigure,
): Column<Row> {
  return { title, cell: (row) => format(read(row)), sortBy: read, isNumber: true, giveWay };
}

/** Offsets and process ids, digit by digit. */
function plain(value: number | undefined): string {
  return value === undefined ? unknown : String(value);
}

function shardTable(nodes: readonly NodeFigures[]): Table<OfNode<ShardStatus>> {
  return {
    rows: rowsOf(nodes, ({ report }) => report?.shards),
    keyOf: ({ from, shard }) => `${from.url} ${shard}`,
    empty: 'no shards: mode single serves with one process (odin serve --mode multi has shards)',
    columns: [
      numeric('SHARD', ({ shard }) => shard, 0, plain),
      ...nodeColumn(nodes),
      {
        title: 'STATE',
        cell: ({ state }) => state,
        tone: ({ state }) => (state === 'serving' ? 'good' : 'bad'),
        giveWay: 0,
      },
      numeric('CLIENTS', ({ connections }) => connections, 0),
      numeric('BEHIND', ({ behind }) => behind, 1),
      numeric('CPU', ({ cpu_percent }) => cpu_percent, 0, formatPercent),
      numeric('MEMORY', ({ memory_bytes }) => memory_bytes, 1, formatSize),
      numeric('LOOP', ({ loop_delay_ms }) => loop_delay_ms, 2, formatMillis),
      numeric('DELIVERED', ({ delivered }) => delivered, 1),
      numeric('FEED LAG', ({ feed_lag_events }) => feed_lag_events, 1),
      numeric('STALLS', ({ feed_stalls }) => feed_stalls, 3),
      numeric('PENDING', ({ pending_slots }) => pending_slots, 4),
      numeric('RESTARTS', ({ restarts }) => restarts, 2),
      numeric('PID', ({ pid }) => pid ?? undefined, 4, plain),
    ],
  };
}

function channelTable(nodes: readonly NodeFigures[]): Table<OfNode<ChannelStatus>> {
  return {
    rows: rowsOf(nodes, ({ report }) => report?.channels?.rows),
    keyOf: ({ from, channel }) => `${from.url} ${channel}`,
    empty: emptyText(nodes, 'channels', 'no channel had an event in the last seconds'),
    leftOut: leftOutOf(nodes, 'channels'),
    columns: [
      { title: 'CHANNEL', cell: ({ channel }) => channel, giveWay: 0 },
      ...nodeColumn(nodes),
      numeric('EVENTS/s', ({ events_per_s }) => events_per_s, 0),
      numeric('SUBSCRIBERS', ({ subscribers }) => subscribers, 1),
      numeric('OUT/s', ({ events_per_s, subscribers }) => events_per_s * subscribers, 2),
    ],
  };
}

function clientTable(nodes: readonly NodeFigures[]): Table<OfNode<SlowClientStatus>> {
  return {
    rows: rowsOf(nodes, ({ report }) => report?.clients?.rows),
    keyOf: ({ from, client }) => `${from.url} ${client}`,
    empty: emptyText(nodes, 'clients', 'no client lags'),
    leftOut: leftOutOf(nodes, 'clients'),
    columns: [
      { title: 'CLIENT', cell: ({ client }) => client, giveWay: 0 },
      ...nodeColumn(nodes),
      { title: 'ADDRESS', cell: ({ address }) => address ?? unknown, giveWay: 1 },
      { title: 'USER', cell: ({ user }) => user ?? unknown, giveWay: 2 },
      {
        title: 'BEHIND',
        cell: ({ behind }) => (behind ? 'yes' : 'no'),
        tone: ({ behind }) => (behind ? 'warn' : 'plain'),
        giveWay: 1,
      },
      numeric('THROTTLE', ({ throttle }) => throttle, 0, plain),
      numeric('LAG', ({ lag_events }) => lag_events, 0),
      numeric('LATE', ({ lag_ms }) => lag_ms, 0, formatMillis),
      numeric('BUFFERED', ({ buffered_bytes }) => buffered_bytes, 1, formatSize),
      numeric('SUBSCRIPTIONS', ({ subscriptions }) => subscriptions, 3, plain),
    ],
  };
}

function partitionTable(nodes: readonly NodeFigures[]): Table<OfNode<PartitionStatus>> {
  const isRead = nodes.some(({ report }) => report?.history.warm);
  const none = isRead
    ? 'the broker has had no event yet: its partitions show with their first one'
    : 'the broker is not read yet';
  return {
    rows: rowsOf(nodes, ({ report }) => report?.partitions?.rows),
    keyOf: ({ from, topic, partition }) => `${from.url} ${topic} ${partition}`,
    empty: emptyText(nodes, 'partitions', none),
    leftOut: leftOutOf(nodes, 'partitions'),
    columns: [
      { title: 'TOPIC', cell: ({ topic }) => topic, giveWay: 0 },
      ...nodeColumn(nodes),
      numeric('PARTITION', ({ partition }) => partition, 0, plain),
      numeric('NEXT', ({ next }) => next, 1, plain),
      numeric('END', ({ high }) => high, 1, plain),
      numeric('LAG', ({ lag_records }) => lag_records, 0),
    ],
  };
}

function hostTable(nodes: readonly NodeFigures[]): Table<NodeFigures> {
  return {
    rows: nodes,
    keyOf: ({ url }) => url,
    empty: 'no node is watched',
    columns: [
      { title: 'HOST', cell: hostOf, sortBy: ({ machine }) => machine, giveWay: 1 },
      // Several may be on one machine.
      { title: 'NODE', cell: nameOf, giveWay: 0 },
      { title: 'STATE', cell: stateOf, tone: stateTone, giveWay: 0 },
      numeric('NODE CPU', ({ rates }) => rates?.cpuPercent, 0, formatPercent),
      numeric('NODE MEM', ({ report }) => report?.guard.memory_bytes, 0, formatSize),
      numeric('OF LIMIT', ({ report }) => report?.guard.memory_percent, 2, formatPercent),
      numeric('HOST CPU', ({ rates }) => rates?.machinePercent, 0, formatPercent),
      numeric('CPUS', ({ report }) => report?.machine?.cpus, 2, plain),
      numeric('LOAD', ({ report }) => report?.machine?.load, 1),
      numeric('HOST MEM', usedBytes, 0, formatSize),
      numeric('OF', ({ report }) => report?.machine?.memory_bytes, 1, formatSize),
      { title: 'SYSTEM', cell: ({ report }) => report?.machine?.system ?? unknown, giveWay: 3 },
    ],
  };
}

function hostOf({ machine }: NodeFigures): string {
  return machine ?? unknown;
}

function usedBytes({ report }: NodeFigures): number | undefined {
  const machine = report?.machine;
  return machine && machine.memory_bytes - machine.memory_free_bytes;
}

function metricTable(metrics: readonly MetricFigures[]): Table<MetricFigures> {
  return {
    rows: metrics,
    keyOf: ({ name }) => name,
    empty: 'no figures yet',
    columns: [
      { title: 'METRIC', cell: ({ name }) => name.replace(/^odin_loadtest_/, ''), giveWay: 0 },
      numeric('VALUE', ({ value }) => value, 0),
      numeric('PER SECOND', ({ perSecond }) => perSecond, 0, formatPerSecond),
    ],
  };
}
