/** Reading from NATS: the whole stream, from a position of our own, through whatever happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, backoffMs } from '../../base/backoff.ts';
import { messageOf, RemoteError } from '../../base/errors.ts';
import { whileAnswered, within } from '../../base/time-limit.ts';
import type { Log } from '../../host/log.ts';
import type { ConsumeOptions, ConsumerState, Consumption, PartitionPlace } from '../broker.ts';
import { isStreamMissing } from './complaint.ts';
import { Cursor } from './cursor.ts';
import type { NatsLink } from './link.ts';
import { checkPull } from './pull.ts';
import { NatsReader, type ReaderStart } from './reader.ts';
import { Starts } from './starts.ts';
import type { NatsStream, StreamBounds } from './stream.ts';

const restartBackoff: Backoff = { baseMs: 100, maxMs: 2_000 };
/** A reader that went on for this long, in milliseconds, was a good one. */
const steadyMs = 3_000;
/** How often the stream is looked at, in milliseconds: tells loss, lag, and another incarnation. */
const probeMs = 2_000;
const probeTimeoutMs = 3_000;
/** A pause that lasts longer gives the consumer up, and what was fetched for it. */
const longPauseMs = 1_000;
/** A server that answers nothing for so long, in milliseconds, does not hold up the end. */
const silenceMs = 1_000;

/** What a consumption takes from its broker. */
export interface NatsConsumptionParts {
  readonly link: NatsLink;
  readonly stream: NatsStream;
  readonly log: Log;
  /** Positions of the stream's other incarnations mean other records. */
  readonly epoch: string;
  /** Of the consumers on the server. */
  readonly namePrefix: string;
}

/** Keeps a {@link NatsReader} running for ever, and knows how things stand. */
export class NatsConsumption implements Consumption {
  readonly #cursor: Cursor;
  readonly #options: ConsumeOptions;
  readonly #parts: NatsConsumptionParts;
  readonly #closing = new AbortController();
  #reader: NatsReader | undefined;
  #running: Promise<unknown> | undefined;
  /** Set when the stream lost its end: where to go on, instead of after what was handed over. */
  #restart: ReaderStart | undefined;
  #isPaused = false;
  #pauseTimer: NodeJS.Timeout | undefined;
  #resumed = Promise.withResolvers<void>();
  #isBrokerThere = true;
  #lastError: string | undefined;
  /** Said once and for good: the stream is another one. */
  #isAnother = false;
  /** The position at which the last probe found something odd. */
  #oddAt: number | undefined;
  /** When the stream last held what was read from it, in milliseconds since 1970. */
  #soundMs = Date.now();

  constructor(options: ConsumeOptions, parts: NatsConsumptionParts) {
    this.#options = options;
    this.#parts = parts;
    this.#cursor = new Cursor(options, parts.log);
  }

  get caughtUp(): Promise<void> {
    return this.#cursor.caughtUp;
  }

  /** Starts reading. Rejects with a RemoteError when that is not possible. */
  async open(): Promise<void> {
    const { link, stream, epoch, namePrefix } = this.#parts;
    try {
      const bounds = await stream.bounds();
      if (bounds.epoch !== epoch) throw this.#anotherStream();
      await checkPull(link, stream, `${namePrefix}-check`);
      const reader = await this.#openFirst(bounds);
      this.#running = Promise.all([this.#keepReading(reader), this.#keepProbing()]);
    } catch (error) {
      throw link.complaint(error, `reading stream ${stream.name}`);
    }
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#resumed = Promise.withResolvers();
    this.#reader?.pause();
    const letGo = () => this.#reader?.fail(new Error('paused'));
    this.#pauseTimer = setTimeout(letGo, longPauseMs).unref();
  }

  resume(): void {
    clearTimeout(this.#pauseTimer);
    this.#isPaused = false;
    this.#resumed.resolve();
    this.#reader?.resume();
  }

  state(): ConsumerState {
    const isReading = this.#reader !== undefined || this.#isPaused;
    const isThere = this.#parts.link.isConnected && this.#isBrokerThere && isReading;
    return {
      connected: isThere && !this.#isAnother && !this.#closing.signal.aborted,
      paused: this.#isPaused,
      lagRecords: this.#cursor.lagRecords,
      lastError: this.#lastError,
    };
  }

  /** All topics share the sequences of the stream. */
  position(_topic: string, partition: number): number | undefined {
    return partition === 0 ? this.#cursor.next : undefined;
  }

  places(): PartitionPlace[] {
    const { next, high } = this.#cursor;
    return [{ topic: this.#parts.stream.name, partition: 0, next, high }];
  }

  /** Resolves {@link caughtUp} too: nobody should wait for a reader that is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearTimeout(this.#pauseTimer);
    this.#resumed.resolve();
    this.#reader?.fail(new Error('closed'));
    const { connection } = this.#parts.link;
    await whileAnswered(silenceMs, () => connection.flush(), Promise.resolve(this.#running));
    this.#cursor.giveUp();
  }

  /** As the options say; see `ConsumeOptions.startAt`. */
  async #openFirst(bounds: StreamBounds): Promise<NatsReader> {
    const { startAt, lookbackMs, onLost } = this.#options;
    const recent = await this.#openReader({ sinceMs: Date.now() - lookbackMs });
    if (startAt === undefined) {
      this.#cursor.begin(recent.first, bounds, undefined);
      return recent;
    }
    const starts = new Starts(startAt, recent.first);
    const { first, seen } = starts;
    // Whoever wants to go on at a place of one topic has seen what came before it in all of them.
    if (seen < bounds.low) {
      onLost({ topic: undefined, partition: 0, from: seen, to: bounds.low - 1 });
    }
    const start = Math.min(Math.max(first, bounds.low), bounds.high);
    this.#cursor.begin(start, bounds, starts);
    if (start === recent.first) return recent;
    await recent[Symbol.asyncDispose]();
    return await this.#openReader({ sequence: start });
  }

  async #openReader(start: ReaderStart): Promise<NatsReader> {
    const { link, stream, namePrefix } = this.#parts;
    return await NatsReader.open({
      ...{ link, stream, namePrefix, start },
      onRecords: (records) => this.#cursor.take(records, this.#reader?.pending ?? 0),
    });
  }

  /** One reader after another, beginning with `first`. */
  async #keepReading(first: NatsReader): Promise<void> {
    const { signal } = this.#closing;
    let opening: Promise<NatsReader> | undefined = Promise.resolve(first);
    for (let attempt = 0; !signal.aborted && !this.#isAnother; attempt++) {
      const startMs = performance.now();
      try {
        await using reader: NatsReader = await (opening ?? this.#reopen());
        opening = undefined;
        this.#lastError = undefined;
        this.#reader = reader;
        if (this.#isPaused) reader.pause();
        reader.run();
        await reader.ended;
      } catch (error) {
        this.#reader = undefined;
        if (!this.#isPaused && !signal.aborted) this.#complain(error);
      }
      // One that opens and fails at once is not made again and again without a pause.
      if (performance.now() - startMs > steadyMs) attempt = 0;
      if (this.#isPaused) await this.#resumed.promise;
      else await sleep(backoffMs(attempt, restartBackoff), undefined, { signal }).catch(() => {});
      await this.#parts.link.untilConnected(signal);
    }
  }

  async #reopen(): Promise<NatsReader> {
    const { stream } = this.#parts;
    const bounds = await stream.bounds();
    this.#checkEpoch(bounds);
    if (this.#restart === undefined && bounds.high < this.#cursor.next) this.#goBack(bounds);
    const reader = await this.#openReader(this.#restart ?? { sequence: this.#cursor.next });
    if (this.#restart === undefined && reader.first < this.#cursor.next) {
      await reader[Symbol.asyncDispose]();
      throw new Error('the stream lost its end');
    }
    if (this.#restart !== undefined) {
      this.#cursor.next = reader.first;
      this.#restart = undefined;
    }
    this.#cursor.see(bounds);
    return reader;
  }

  #complain(error: unknown): void {
    if (this.#isAnother) return;
    this.#lastError = messageOf(this.#parts.link.complaint(error, 'reading'));
    // While the broker is away, that has been said.
    const level = this.#parts.link.isConnected ? 'warn' : 'debug';
    this.#parts.log[level]({ error: messageOf(error) }, 'reading stopped, trying again');
  }

  async #keepProbing(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted && !this.#isAnother) {
      await sleep(probeMs, undefined, { signal }).catch(() => {});
      if (!signal.aborted && this.#parts.link.isConnected) await this.#probe();
    }
  }

  async #probe(): Promise<void> {
    const { link, stream, log } = this.#parts;
    const askedMs = Date.now();
    try {
      const late = () => new Error(`the server did not answer within ${probeTimeoutMs}ms`);
      const bounds = await within(probeTimeoutMs, stream.bounds(), late);
      if (this.#closing.signal.aborted) return;
      if (!this.#isBrokerThere) log.info('stream is there again');
      this.#isBrokerThere = true;
      this.#checkEpoch(bounds);
      if (this.#reader !== undefined) this.#lastError = undefined;
      this.#compare(bounds, askedMs);
    } catch (error) {
      if (this.#closing.signal.aborted || this.#isAnother || !link.isConnected) return;
      this.#lastError = messageOf(link.complaint(error, 'looking at the stream'));
      if (this.#isBrokerThere) {
        log.warn(
          { error: this.#lastError, missing: isStreamMissing(error) },
          'stream is not there',
        );
      }
      this.#isBrokerThere = false;
    }
  }

  /** Acts on what is odd only when it was so at two probes: records under way explain the first. */
  #compare(bounds: StreamBounds, askedMs: number): void {
    const { low, high } = bounds;
    this.#cursor.see(bounds);
    const isOvertaken = low > this.#cursor.next;
    const isShrunk = high < this.#cursor.next;
    if (!isOvertaken && !isShrunk) {
      this.#oddAt = undefined;
      this.#soundMs = askedMs - probeMs;
      return;
    }
    const isSame = this.#oddAt === this.#cursor.next;
    this.#oddAt = this.#cursor.next;
    if (!isSame || this.#isPaused) return;
    if (isOvertaken) this.#cursor.lose(low);
    else {
      this.#goBack(bounds);
      this.#oddAt = undefined;
      this.#reader?.fail(new Error('the stream lost its end'));
    }
  }

  /**
   * A server that failed lost the end of the stream, and gives the same sequences to other records:
   * what it received since all was well has not been read yet.
   */
  #goBack({ high }: StreamBounds): void {
    this.#parts.log.error({ from: this.#cursor.next, to: high }, 'stream shrank, going back');
    this.#restart = { sinceMs: this.#soundMs };
  }

  /** Clients hold positions of the stream that was: going on would give them others' records. */
  #checkEpoch({ epoch }: StreamBounds): void {
    if (epoch === this.#parts.epoch || this.#isAnother) return;
    this.#isAnother = true;
    const error = this.#anotherStream();
    this.#lastError = `${error.message}; ${error.hint}`;
    this.#parts.log.error(
      { stream: this.#parts.stream.name },
      'stream was made anew, reading ends',
    );
    this.#reader?.fail(error);
    throw error;
  }

  #anotherStream(): RemoteError {
    const { stream, link } = this.#parts;
    return new RemoteError(`stream ${stream.name} on ${link.url} was made anew`, {
      hint: 'its positions start again: restart odin to read it',
    });
  }
}
