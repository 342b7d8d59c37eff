/** One pass over the stream: a consumer of our own on the server, for as long as all goes well. */
import { randomBytes } from 'node:crypto';
import { AckPolicy, type ConsumerConfig, DeliverPolicy } from '@nats-io/jetstream';
import {
  createInbox,
  type Msg,
  type MsgHdrs,
  nanos,
  type Subscription,
} from '@nats-io/transport-node';
import { messageOf } from '../../base/errors.ts';
import { atMost } from '../../base/time-limit.ts';
import type { BrokerRecord, Headers } from '../broker.ts';
import { timeHeader } from './headers.ts';
import type { NatsLink } from './link.ts';
import { pullSubject } from './pull.ts';
import type { NatsStream } from './stream.ts';

/** Records asked for at a time; they may have to be held while the consumer is paused. */
const pullRecords = 2_048;
const pullBytes = 8 * 1024 * 1024;
/** What the server counts beside the value of a record, at most: subject, headers, reply. */
const frameBytes = 64 * 1024;
const pullMs = 30_000;
/** The server says that it is there so often while it has nothing for us, in milliseconds. */
const heartbeatMs = 2_000;
const missedHeartbeatsMs = 2 * heartbeatMs + 1_000;
/** A consumer that nobody asks anything is deleted by the server after this time. */
const inactiveMs = 30_000;
const closeMs = 2_000;
/** Records handed over in one call at most: a reader that is paused in one takes no further one. */
const maxBatchRecords = 512;

/** Where to start. */
export type ReaderStart = { readonly sequence: number } | { readonly sinceMs: number };

/** What a reader is made of. */
export interface NatsReaderParts {
  readonly link: NatsLink;
  readonly stream: NatsStream;
  /** Consumers of it are named `<namePrefix>-<random>`. */
  readonly namePrefix: string;
  readonly start: ReaderStart;
  /** Only records of these subjects. */
  readonly filter?: string | undefined;
  readonly withHeaders?: boolean | undefined;
  /** Takes records in the order of the stream; their sequences may have gaps. */
  readonly onRecords: (records: readonly BrokerRecord[]) => void;
}

/**
 * The server's consumer numbers what it delivers. As long as these numbers have no gap, nothing was
 * lost on the way, and a gap in the sequences of the stream means that the stream holds no such
 * records. The first thing out of order ends the reader; whoever made it makes another.
 */
export class NatsReader implements AsyncDisposable {
  /** Rejects with the reason when the reader can go no further; never resolves. */
  readonly ended: Promise<never>;
  readonly #end: (reason: Error) => void;
  readonly #parts: NatsReaderParts;
  readonly #name: string;
  readonly #inbox: string;
  readonly #cleanUp = new DisposableStack();
  #subscription: Subscription | undefined;
  #isOver = false;
  #isPaused = false;
  #held: BrokerRecord[] = [];
  #isFlushing = false;
  /** Number of the newest delivery. */
  #delivered = 0;
  /** Records of the pull under way that have not come yet; 0 when none is. */
  #awaited = 0;
  #activeMs = performance.now();
  #first = 1;
  #pending = 0;

  private constructor(parts: NatsReaderParts) {
    this.#parts = parts;
    this.#name = `${parts.namePrefix}-${randomBytes(6).toString('hex')}`;
    this.#inbox = createInbox();
    const { promise, reject } = Promise.withResolvers<never>();
    promise.catch(() => {});
    this.ended = promise;
    this.#end = reject;
  }

  /** Rejects as the library does. */
  static async open(parts: NatsReaderParts): Promise<NatsReader> {
    const reader = new NatsReader(parts);
    try {
      await reader.#open();
    } catch (error) {
      await reader[Symbol.asyncDispose]();
      throw error;
    }
    return reader;
  }

  /** Sequence of the first record that it may deliver, whether there is one yet or not. */
  get first(): number {
    return this.#first;
  }

  /** Records that it has not delivered yet, as of the newest that it has. */
  get pending(): number {
    return this.#pending + this.#held.length;
  }

  /** Begins to deliver. */
  run(): void {
    this.#pull();
  }

  /** Hands nothing over and asks for nothing; what is under way is kept. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#activeMs = performance.now();
    this.#flushSoon();
  }

  /** Ends it at once. */
  fail(reason: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held = [];
    this.#cleanUp.dispose();
    this.#subscription?.unsubscribe();
    this.#end(reason);
  }

  /** Leaves nothing on the server, if it can be reached. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.fail(new Error('closed'));
    const { link, stream } = this.#parts;
    if (!link.isConnected) return;
    const deleting = link.manager.consumers.delete(stream.name, this.#name);
    await atMost(closeMs, deleting);
  }

  async #open(): Promise<void> {
    const { link, stream, filter } = this.#parts;
    this.#cleanUp.use(
      link.watch({ disconnected: () => this.fail(new Error('the connection is lost')) }),
    );
    this.#subscription = link.connection.subscribe(this.#inbox, {
      callback: (error, message) => this.#take(error, message),
    });
    const info = await link.manager.consumers.add(stream.name, {
      name: this.#name,
      ...this.#startConfig(),
      ack_policy: AckPolicy.None,
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: nanos(inactiveMs),
      ...(filter === undefined ? {} : { filter_subject: filter }),
    });
    this.#first = info.delivered.stream_seq + 1;
    this.#pending = info.num_pending;
    const timer = setInterval(() => this.#checkLife(), heartbeatMs);
    this.#cleanUp.defer(() => clearInterval(timer));
  }

  #startConfig(): Partial<ConsumerConfig> {
    const { start } = this.#parts;
    if ('sequence' in start) {
      return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence };
    }
    const time = new Date(start.sinceMs).toISOString();
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: time };
  }

  #pull(): void {
    if (this.#isOver || this.#isPaused || this.#awaited > 0) return;
    const { link, stream } = this.#parts;
    this.#awaited = pullRecords;
    const request = {
      batch: pullRecords,
      max_bytes: Math.max(pullBytes, (link.connection.info?.max_payload ?? 0) + frameBytes),
      expires: nanos(pullMs),
      idle_heartbeat: nanos(heartbeatMs),
    };
    const subject = pullSubject(stream, this.#name);
    try {
      link.connection.publish(subject, JSON.stringify(request), { reply: this.#inbox });
    } catch (error) {
      this.fail(error instanceof Error ? error : new Error(messageOf(error)));
    }
  }

  #take(error: Error | null, message: Msg): void {
    if (this.#isOver) return;
    if (error !== null) return this.fail(error);
    this.#activeMs = performance.now();
    // Of the library: what a callback throws would end the reading of the socket.
    try {
      if (message.reply?.startsWith('$JS.ACK.')) this.#takeRecord(message, message.reply);
      else this.#takeStatus(message);
    } catch (thrown) {
      this.fail(thrown instanceof Error ? thrown : new Error(messageOf(thrown)));
    }
  }

  #takeRecord(message: Msg, reply: string): void {
    const tokens = reply.split('.');
    // `$JS.ACK.<stream>.<consumer>.` or, with two more, `$JS.ACK.<domain>.<account>.<stream>…`
    const at = tokens.length === 9 ? 5 : 7;
    const delivery = Number(tokens[at + 1]);
    if (delivery !== this.#delivered + 1) {
      return this.fail(new Error(`delivery ${this.#delivered + 1} was lost on the way`));
    }
    this.#delivered = delivery;
    this.#pending = Number(tokens[at + 3]);
    if (this.#awaited > 0) this.#awaited -= 1;
    const { data } = message;
    const { stream, withHeaders } = this.#parts;
    const { topic, key } = stream.subjects.placeOf(message.subject);
    const sentMs = Number(message.headers?.get(timeHeader) || Number.NaN);
    const extra = withHeaders ? { headers: textsOf(message.headers) } : undefined;
    this.#held.push({
      ...extra,
      topic,
      partition: 0,
      offset: Number(tokens[at]),
      key,
      value: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
      timestampMs: Number.isFinite(sentMs) ? sentMs : Math.floor(Number(tokens[at + 2]) / 1e6),
    });
    this.#flushSoon();
  }

  /** Messages without a record: the pull is over, the server lives, or the consumer is gone. */
  #takeStatus({ headers }: Msg): void {
    const code = headers?.code ?? 0;
    const text = headers?.description ?? '';
    if (code === 100) {
      const delivered = Number(headers?.get('Nats-Last-Consumer') || 0);
      if (delivered > this.#delivered) {
        this.fail(new Error(`deliveries up to ${delivered} were lost on the way`));
      }
      return;
    }
    const isPullOver =
      code === 404 || code === 408 || (code === 409 && /max ?bytes|batch completed/i.test(text));
    if (!isPullOver) return this.fail(new Error(`the server says ${code} ${text}`.trimEnd()));
    this.#awaited = 0;
    this.#flushSoon();
  }

  /** When all that came with one piece of the socket is here. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#held.length > 0 && !this.#isPaused && !this.#isOver) {
      const batch = this.#held.slice(0, maxBatchRecords);
      this.#held = this.#held.slice(maxBatchRecords);
      this.#parts.onRecords(batch);
    }
    this.#pull();
  }

  #checkLife(): void {
    if (this.#awaited === 0) return;
    if (performance.now() - this.#activeMs < missedHeartbeatsMs) return;
    this.fail(new Error('the server sends no heartbeats'));
  }
}

function textsOf(headers: MsgHdrs | undefined): Headers {
  return Object.fromEntries((headers?.keys() ?? []).map((name) => [name, headers!.get(name)]));
}
