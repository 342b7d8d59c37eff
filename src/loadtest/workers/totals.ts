/** The figures of all workers as one. */
import { Histogram } from '../../base/histogram.ts';
import { formatMs } from '../../base/units.ts';
import type { ChildExit } from '../../host/child.ts';
import { bestOffset, type ClockOffset } from '../client/clock-offset.ts';
import { type ChannelList, mergeChannels } from '../delivery/channel-tally.ts';
import {
  connectPhases,
  type PerPhase,
  perPhase,
  phaseHistograms,
} from '../socket/connect-phases.ts';
import { ErrorLog } from '../socket/error-log.ts';
import { maxListedChannels, maxListedGaps, type WorkerReport } from './worker-messages.ts';
import type { WorkerAgent, WorkerState } from './worker-pool.ts';

type Counts<Part> = { -readonly [Name in keyof Part]: number };

/** Sums over all workers; of one that is gone, what it reported last. */
export interface Totals {
  readonly connections: Counts<WorkerReport['connections']> & {
    /** Clients that were open when their worker, or its agent, was lost. */
    vanished: number;
  };
  readonly messages: Counts<WorkerReport['messages']>;
  readonly latency: Histogram;
  /** Of the stage that is going on, or has just ended. */
  readonly stageLatency: Histogram;
  /** Events lost by the stage in which that showed. */
  readonly lostByStage: readonly number[];
  readonly phases: PerPhase<Histogram>;
  /** From dropping out in a storm until open again. */
  readonly returns: Histogram;
  /** From asking for a change of subscriptions until it was acknowledged. */
  readonly acks: Histogram;
  /** From planned start to the upgrade: one of the phases. */
  readonly connect: Histogram;
  /** Clients that the server never let in, by the code of its refusal. */
  readonly refused: ReadonlyMap<string, number>;
  readonly clock: ClockOffset | undefined;
  /** For how long the server had sent nothing at the end to the clients of some worker. */
  readonly silentMs: number;
  readonly errors: ErrorLog;
  readonly gaps: WorkerReport['gaps'][number][];
  /** Empty until the last reports are in. */
  readonly channels: ChannelList;
  readonly closeCodes: ReadonlyMap<number, number>;
  /** CPU and event loop of the worst worker, memory of all. */
  readonly generator: Pick<WorkerReport['generator'], 'cpuPercent' | 'loopDelayP99Ms' | 'rssBytes'>;
  readonly deaths: readonly ChildExit[];
  /** How many there are, those that died included. */
  readonly workers: number;
}

/** Adds up what the workers last reported. */
export function totalsOf(workers: readonly WorkerState[]): Totals {
  const totals = emptyTotals();
  const deaths: ChildExit[] = [];
  const closeCodes = new Map<number, number>();
  const refused = new Map<string, number>();
  const generator = { cpuPercent: 0, loopDelayP99Ms: 0, rssBytes: 0 };
  for (const worker of workers) {
    const { report, exit, agent } = worker;
    if (report !== undefined) {
      addCounts(totals.messages, report.messages);
      totals.latency.merge(report.latency);
      totals.stageLatency.merge(report.stageLatency);
      for (const [stage, lost] of report.lostByStage.entries()) {
        totals.lostByStage[stage] = (totals.lostByStage[stage] ?? 0) + lost;
      }
      totals.returns.merge(report.returns);
      totals.acks.merge(report.acks);
      for (const phase of connectPhases) totals.phases[phase].merge(report.phases[phase]);
      for (const error of report.errors) totals.errors.add(error.class, error.example, error.count);
      totals.gaps.push(...report.gaps.slice(0, maxListedGaps - totals.gaps.length));
      for (const [code, count] of report.closeCodes) addTo(closeCodes, code, count);
      for (const [code, count] of report.refused) addTo(refused, code, count);
      generator.cpuPercent = Math.max(generator.cpuPercent, report.generator.cpuPercent);
      generator.loopDelayP99Ms = Math.max(
        generator.loopDelayP99Ms,
        report.generator.loopDelayP99Ms,
      );
      generator.rssBytes += report.generator.rssBytes;
    }
    const connections = { ...(report?.connections ?? emptyTotals().connections), vanished: 0 };
    if (exit === undefined) addCounts(totals.connections, connections);
    else {
      deaths.push(exit);
      const left = withoutWorker(connections, worker);
      addCounts(totals.connections, left);
      const affected = left.vanished + left.failed - connections.failed;
      if (affected === 0) continue;
      if (agent?.loss === undefined) {
        totals.errors.add('local-worker-died', describeExit(exit), affected);
      } else totals.errors.add('local-agent-lost', describeLoss(agent), affected);
    }
  }
  const clock = bestOffset(workers.flatMap(clockSeenBy));
  const silentMs = Math.max(0, ...workers.map(({ report }) => report?.silentMs ?? 0));
  const lists = workers.flatMap(({ report }) => report?.channels ?? []);
  const channels = mergeChannels(lists, maxListedChannels);
  const connect = totals.phases.upgraded;
  return {
    ...totals,
    workers: workers.length,
    connect,
    channels,
    closeCodes,
    refused,
    clock,
    silentMs,
    generator,
    deaths,
  };
}

/** Who was open has vanished with the worker; who had not come yet could not get in any more. */
function withoutWorker(
  known: Totals['connections'],
  { clients }: WorkerState,
): Totals['connections'] {
  const failed = known.failed + Math.max(0, clients - known.opened - known.failed);
  return { ...known, active: 0, failed, vanished: known.active };
}

/** A worker of an agent knows the server's clock as well as its own is known. */
function clockSeenBy({ report, agent }: WorkerState): ClockOffset[] {
  if (report?.clock === undefined) return [];
  const { clock } = report;
  return [{ ...clock, uncertaintyMs: clock.uncertaintyMs + (agent?.clockUncertaintyMs ?? 0) }];
}

/** Workers as if they had only the clients of one group; as they are where there is but one. */
export function statesOfGroup(workers: readonly WorkerState[], group: number): WorkerState[] {
  return workers.map((worker) => {
    const { report, clientsByGroup } = worker;
    if (clientsByGroup.length === 1) return worker;
    const own = report?.groups[group];
    return {
      ...worker,
      clients: clientsByGroup[group] ?? 0,
      report: report && own && { ...report, ...own },
    };
  });
}

/** Workers with the clients of all groups, also those that misbehave. */
export function statesOfAll(workers: readonly WorkerState[]): WorkerState[] {
  return workers.flatMap((worker) => {
    return worker.clientsByGroup.map((_, group) => {
      return statesOfGroup([worker], group)[0] as WorkerState;
    });
  });
}

/**
 * What happened between two states of the same run: counts are those in between, `active` that of the
 * later one, `away` without those who had to go before or are on their way back, and latency that of the stage that it ended.
 */
export function totalsBetween(earlier: Totals, later: Totals): Totals {
  const phases = perPhase((phase) => later.phases[phase].since(earlier.phases[phase]));
  const errors = new ErrorLog();
  const before = new Map(earlier.errors.list().map((error) => [error.class, error.count]));
  for (const { class: name, example, count } of later.errors.list()) {
    const more = count - (before.get(name) ?? 0);
    if (more > 0) errors.add(name, example, more);
  }
  const { active } = later.connections;
  const away = Math.max(
    0,
    later.connections.away - earlier.connections.strayed - later.connections.returning,
  );
  return {
    ...later,
    connections: {
      ...countsBetween(earlier.connections, later.connections),
      active,
      away,
      returning: 0,
    },
    messages: countsBetween(earlier.messages, later.messages),
    latency: later.stageLatency,
    phases,
    returns: later.returns.since(earlier.returns),
    acks: later.acks.since(earlier.acks),
    connect: phases.upgraded,
    refused: mapBetween(earlier.refused, later.refused),
    closeCodes: mapBetween(earlier.closeCodes, later.closeCodes),
    errors,
  };
}

/** What happened to an agent, and when: `agent web was lost after 12.34s: its ssh was ended by SIGTERM`. */
export function describeLoss({ name, loss, lostAfterMs }: WorkerAgent, clients = ''): string {
  const after = Number.isFinite(lostAfterMs) ? ` after ${formatMs(lostAfterMs)}` : '';
  return `agent ${name} was lost${after}${clients}: ${loss}`;
}

/** How a process ended, in words. */
export function describeExit({ code, signal, stderr }: ChildExit): string {
  const how = signal === null ? `exit code ${code}` : signal;
  const why = /^\w*Error.*$/m.exec(stderr)?.[0] ?? stderr.split('\n').at(-1) ?? '';
  return why === '' ? how : `${how}: ${why}`;
}

function emptyTotals() {
  return {
    connections: {
      opened: 0,
      failed: 0,
      dropped: 0,
      moved: 0,
      reconnected: 0,
      upgraded: 0,
      active: 0,
      left: 0,
      away: 0,
      returning: 0,
      strayed: 0,
      stormed: 0,
      churned: 0,
      unsubscribed: 0,
      resubscribed: 0,
      vanished: 0,
    },
    messages: {
      received: 0,
      frames: 0,
      bytes: 0,
      control: 0,
      lost: 0,
      lostAtEnd: 0,
      duplicated: 0,
      reordered: 0,
      late: 0,
      missedWhileDisconnected: 0,
      missedOnPurpose: 0,
      healed: 0,
      unrecovered: 0,
      skipped: 0,
      unexpected: 0,
      gapsUntracked: 0,
      firstEventsUnchecked: 0,
      unread: 0,
      badMessages: 0,
      seqBreaks: 0,
      epochChanges: 0,
      serverErrors: 0,
      gapNotices: 0,
      throttleUpdates: 0,
      reconnectNotices: 0,
    },
    latency: new Histogram(),
    stageLatency: new Histogram(),
    returns: new Histogram(),
    acks: new Histogram(),
    lostByStage: [] as number[],
    phases: phaseHistograms(),
    errors: new ErrorLog(),
    gaps: [] as Totals['gaps'],
  };
}

function addCounts<Part extends object>(sums: Counts<Part>, part: Part): void {
  for (const name of Object.keys(sums) as (keyof Part)[]) sums[name] += part[name] as number;
}

/** Figures of a worker that died are gone from the later state: nothing is below zero. */
function countsBetween<Part extends object>(earlier: Part, later: Part): Part {
  const between = Object.entries(later).map(([name, count]) => {
    return [name, Math.max(0, count - (earlier[name as keyof Part] as number))];
  });
  return Object.fromEntries(between) as Part;
}

function mapBetween<Key>(
  earlier: ReadonlyMap<Key, number>,
  later: ReadonlyMap<Key, number>,
): Map<Key, number> {
  const between = new Map<Key, number>();
  for (const [key, count] of later) {
    const more = count - (earlier.get(key) ?? 0);
    if (more > 0) between.set(key, more);
  }
  return between;
}

function addTo<Key>(sums: Map<Key, number>, key: Key, count: number): void {
  sums.set(key, (sums.get(key) ?? 0) + count);
}
