/** Reading back: what the history no longer holds, from the broker, once for all who ask. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, BrokerRecord, ReadBackResult } from '../../broker/broker.ts';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../host/log.ts';
import type { Counters } from '../reporting/counters.ts';

/** Requests for one partition that come within this time are read together, in milliseconds. */
const gatherMs = 30;
/** A result is used for later requests that it covers, for this long, in milliseconds. */
const keepMs = 3_000;
/** Reads that run at a time; further ones wait. */
const maxReads = 4;

/** A read serves many clients, so it may hold this many times what one client gets. */
const clientsPerRead = 10;

/** Which records a client misses; `to` is exclusive. */
interface Range {
  readonly from: number;
  readonly to: number;
}

interface Read {
  readonly range: Range;
  readonly result: Promise<ReadBackResult>;
}

interface Gathering {
  range: Range;
  readonly result: Promise<ReadBackResult>;
}

const nothing: ReadBackResult = { records: [], complete: false };

/** Reads partitions again, coalescing the clients that come back together. */
export class ReadBack {
  readonly #broker: Broker;
  readonly #limits: Config['server']['recovery'];
  readonly #counters: Counters;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #gathering = new Map<string, Gathering>();
  readonly #reads = new Map<string, Read>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  constructor(broker: Broker, limits: Config['server']['recovery'], counters: Counters, log: Log) {
    this.#broker = broker;
    this.#limits = limits;
    this.#counters = counters;
    this.#log = log;
  }

  /**
   * Records of a partition in [from, to), all keys. Never rejects: what could not be read is
   * `complete: false`.
   */
  async read(topic: string, partition: number, range: Range): Promise<ReadBackResult> {
    const key = `${topic}/${partition}`;
    const known = this.#reads.get(key);
    if (known !== undefined && covers(known.range, range)) {
      const result = await known.result;
      if (result.complete) return cut(result, range);
    }
    const gathering = this.#gathering.get(key) ?? this.#gather(key, topic, partition, range);
    const { from, to } = gathering.range;
    gathering.range = { from: Math.min(from, range.from), to: Math.max(to, range.to) };
    const result = await gathering.result;
    if (result.complete || isSame(gathering.range, range)) return cut(result, range);
    // Somebody asked for more than can be had: that must not cost the others theirs.
    return await this.#start(topic, partition, range);
  }

  stop(): void {
    this.#closing.abort();
  }

  #gather(key: string, topic: string, partition: number, range: Range): Gathering {
    const result = sleep(gatherMs).then(() => {
      this.#gathering.delete(key);
      const read = {
        range: gathering.range,
        result: this.#start(topic, partition, gathering.range),
      };
      this.#reads.set(key, read);
      void read.result
        .then(() => sleep(keepMs, undefined, { ref: false }))
        .then(() => {
          if (this.#reads.get(key) === read) this.#reads.delete(key);
        });
      return read.result;
    });
    const gathering: Gathering = { range, result };
    this.#gathering.set(key, gathering);
    return gathering;
  }

  async #start(topic: string, partition: number, { from, to }: Range): Promise<ReadBackResult> {
    const { maxMs } = this.#limits;
    const maxRecords = this.#limits.maxMessages * clientsPerRead;
    const maxBytes = this.#limits.maxBytes * clientsPerRead;
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(maxMs)]);
    await this.#turn();
    try {
      if (signal.aborted) return nothing;
      this.#counters.readBacks++;
      const request = { topic, partition, from, to, maxRecords, maxBytes, signal };
      const result = await this.#broker.readBack(request);
      this.#counters.readBackRecords += result.records.length;
      return result;
    } catch (error) {
      this.#log.warn({ err: error, topic, partition, from, to }, 'reading back failed');
      return nothing;
    } finally {
      this.#running--;
      this.#queue.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#running >= maxReads) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#running++;
  }
}

function isSame(a: Range, b: Range): boolean {
  return a.from === b.from && a.to === b.to;
}

function covers(outer: Range, inner: Range): boolean {
  return outer.from <= inner.from && outer.to >= inner.to;
}

/** The part of a result that one client asked for. Its start may be whole where the rest is not. */
function cut({ records, complete }: ReadBackResult, { from, to }: Range): ReadBackResult {
  const isInside = ({ offset }: BrokerRecord) => offset >= from && offset < to;
  return { records: records.filter(isInside), complete };
}
