/** Sending to NATS: every record with an id of its own, again until the stream has it. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiError } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { backoffMs } from '../../base/backoff.ts';
import { messageOf, RemoteError } from '../../base/errors.ts';
import { formatBytes, formatDuration } from '../../base/units.ts';
import type { Log } from '../../host/log.ts';
import type { OutgoingRecord, Producer } from '../broker.ts';
import { RecordsUnfit, TakenOver } from '../send-failures.ts';
import { isFinal, isRefusal, isStreamMissing, isTooLarge, isUnanswered } from './complaint.ts';
import { timeHeader } from './headers.ts';
import { Lanes, type Message, type Turn } from './lanes.ts';
import type { NatsLink } from './link.ts';
import { OnlyOne } from './only-one.ts';
import type { NatsStream } from './stream.ts';

/** A record that the stream did not take within this time of its sending is given up. */
const usualGiveUpMs = 120_000;
/** How often it is looked for records that wait for longer than that. */
const sweepMs = 1_000;
const ackTimeoutMs = 3_000;
const retryBackoff = { baseMs: 100, maxMs: 1_000 };
/** The server forgets ids a little before or after its window. */
const windowSlackMs = 2_000;
/** Of the JetStream API: beyond `max_msg_size` of the stream, and headers beyond 64 KiB. */
const unfitCodes = [10_054, 10_097];
const limits = { maxUnderWay: 256, maxWaiting: 500_000 };

/** What a producer takes from its broker. */
export interface NatsProducerParts {
  readonly link: NatsLink;
  readonly stream: NatsStream;
  readonly log: Log;
  readonly nodeId: string;
  /**
   * The only producer of this name; see `ProducerOptions`. The first record that is given up ends
   * it: whoever sends has to find out what is there.
   */
  readonly exclusiveAs?: string | undefined;
  /** When a record is given up that the stream did not take, in milliseconds. */
  readonly giveUpMs?: number;
}

/**
 * Up to 256 records are under way, and one of each subject. A record goes again under the same
 * id, which the stream knows for its duplicate window: so the repeat of a record that it has is
 * no second one. Beyond the window that would not hold, and the record is given up, connected or not.
 */
export class NatsProducer implements Producer {
  readonly #link: NatsLink;
  readonly #stream: NatsStream;
  readonly #log: Log;
  readonly #onlyOne: OnlyOne | undefined;
  readonly #giveUpMs: number;
  readonly #lanes = new Lanes(limits);
  readonly #idPrefix = randomBytes(9).toString('base64url');
  readonly #closing = new AbortController();
  /** Ends the waiting for answers that a broken connection cannot bring. */
  readonly #unanswered = new Set<(error: Error) => void>();
  readonly #watching: Disposable;
  readonly #sweeping: NodeJS.Timeout;
  #sent = 0;
  #windowMs = 0;
  #isFailing = false;
  /** What ended it. */
  #failure: RemoteError | undefined;

  constructor({ link, stream, log, nodeId, exclusiveAs, giveUpMs }: NatsProducerParts) {
    if (exclusiveAs !== undefined) {
      const subject = stream.subjects.ofProducer(exclusiveAs);
      const hint = ', by the clocks of their machines';
      this.#onlyOne = new OnlyOne({
        ...{ link, subject, log, nodeId },
        onTakenOver: (who) => this.#failForGood(new TakenOver(exclusiveAs, { who, hint })),
      });
    }
    this.#giveUpMs = giveUpMs ?? usualGiveUpMs;
    this.#sweeping = setInterval(() => this.#sweep(), sweepMs).unref();
    this.#link = link;
    this.#stream = stream;
    this.#log = log;
    this.#watching = link.watch({
      connected: () => this.#pump(),
      disconnected: () => {
        for (const reject of this.#unanswered) reject(new Error('the connection is lost'));
      },
    });
  }

  /** Rejects with a RemoteError when there is no stream. */
  async open(): Promise<void> {
    try {
      const { duplicateWindowMs } = await this.#stream.bounds();
      this.#windowMs = duplicateWindowMs;
      await this.#onlyOne?.open();
    } catch (error) {
      throw this.#link.complaint(error, `looking at stream ${this.#stream.name}`);
    }
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#closing.signal.aborted) throw new RemoteError('the producer is closed');
    if (records.length === 0) return;
    const adding = this.#lanes.add(records.map((record) => this.#messageOf(record)));
    this.#pump();
    await adding;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    clearInterval(this.#sweeping);
    this.#onlyOne?.[Symbol.dispose]();
    const error = closedError();
    this.#lanes.rejectAll(error);
    for (const reject of this.#unanswered) reject(error);
    this.#watching[Symbol.dispose]();
  }

  #messageOf(record: OutgoingRecord): Message {
    const { topic, key } = record;
    const subject = this.#stream.subjects.of(topic, key);
    if (subject === undefined) {
      const isTopic = this.#stream.subjects.knows(topic);
      const what = isTopic ? `key ${JSON.stringify(key.slice(0, 64))}` : `topic ${topic}`;
      throw new RecordsUnfit(`there is no subject on ${this.#link.url} for ${what}`, {
        hint: isTopic ? 'keys are token symbols, or global.<name>' : undefined,
      });
    }
    const id = record.id ?? `${this.#idPrefix}.${this.#sent++}`;
    return { subject, record, id, sinceMs: performance.now() };
  }

  #pump(): void {
    while (this.#link.isConnected && !this.#closing.signal.aborted) {
      const turn = this.#lanes.take();
      if (turn === undefined) break;
      void this.#deliver(turn).then(() => this.#pump());
    }
  }

  /** Sends a message until the stream has it, or its time is over. Never rejects. */
  async #deliver({ message, done, failed }: Turn): Promise<void> {
    const { signal } = this.#closing;
    const giveUpAtMs = message.sinceMs + this.#giveUpMs;
    /** From then on the stream may have it, and not know it again. */
    let forgottenAtMs = Number.POSITIVE_INFINITY;
    for (let attempt = 0; ; attempt++) {
      const attemptMs = performance.now();
      try {
        await this.#publish(message);
        this.#isFailing = false;
        return done();
      } catch (error) {
        if (!isRefusal(error)) {
          forgottenAtMs = Math.min(forgottenAtMs, attemptMs + this.#windowMs - windowSlackMs);
        }
        const final = signal.aborted ? undefined : await this.#finalError(error);
        if (final !== undefined) return this.#giveUp(failed, this.#complaint(final));
        this.#sayRetry(error);
        await this.#untilRetry(attempt, Math.min(forgottenAtMs, giveUpAtMs));
        const nowMs = performance.now();
        if (signal.aborted) return failed(this.#failure ?? closedError());
        if (nowMs >= forgottenAtMs) return this.#giveUp(failed, this.#forgotten(error));
        if (nowMs >= giveUpAtMs) return this.#giveUp(failed, this.#complaint(error));
      }
    }
  }

  /** Resolves when another try makes sense, and no later than `untilMs` by `performance.now()`. */
  async #untilRetry(attempt: number, untilMs: number): Promise<void> {
    const leftMs = Math.max(0, Math.ceil(untilMs - performance.now()));
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(leftMs)]);
    await sleep(backoffMs(attempt, retryBackoff), undefined, { signal }).catch(() => {});
    await this.#link.untilConnected(signal);
  }

  /** What waits its turn is bounded too: while the server is away, nothing has one. */
  #sweep(): void {
    const error = new RemoteError(
      `publishing failed at ${this.#link.url}: not taken within ${formatDuration(this.#giveUpMs)}`,
      { hint: 'the server was away, or takes less than is published' },
    );
    if (this.#lanes.rejectOlder(performance.now() - this.#giveUpMs, error))
      this.#failForGood(error);
  }

  #giveUp(failed: Turn['failed'], error: RemoteError): void {
    failed(error);
    this.#failForGood(error);
  }

  #failForGood(error: RemoteError): void {
    if (this.#onlyOne === undefined || this.#failure !== undefined) return;
    this.#failure = error;
    this.#closing.abort();
    this.#lanes.rejectAll(error);
  }

  async #publish({ subject, record, id }: Message): Promise<void> {
    const own = headers();
    for (const [name, text] of Object.entries(record.headers ?? {})) own.set(name, text);
    own.set(timeHeader, String(record.timestampMs));
    const lost = Promise.withResolvers<never>();
    this.#unanswered.add(lost.reject);
    try {
      await Promise.race([
        this.#link.client.publish(subject, record.value, {
          msgID: id,
          headers: own,
          // Another stream may hold the same subject, and answer.
          expect: { streamName: this.#stream.name },
          timeout: ackTimeoutMs,
        }),
        lost.promise,
      ]);
    } finally {
      this.#unanswered.delete(lost.reject);
    }
  }

  /** What makes another try useless. */
  async #finalError(error: unknown): Promise<unknown> {
    if (isFinal(error)) return error;
    if (!isUnanswered(error)) return undefined;
    // Nobody listens to the subject: the stream moves to another server, or it is gone.
    return await this.#stream.bounds().then(
      () => undefined,
      (reason: unknown) => (isStreamMissing(reason) ? reason : undefined),
    );
  }

  #complaint(error: unknown): RemoteError {
    const { url } = this.#link;
    if (isTooLarge(error)) {
      const maxBytes = this.#link.connection.info?.max_payload ?? 0;
      const hint = `its limit is ${formatBytes(maxBytes)} with headers: raise max_payload of the server`;
      return new RecordsUnfit(`record is larger than ${url} takes`, { hint, cause: error });
    }
    if (error instanceof JetStreamApiError && unfitCodes.includes(error.code)) {
      return new RecordsUnfit(`${url}: ${error.message}`, { cause: error });
    }
    return this.#link.complaint(error, 'publishing');
  }

  #forgotten(error: unknown): RemoteError {
    return new RemoteError(
      `publishing failed at ${this.#link.url}: no answer within the duplicate window of the stream`,
      {
        hint: 'the record may be in the stream; sent again, it might be there twice',
        cause: error,
      },
    );
  }

  #sayRetry(error: unknown): void {
    const level = this.#isFailing || this.#closing.signal.aborted ? 'debug' : 'warn';
    this.#isFailing = true;
    this.#log[level]({ error: messageOf(error) }, 'broker took no records, retrying');
  }
}

function closedError(): RemoteError {
  return new RemoteError('the producer was closed before the broker answered');
}
