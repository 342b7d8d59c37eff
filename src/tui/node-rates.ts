/** Rates: what happened per second between two reports of one node. */
import { quantileBetweenMs } from '../protocol/latency-between.ts';
import type { StatusReport } from '../protocol/status-report.ts';

/** Per second, unless named otherwise. */
export interface NodeRates {
  readonly accepted: number;
  readonly refused: number;
  readonly closed: number;
  readonly ingested: number;
  readonly ingestedBytes: number;
  readonly delivered: number;
  readonly sentBytes: number;
  readonly writes: number;
  readonly flushes: number;
  /** Events of one flush, on average; undefined without one. */
  readonly eventsPerFlush: number | undefined;
  /** Records skipped or lost, connections lost, clients that fell behind: what should not be. */
  readonly errors: number;
  /** Of all its processes; 100 is one core. */
  readonly cpuPercent: number;
  /** Of the machine, 100 is all of it; undefined where it is not reported. */
  readonly machinePercent: number | undefined;
  /** Of the events in between, in milliseconds; undefined without one. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
}

/** Undefined when they do not follow each other: another process answers, or the same report. */
export function ratesBetween(before: StatusReport, now: StatusReport): NodeRates | undefined {
  const ms = now.monotonic_ms - before.monotonic_ms;
  if (ms <= 0 || !isSameProcess(before, now)) return undefined;
  const perSecond = (read: (report: StatusReport) => number) =>
    Math.max(0, ((read(now) - read(before)) * 1_000) / ms);
  const flushes = now.flush.count - before.flush.count;
  const latencyMs = (share: number) => quantileBetweenMs(before.latency, now.latency, share);
  return {
    accepted: perSecond(({ connections }) => connections.accepted),
    refused: perSecond(({ connections }) => sumOf(connections.refused)),
    closed: perSecond(({ connections }) => sumOf(connections.closed)),
    ingested: perSecond(({ messages }) => messages.ingested),
    ingestedBytes: perSecond(({ messages }) => messages.ingested_bytes),
    delivered: perSecond(({ messages }) => messages.delivered),
    sentBytes: perSecond(({ messages }) => messages.sent_bytes),
    writes: perSecond(({ messages }) => messages.socket_writes),
    flushes: perSecond(({ flush }) => flush.count),
    eventsPerFlush: flushes > 0 ? (now.flush.events - before.flush.events) / flushes : undefined,
    errors: perSecond(errorsOf),
    cpuPercent: cpuBetween(before, now) / ms,
    machinePercent: machineBetween(before, now),
    p50Ms: latencyMs(0.5),
    p99Ms: latencyMs(0.99),
  };
}

/** Nodes in containers may all have one process id. Older versions do not name their start. */
function isSameProcess(one: StatusReport, other: StatusReport): boolean {
  const [{ pid }, { pid: otherPid }] = [one.process, other.process];
  return one.node === other.node && one.instance === other.instance && pid === otherPid;
}

/** Sum of counts by label. */
function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Counts of what should not be, since the start of the node. */
export function errorsOf({ connections, messages }: StatusReport): number {
  const { lost, fell_behind } = connections;
  return sumOf(messages.skipped) + messages.lost_positions + lost + fell_behind;
}

/** CPU time in percent-milliseconds; of a shard that was replaced only what its new process used. */
function cpuBetween(before: StatusReport, now: StatusReport): number {
  const shards = now.shards.reduce((sum, { shard, pid, cpu_ms }) => {
    const old = before.shards.find((other) => other.shard === shard);
    return sum + Math.max(0, cpu_ms - (old?.pid === pid ? old.cpu_ms : 0));
  }, 0);
  const [own, ownBefore] = [now.process, before.process];
  return 100 * (shards + own.cpu_ms - ownBefore.cpu_ms);
}

function machineBetween(before: StatusReport, now: StatusReport): number | undefined {
  if (before.machine === undefined || now.machine === undefined) return undefined;
  const busy = now.machine.cpu_busy_ms - before.machine.cpu_busy_ms;
  const idle = now.machine.cpu_idle_ms - before.machine.cpu_idle_ms;
  return busy + idle > 0 ? (100 * busy) / (busy + idle) : undefined;
}
