/** The report of a worker from the counters of its clients. */
import { Histogram, type HistogramSnapshot } from '../../base/histogram.ts';
import type { ClientContext } from '../client/client-context.ts';
import { mergeChannels } from '../delivery/channel-tally.ts';
import type { Crowd } from '../load/crowd.ts';
import { perPhase } from '../socket/connect-phases.ts';
import { ErrorLog } from '../socket/error-log.ts';
import {
  type GroupReport,
  maxListedGaps,
  maxToldChannels,
  type WorkerReport,
} from './worker-messages.ts';

/**
 * Everything that the clients of all groups counted until now; channels only in the last one. What
 * counts for the run is the sum of the good groups; several groups are told each on its own too.
 */
export function workerReport(
  { contexts, silentMs }: Pick<Crowd, 'contexts' | 'silentMs'>,
  generator: WorkerReport['generator'],
  isLast: boolean,
): WorkerReport {
  const groups = contexts.map((context) => groupReport(context, isLast));
  const good = groups.filter((_, at) => contexts[at]?.isGood);
  return {
    ...(good.length === 1 ? (good[0] as GroupReport) : sumOf(good)),
    clock: contexts[0]?.shared.clock.estimate,
    silentMs,
    groups: groups.length === 1 ? [] : groups,
    generator,
  };
}

function groupReport(context: ClientContext, isLast: boolean): GroupReport {
  const { counters, ledger } = context;
  const { opened, failed, dropped, moved, reconnected, active, left, strayed, stormed } = counters;
  const { returning } = counters;
  const { upgraded, churned, unsubscribed, resubscribed } = counters;
  const away = opened - active - left;
  const { received, frames, bytes, control, badMessages, seqBreaks, epochChanges } = counters;
  const { serverErrors, gapNotices, throttleUpdates, reconnectNotices } = counters;
  return {
    connections: {
      ...{ opened, failed, dropped, moved, reconnected, active, left, away, returning, strayed },
      ...{ upgraded, stormed },
      ...{ churned, unsubscribed, resubscribed },
    },
    messages: {
      ...ledger.counts(),
      received,
      frames,
      bytes,
      control,
      badMessages,
      seqBreaks,
      epochChanges,
      serverErrors,
      gapNotices,
      throttleUpdates,
      reconnectNotices,
    },
    ...context.latency.snapshots(),
    lostByStage: ledger.lostByStage(),
    phases: perPhase((phase) => context.phases[phase].snapshot()),
    returns: context.returns.snapshot(),
    acks: context.acks.snapshot(),
    refused: [...counters.refused],
    errors: context.errors.list(),
    gaps: ledger.gaps(maxListedGaps),
    channels: isLast ? ledger.channels(maxToldChannels) : undefined,
    closeCodes: [...counters.closeCodes],
  };
}

function sumOf(groups: readonly GroupReport[]): GroupReport {
  const errors = new ErrorLog();
  for (const { class: name, example, count } of groups.flatMap((group) => group.errors)) {
    errors.add(name, example, count);
  }
  const lists = groups.flatMap(({ channels }) => channels ?? []);
  const stages = Math.max(...groups.map(({ lostByStage }) => lostByStage.length));
  return {
    connections: sumOfCounts(groups.map(({ connections }) => connections)),
    messages: sumOfCounts(groups.map(({ messages }) => messages)),
    latency: merged(groups.map(({ latency }) => latency)),
    stageLatency: merged(groups.map(({ stageLatency }) => stageLatency)),
    lostByStage: Array.from({ length: stages }, (_, stage) =>
      groups.reduce((sum, { lostByStage }) => sum + (lostByStage[stage] ?? 0), 0),
    ),
    phases: perPhase((phase) => merged(groups.map(({ phases }) => phases[phase]))),
    returns: merged(groups.map(({ returns }) => returns)),
    acks: merged(groups.map(({ acks }) => acks)),
    refused: sumOfPairs(groups.flatMap(({ refused }) => refused)),
    errors: errors.list(),
    gaps: groups.flatMap(({ gaps }) => gaps).slice(0, maxListedGaps),
    channels: lists.length === 0 ? undefined : mergeChannels(lists, maxToldChannels),
    closeCodes: sumOfPairs(groups.flatMap(({ closeCodes }) => closeCodes)),
  };
}

function merged(snapshots: readonly HistogramSnapshot[]): HistogramSnapshot {
  const histogram = new Histogram();
  for (const snapshot of snapshots) histogram.merge(snapshot);
  return histogram.snapshot();
}

function sumOfCounts<Counts extends object>(all: readonly Counts[]): Counts {
  const [first, ...others] = all;
  const sums = Object.entries(first as Counts).map(([name, count]) => [
    name,
    others.reduce((sum, other) => sum + (other[name as keyof Counts] as number), count),
  ]);
  return Object.fromEntries(sums) as Counts;
}

function sumOfPairs<Key>(pairs: readonly (readonly [Key, number])[]): (readonly [Key, number])[] {
  const sums = new Map<Key, number>();
  for (const [key, count] of pairs) sums.set(key, (sums.get(key) ?? 0) + count);
  return [...sums];
}
