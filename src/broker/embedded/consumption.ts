/** A reader of the embedded broker: a cursor in its log. */
import type {
  BrokerRecord,
  ConsumeOptions,
  ConsumerState,
  Consumption,
  PartitionPlace,
} from '../broker.ts';
import { type EmbeddedLog, LostRanges } from './log.ts';

/** Records handed over in one call at most. */
const maxBatchRecords = 2_048;

/** What a reader asks of its broker. */
interface EmbeddedReaderHost {
  /** Have `deliver` called soon. */
  wake(): void;
  closed(): void;
}

/** Made by `EmbeddedBroker.consume`, which calls {@link deliver} when there may be records. */
export class EmbeddedConsumption implements Consumption {
  readonly caughtUp: Promise<void>;
  readonly #log: EmbeddedLog;
  readonly #options: ConsumeOptions;
  readonly #host: EmbeddedReaderHost;
  readonly #lost = new LostRanges();
  readonly #goal: number;
  #reachGoal: (() => void) | undefined;
  readonly #sinceCursor: number;
  #cursor: number;
  #isPaused = false;
  #isClosed = false;

  constructor(log: EmbeddedLog, options: ConsumeOptions, host: EmbeddedReaderHost) {
    this.#log = log;
    this.#options = options;
    this.#host = host;
    this.#sinceCursor = log.cursorSince(Date.now() - options.lookbackMs);
    this.#cursor = options.startAt === undefined ? this.#sinceCursor : log.start;
    this.#goal = log.end;
    for (const [topic, low] of log.starts) {
      const from = options.startAt?.(topic, 0) ?? low;
      if (from >= low) continue;
      this.#lost.add({ topic, offset: from });
      this.#lost.add({ topic, offset: low - 1 });
    }
    this.caughtUp = new Promise((resolve) => {
      this.#reachGoal = resolve;
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#host.wake();
  }

  state(): ConsumerState {
    return {
      connected: !this.#isClosed,
      paused: this.#isPaused,
      lagRecords: this.#log.end - this.#cursor,
      lastError: undefined,
    };
  }

  position(topic: string, partition: number): number | undefined {
    if (partition !== 0) return undefined;
    const ahead = this.#log.read(this.#cursor, this.#log.end - this.#cursor);
    return this.#log.endOf(topic) - ahead.filter((record) => record.topic === topic).length;
  }

  places(): PartitionPlace[] {
    return this.#log.topics.map((topic) => {
      const high = this.#log.endOf(topic);
      return { topic, partition: 0, next: this.position(topic, 0) ?? high, high };
    });
  }

  /** Hands over what is there, unless paused. */
  deliver(): void {
    const end = this.#log.end;
    while (!this.#isPaused && !this.#isClosed) {
      for (const range of this.#lost.take()) this.#options.onLost(range);
      if (this.#cursor >= this.#goal) this.#reachGoal?.();
      if (this.#cursor >= end) return;
      const read = this.#log.read(this.#cursor, Math.min(maxBatchRecords, end - this.#cursor));
      this.#cursor += read.length;
      const records = this.#wanted(read);
      if (records.length > 0) this.#options.onRecords(records);
    }
  }

  /** Without the records before the place where a topic is to start, if it is given. */
  #wanted(records: BrokerRecord[]): BrokerRecord[] {
    const { startAt } = this.#options;
    if (startAt === undefined || this.#cursor - records.length >= this.#goal) return records;
    const first = this.#cursor - records.length;
    return records.filter(({ topic, offset }, index) => {
      const from = startAt(topic, 0);
      return from === undefined ? first + index >= this.#sinceCursor : offset >= from;
    });
  }

  /** The log let go of `record`, its oldest. */
  overtake(record: BrokerRecord): void {
    if (this.#cursor >= this.#log.start) return;
    this.#cursor = this.#log.start;
    this.#log.overtaken += 1;
    this.#lost.add(record);
  }

  /** Resolves {@link caughtUp} too: nobody should wait for a reader that is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#host.closed();
    this.#reachGoal?.();
  }
}
