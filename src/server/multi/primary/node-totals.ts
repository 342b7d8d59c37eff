/** NodeTotals: counts and gauges of a node over all of its processes, dead ones included. */
import { performance } from 'node:perf_hooks';
import { Counters } from '../../reporting/counters.ts';
import { addCounts, clearCounts } from '../../reporting/counts.ts';
import type { DeliveryFigures } from '../../reporting/node-state.ts';
import type { ShardReport } from '../../reporting/shard-figures.ts';

/** Two reports that the CPU of a shard is taken from are at least this far apart, in milliseconds. */
const leastCpuSpanMs = 500;

/** What is kept of a shard: one process of it after the other. */
interface ShardEntry {
  /** Undefined between two processes. */
  report: ShardReport | undefined;
  /** Of the process that reported last. */
  pid: number | undefined;
  /** Of the newest process that was retired: it may have words on the way. */
  retiredPid: number | undefined;
  /** What its CPU is measured from. */
  cpuMs: number;
  sinceMs: number;
  cpuPercent: number;
}

/** One per node, in the primary. */
export class NodeTotals {
  /** Sums, as of the last {@link refresh}. None ever goes down. */
  readonly counters = new Counters();
  /** Gauges over the shards as they last reported; those that are gone have none. */
  readonly connections: { readonly size: number };
  readonly delivery: DeliveryFigures;
  readonly #own: Counters;
  /** Counts of processes that are gone. */
  readonly #retired = new Counters();
  /** By the number of the shard, of which there are few. */
  readonly #shards = new Map<number, ShardEntry>();
  readonly #nowMs: () => number;

  /** `own` is what the primary counts itself. */
  constructor(own: Counters, nowMs: () => number = () => performance.now()) {
    this.#own = own;
    this.#nowMs = nowMs;
    const sum = (read: (report: ShardReport) => number) => this.#sum(read);
    const intervals = () => this.#reports().map(({ flushIntervalMs }) => flushIntervalMs);
    this.connections = {
      get size() {
        return sum(({ connections }) => connections);
      },
    };
    this.delivery = {
      get behind() {
        return sum(({ behind }) => behind);
      },
      get cohorts() {
        return sum(({ cohorts }) => cohorts);
      },
      get flushIntervalMs() {
        return Math.max(0, ...intervals());
      },
      throttle: { clientsAt: (level) => sum(({ throttled }) => throttled[level - 1] as number) },
    };
    this.refresh();
  }

  /** Requests whose token is being checked, in all shards. */
  get pendingHandshakes(): number {
    return this.#sum((report) => report.pendingHandshakes);
  }

  /**
   * Takes what the process of a shard says of itself. A new one may speak before the old is retired;
   * a last word of one that was retired, or of none, is not counted.
   */
  take(shard: number, pid: number | undefined, report: ShardReport): void {
    const entry = this.#entry(shard);
    if (pid === undefined || pid === entry.retiredPid) return;
    if (entry.report !== undefined && entry.pid !== pid) this.retire(shard);
    const isFirst = entry.report === undefined;
    entry.report = report;
    entry.pid = pid;
    this.#measureCpu(entry, report.usage.cpuMs, isFirst);
  }

  /** The process of a shard is gone, with its clients: what it counted is kept for good. */
  retire(shard: number): void {
    const entry = this.#shards.get(shard);
    if (entry?.report === undefined) return;
    addCounts(this.#retired, entry.report.counters);
    this.#retired.connectionsLost += entry.report.connections;
    entry.retiredPid = entry.pid;
    entry.report = undefined;
    entry.cpuPercent = 0;
  }

  /** What the process of a shard said last. */
  reportOf(shard: number): ShardReport | undefined {
    return this.#shards.get(shard)?.report;
  }

  /** CPU of the process of a shard over the last second or so; 100 is one core. */
  cpuPercentOf(shard: number): number {
    return this.#shards.get(shard)?.cpuPercent ?? 0;
  }

  /** Brings {@link counters} up to date with what was reported. */
  refresh(): void {
    clearCounts(this.counters);
    addCounts(this.counters, this.#own);
    addCounts(this.counters, this.#retired);
    for (const report of this.#reports()) addCounts(this.counters, report.counters);
  }

  #entry(shard: number): ShardEntry {
    let entry = this.#shards.get(shard);
    if (entry === undefined) {
      entry = {
        ...{ report: undefined, pid: undefined, retiredPid: undefined },
        ...{ cpuMs: 0, sinceMs: 0, cpuPercent: 0 },
      };
      this.#shards.set(shard, entry);
    }
    return entry;
  }

  #measureCpu(entry: ShardEntry, cpuMs: number, isFirst: boolean): void {
    const nowMs = this.#nowMs();
    const spanMs = nowMs - entry.sinceMs;
    // Reports that were asked for may follow each other closely, and would say nothing.
    if (!isFirst && spanMs < leastCpuSpanMs) return;
    if (!isFirst) entry.cpuPercent = (100 * Math.max(0, cpuMs - entry.cpuMs)) / spanMs;
    entry.cpuMs = cpuMs;
    entry.sinceMs = nowMs;
  }

  #reports(): ShardReport[] {
    return [...this.#shards.values()].flatMap(({ report }) => report ?? []);
  }

  #sum(read: (report: ShardReport) => number): number {
    return this.#reports().reduce((sum, report) => sum + read(report), 0);
  }
}
