/** The log of the embedded broker: records in the order they came, bounded in bytes and time. */
import type {
  BrokerRecord,
  LostRange,
  OutgoingRecord,
  ReadBackRequest,
  ReadBackResult,
} from '../broker.ts';

/** What a record costs beside its text, in bytes: the objects that hold it. */
const recordOverheadBytes = 200;
/**
 * Values share slabs of this size. Node's own pool would keep 64 KiB alive for each small value,
 * since whatever else uses it meanwhile lies between them.
 */
const slabBytes = 256 * 1024;
/** Stands where a record was, until the entries are cut off. */
const gone: BrokerRecord = {
  topic: '',
  partition: 0,
  offset: -1,
  key: undefined,
  value: Buffer.alloc(0),
  timestampMs: 0,
};

/** Limits of an {@link EmbeddedLog}. */
export interface EmbeddedLogLimits {
  readonly maxBytes: number;
  readonly retentionMs: number;
}

/**
 * Offsets count from 0 in each topic; a topic is one partition. All topics share one order, so a
 * reader holds one cursor: the number of the next entry, counted over all topics.
 */
export class EmbeddedLog {
  /** Records that retention took before some reader had them. */
  overtaken = 0;
  readonly #limits: EmbeddedLogLimits;
  readonly #ends = new Map<string, number>();
  /** By topic, the offset behind the newest record that was let go. */
  readonly #starts = new Map<string, number>();
  #records: BrokerRecord[] = [];
  #receivedMs: number[] = [];
  /** Index of the first entry that is still held; those before wait to be cut off together. */
  #head = 0;
  /** Cursor of the entry at index 0. */
  #base = 0;
  #bytes = 0;
  #slab = Buffer.alloc(0);
  #slabUsed = 0;

  constructor(limits: EmbeddedLogLimits) {
    this.#limits = limits;
  }

  /** Cursor of the oldest record held. */
  get start(): number {
    return this.#base + this.#head;
  }

  /** Cursor that the next record will get. */
  get end(): number {
    return this.#base + this.#records.length;
  }

  /** Offset that the next record of a topic will get. */
  endOf(topic: string): number {
    return this.#ends.get(topic) ?? 0;
  }

  /** Those that ever had a record. */
  get topics(): readonly string[] {
    return [...this.#ends.keys()];
  }

  /** By topic, the offset of the oldest record that may still be held, where it is not 0. */
  get starts(): ReadonlyMap<string, number> {
    return this.#starts;
  }

  /** Bytes that {@link append} would need for a record. */
  static sizeOf(record: OutgoingRecord): number {
    return recordOverheadBytes + record.key.length + Buffer.byteLength(record.value);
  }

  /** Adds a record. Take {@link trim} afterwards. */
  append({ topic, key, value, timestampMs }: OutgoingRecord, nowMs: number): void {
    const offset = this.#ends.get(topic) ?? 0;
    this.#ends.set(topic, offset + 1);
    const record = { topic, partition: 0, offset, key, value: this.#store(value), timestampMs };
    this.#records.push(record);
    this.#receivedMs.push(nowMs);
    this.#bytes += bytesOf(record);
  }

  /** Whether the log holds more than it may. */
  isOverfull(nowMs: number): boolean {
    return (
      this.#head < this.#records.length &&
      (this.#bytes > this.#limits.maxBytes ||
        this.#receivedMs[this.#head]! <= nowMs - this.#limits.retentionMs)
    );
  }

  /** Lets go of the oldest record, if the log holds more than it may. */
  trim(nowMs: number): BrokerRecord | undefined {
    if (!this.isOverfull(nowMs)) return undefined;
    const record = this.#records[this.#head]!;
    // Until it is cut off, its value must not stay in memory.
    this.#records[this.#head] = gone;
    this.#head += 1;
    this.#bytes -= bytesOf(record);
    this.#starts.set(record.topic, record.offset + 1);
    if (this.#head >= 1_024 && this.#head * 2 > this.#records.length) this.#cut();
    return record;
  }

  /** At most `limit` records from `cursor` on, which must not be before {@link start}. */
  read(cursor: number, limit: number): BrokerRecord[] {
    return this.#records.slice(cursor - this.#base, cursor - this.#base + limit);
  }

  /** The records of a topic again, as far as they are held; see `Broker.readBack`. */
  readBack({
    topic,
    from,
    to,
    maxRecords,
    maxBytes,
  }: Omit<ReadBackRequest, 'signal'>): ReadBackResult {
    const records: BrokerRecord[] = [];
    const end = this.#ends.get(topic) ?? 0;
    const isWhole = from >= (this.#starts.get(topic) ?? 0) && from <= end;
    const last = Math.min(to, end) - 1;
    let bytes = 0;
    for (let at = this.#head; at < this.#records.length && from <= last; at++) {
      const record = this.#records[at]!;
      if (record.topic !== topic || record.offset < from) continue;
      if (record.offset > last) break;
      bytes += (record.key?.length ?? 0) + record.value.length;
      if (records.length >= maxRecords || bytes > maxBytes) return { records, complete: false };
      records.push(record);
      if (record.offset === last) break;
    }
    return { records, complete: isWhole };
  }

  /** Cursor of the first record that came at `sinceMs` or later. */
  cursorSince(sinceMs: number): number {
    let low = this.#head;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#receivedMs[middle]! < sinceMs) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }

  #store(value: string): Buffer {
    const length = Buffer.byteLength(value);
    if (length > slabBytes / 8) {
      const own = Buffer.allocUnsafeSlow(length);
      own.write(value);
      return own;
    }
    if (this.#slabUsed + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#slabUsed = 0;
    }
    const stored = this.#slab.subarray(this.#slabUsed, this.#slabUsed + length);
    stored.write(value);
    this.#slabUsed += length;
    return stored;
  }

  #cut(): void {
    this.#records = this.#records.slice(this.#head);
    this.#receivedMs = this.#receivedMs.slice(this.#head);
    this.#base += this.#head;
    this.#head = 0;
  }
}

/** Ranges of a topic that a reader missed, one per topic: offsets of a topic are without gaps. */
export class LostRanges {
  readonly #byTopic = new Map<string, { from: number; to: number }>();

  /** Records are added in their order. */
  add({ topic, offset }: Pick<BrokerRecord, 'topic' | 'offset'>): void {
    const range = this.#byTopic.get(topic);
    if (range === undefined) this.#byTopic.set(topic, { from: offset, to: offset });
    else range.to = offset;
  }

  /** What was added since the last call. */
  take(): LostRange[] {
    const ranges = [...this.#byTopic].map(([topic, range]) => ({ topic, partition: 0, ...range }));
    this.#byTopic.clear();
    return ranges;
  }
}

function bytesOf({ key, value }: BrokerRecord): number {
  return recordOverheadBytes + (key?.length ?? 0) + value.length;
}
