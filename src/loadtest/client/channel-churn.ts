/** One client that drops a channel and takes it back while its connection stays. */
import { type Random, randomIndex } from '../../base/random.ts';
import { maskedFrameOf, opcodes } from '../../protocol/websocket-frame.ts';
import type { Cursor } from '../delivery/cursor.ts';
import { SubscriptionTimes } from '../delivery/subscription-times.ts';
import { arrivalMs } from '../plan/plan.ts';
import { epochMs } from '../run-clock.ts';
import type { ClientContext } from './client-context.ts';
import type { ControlMessage } from './message-reader.ts';
import { isRefusal } from './server-notices.ts';

/** Any four bytes will do, see {@link maskedFrameOf}. */
const mask = 0x6f64696e;
/** Tells errors about changes from all others. */
const requestId = 'churn';
/** A server that refuses a change is left alone for this long: it may count messages per second. */
const patienceMs = 1_000;

/** What is asked for, and what it waits for; at most one channel is not there. */
export class ChannelChurn {
  readonly #cursor: Cursor;
  readonly #context: ClientContext;
  readonly #send: (frame: Buffer) => void;
  #phase: 'subscribed' | 'leaving' | 'away' | 'joining' = 'subscribed';
  #channel = '';
  #awayMs = 0;
  #askedAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `send` writes a masked frame to the connection that is open. */
  constructor(cursor: Cursor, context: ClientContext, send: (frame: Buffer) => void) {
    this.#cursor = cursor;
    this.#context = context;
    this.#send = send;
  }

  /** Drops a channel and, `awayMs` after that is acknowledged, takes it back; false while one is away. */
  drop(random: Random, awayMs: number): boolean {
    if (this.#phase !== 'subscribed') return false;
    const { channels } = this.#cursor.subscriptions;
    this.#channel = channels[randomIndex(random, channels.length)] as string;
    this.#awayMs = awayMs;
    this.#phase = 'leaving';
    this.#times.leave(this.#channel);
    this.#ask('unsubscribe');
    return true;
  }

  /** Takes a message of the open connection, which may be the answer. */
  take({ type, fields }: ControlMessage): void {
    if (type === 'error' && fields['id'] === requestId) return this.#refused();
    if (type === 'error' && fields['code'] === 'RATE_LIMIT_EXCEEDED') return this.#ignored();
    if (type === 'unsubscription_ack' && this.#phase === 'leaving') return this.#left();
    if (type !== 'subscription_ack' || this.#phase !== 'joining') return;
    if (isRefusal(fields)) {
      this.#context.errors.add('subscribe-rejected', JSON.stringify(fields));
      return this.#refused();
    }
    clearTimeout(this.#timer);
    this.#phase = 'subscribed';
    this.#times.joined(this.#channel, this.#context.nowMs);
    this.#context.counters.resubscribed++;
    this.#answered();
  }

  /** The connection is gone, or is to go: the next one starts with all channels. */
  end(): void {
    clearTimeout(this.#timer);
    this.#phase = 'subscribed';
  }

  get #times(): SubscriptionTimes {
    this.#cursor.times ??= new SubscriptionTimes();
    return this.#cursor.times;
  }

  #left(): void {
    clearTimeout(this.#timer);
    const { ledger, counters } = this.#context;
    ledger.unsubscribed(this.#cursor, this.#channel, this.#askedAtMs - arrivalMs);
    counters.unsubscribed++;
    this.#answered();
    this.#stayAway(this.#awayMs);
  }

  #stayAway(forMs: number): void {
    this.#phase = 'away';
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#join(), forMs);
  }

  #join(): void {
    this.#phase = 'joining';
    this.#times.join(this.#channel);
    this.#ask('subscribe');
  }

  /** Still as it was: it keeps what it wanted to drop, or tries again to take back what it lacks. */
  #refused(): void {
    if (this.#phase === 'joining') {
      this.#times.refuse(this.#channel);
      this.#stayAway(Math.max(this.#awayMs, patienceMs));
    } else if (this.#phase === 'leaving') {
      clearTimeout(this.#timer);
      this.#times.stay();
      this.#phase = 'subscribed';
    }
  }

  /**
   * A message was one too many. It may have been another one than what waits for its answer: that is
   * asked for again when no answer comes, and means the same then.
   */
  #ignored(): void {
    const type = { leaving: 'unsubscribe', joining: 'subscribe' } as const;
    const asked = this.#phase;
    if (asked !== 'leaving' && asked !== 'joining') return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(type[asked]), patienceMs);
  }

  #ask(type: 'subscribe' | 'unsubscribe'): void {
    const text = JSON.stringify({ type, id: requestId, data: { channels: [this.#channel] } });
    this.#context.counters.churned++;
    this.#askedAtMs = epochMs();
    this.#send(maskedFrameOf(Buffer.from(text), mask, opcodes.text));
  }

  #answered(): void {
    this.#context.acks.record(this.#context.nowMs - this.#askedAtMs);
  }
}
