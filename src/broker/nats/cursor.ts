/** Where a consumer stands in the stream: what is handed over, what is lost, what is still to come. */
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../host/log.ts';
import type { BrokerRecord, ConsumeOptions } from '../broker.ts';
import type { Starts } from './starts.ts';
import type { StreamBounds } from './stream.ts';

/** Takes records that come in the order of the stream and hands over what has not been before. */
export class Cursor {
  /** Resolves when everything below the goal was handed over. */
  readonly caughtUp: Promise<void>;
  /** Sequence of the next record to hand over. */
  next = 1;
  readonly #reachGoal: () => void;
  readonly #options: ConsumeOptions;
  readonly #log: Log;
  /** Of the stream: its oldest record, and what its next one will get, as far as is known. */
  #low = 1;
  #high = 1;
  /** Everything below was in the stream when reading began. */
  #goal = Number.POSITIVE_INFINITY;
  #starts: Starts | undefined;
  /** Nothing was handed over yet, and nobody asked for a certain place. */
  #isFresh = true;

  constructor(options: ConsumeOptions, log: Log) {
    this.#options = options;
    this.#log = log;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.caughtUp = promise;
    this.#reachGoal = resolve;
  }

  /** Begins at `next`; `starts` are the places of the topics, when there are any. */
  begin(next: number, bounds: StreamBounds, starts: Starts | undefined): void {
    this.next = next;
    this.#goal = bounds.high;
    this.#starts = starts;
    this.#isFresh = starts === undefined;
    this.see(bounds);
  }

  /** Takes in what the stream holds now. */
  see({ low, high }: StreamBounds): void {
    this.#low = low;
    this.#high = high;
    if (this.next >= this.#goal) this.#reachGoal();
  }

  /** Sequence that the next record of the stream will get, as far as is known. */
  get high(): number {
    return Math.max(this.#high, this.next);
  }

  /** Records that the stream holds and that were not handed over. */
  get lagRecords(): number {
    return Math.max(0, this.#high - Math.max(this.next, this.#low));
  }

  /** Records in the order of the stream, of which `pending` more come after these. */
  take(records: readonly BrokerRecord[], pending: number): void {
    let start = 0;
    for (let at = 0; at < records.length; at++) {
      const { offset } = records[at]!;
      if (offset !== this.next) {
        this.#handOver(records.slice(start, at));
        start = at;
        if (offset < this.next) {
          start += 1;
          continue;
        }
        this.lose(offset);
      }
      this.next = offset + 1;
    }
    this.#handOver(start === 0 ? records : records.slice(start));
    this.#high = Math.max(this.#high, this.next + pending);
    if (this.next >= this.#goal) this.#reachGoal();
  }

  /** What lies before `end` is gone from the stream. */
  lose(end: number): void {
    // A stream forgets all the time. What it forgets of the time before the start, between the asking
    // and the first answer, was too old: a look-back as long as its memory begins at that edge.
    const from = this.#isFresh ? Math.max(this.next, this.#goal) : this.next;
    this.next = end;
    if (from < end) {
      // Which topics those records were of, nobody knows any more.
      this.#options.onLost({ topic: undefined, partition: 0, from, to: end - 1 });
    }
    if (this.next >= this.#goal) this.#reachGoal();
  }

  /** Resolves {@link caughtUp} all the same: the consumer ends. */
  giveUp(): void {
    this.#reachGoal();
  }

  #handOver(taken: readonly BrokerRecord[]): void {
    const records = this.#starts?.wanted(taken, this.#goal) ?? taken;
    if (records.length === 0) return;
    this.#isFresh = false;
    try {
      this.#options.onRecords(records);
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, 'records were not taken');
    }
  }
}
