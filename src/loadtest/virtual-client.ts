/** One client of a load test: subscribes, checks what it receives, comes back when it is dropped. */
import { type Backoff, backoffMs } from '../base/backoff.ts';
import { disconnects } from '../protocol/disconnects.ts';
import { type ClientContext, epochMs } from './client-context.ts';
import { Connection, type ConnectionEnd, type ConnectionOwner } from './connection.ts';
import type { Cursor } from './cursor.ts';
import type { ControlMessage, ReceivedEvent } from './message-reader.ts';

const reconnectBackoff: Backoff = { baseMs: 250, maxMs: 10_000 };
/** A connection that lasted this long gives its client all attempts back. */
const stableMs = 5_000;
/** Longest wait that a refusal may ask for. */
const maxRetryAfterMs = 30_000;

/** A client, from its planned start until it is stopped; at most one connection at a time. */
export class VirtualClient implements ConnectionOwner {
  readonly cursor: Cursor;
  readonly #context: ClientContext;
  readonly #subscribeFrame: Buffer;
  #connection: Connection | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #plannedMs = 0;
  #attempt = 0;
  #opened = false;
  #openedAtMs = 0;
  #stopping = false;
  /** v1 number of the newest message of this connection. */
  #seq = 0;
  #epoch: string | undefined;

  /** `subscribeFrame` is the whole masked frame, shared by all clients that send the same. */
  constructor(cursor: Cursor, subscribeFrame: Buffer, context: ClientContext) {
    this.cursor = cursor;
    this.#subscribeFrame = subscribeFrame;
    this.#context = context;
  }

  /** Whether a socket of this client still exists. */
  get connected(): boolean {
    return this.#connection !== undefined;
  }

  /** Connects now; `plannedMs` (since 1970) is when that was due. */
  start(plannedMs: number): void {
    this.#plannedMs = plannedMs;
    this.#seq = 0;
    this.#connection = new Connection(this, this.#context);
  }

  /** Says goodbye; the client does not come back. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#retryTimer);
    this.#connection?.close();
  }

  /** Closes the socket at once, after {@link stop}. */
  destroy(): void {
    this.#connection?.destroy();
  }

  onUpgraded(): void {
    if (!this.#opened) this.#context.connectMs.record(this.#context.nowMs - this.#plannedMs);
    this.#connection?.send(this.#subscribeFrame);
  }

  onMessage(bytes: Buffer, start: number, end: number): void {
    const { counters, messages, nowMs } = this.#context;
    const message = messages.read(bytes, start, end, nowMs);
    counters.frames++;
    if (message.events.length > 0) this.#takeEvents(message.events);
    if (message.controls.length > 0) message.controls.forEach(this.#takeControl, this);
    if (message.complaint !== undefined) {
      counters.badMessages++;
      this.#context.errors.add('open-bad-message', message.complaint);
    }
  }

  onEnded(end: ConnectionEnd): void {
    const { counters, errors } = this.#context;
    const wasOpen = this.#connection?.phase === 'open';
    this.#connection = undefined;
    if (wasOpen) counters.active--;
    if (this.#stopping) return;
    errors.add(end.class, end.example);
    if (end.closeCode !== undefined) {
      counters.closeCodes.set(end.closeCode, (counters.closeCodes.get(end.closeCode) ?? 0) + 1);
    }
    if (wasOpen) this.#dropped();
    if (this.#mayRetry(end)) this.#retry(end.retryAfterMs ?? 0);
    else if (!this.#opened) counters.failed++;
  }

  #takeEvents(events: readonly ReceivedEvent[]): void {
    const { counters, ledger, latencyMs, measuring, nowMs, messages, settings } = this.#context;
    counters.received += events.length;
    for (const event of events) {
      ledger.observe(this.cursor, event);
      if (measuring) latencyMs.record(nowMs - event.ts);
    }
    if (settings.version === 'v1') {
      if (messages.seq !== this.#seq + 1) counters.seqBreaks++;
      this.#seq = messages.seq;
    }
  }

  #takeControl({ type, fields }: ControlMessage): void {
    const { counters } = this.#context;
    counters.control++;
    if (type === 'welcome') this.#enterEpoch(fields['epoch']);
    if (this.#connection?.phase !== 'subscribe') return;
    const { rejected } = fields;
    const refused = Array.isArray(rejected) && rejected.length > 0;
    if (type === 'error' || (type === 'subscription_ack' && refused)) {
      this.#connection.fail('subscribe-rejected', JSON.stringify(fields));
    } else if (type === 'subscription_ack') {
      this.#open(this.#connection);
    }
  }

  #open(connection: Connection): void {
    const { counters, nowMs } = this.#context;
    connection.confirm();
    this.cursor.subscribedAtMs = nowMs;
    this.#openedAtMs = nowMs;
    counters.active++;
    if (this.#opened) counters.reconnected++;
    else counters.opened++;
    this.#opened = true;
  }

  #enterEpoch(epoch: unknown): void {
    if (typeof epoch !== 'string') return;
    this.#context.enterEpoch(epoch);
    if (this.#epoch !== undefined && this.#epoch !== epoch) this.cursor.clear();
    this.#epoch = epoch;
  }

  #dropped(): void {
    this.#context.counters.dropped++;
    this.#context.ledger.disconnected(this.cursor);
    if (epochMs() - this.#openedAtMs >= stableMs) this.#attempt = 0;
  }

  /** Clients that never were open try again only when the server invites them to. */
  #mayRetry({ closeCode, retryAfterMs }: ConnectionEnd): boolean {
    if (this.#attempt >= this.#context.settings.reconnectAttempts) return false;
    if (!this.#opened) return retryAfterMs !== undefined;
    return closeCode === undefined || mayReturnAfter(closeCode);
  }

  #retry(retryAfterMs: number): void {
    const backoff = backoffMs(this.#attempt++, reconnectBackoff);
    const delayMs = Math.min(retryAfterMs, maxRetryAfterMs) + backoff;
    const plannedMs = epochMs() + delayMs;
    this.#retryTimer = setTimeout(() => this.start(plannedMs), delayMs);
  }
}

function mayReturnAfter(closeCode: number): boolean {
  const known = Object.values(disconnects).find(({ code }) => code === closeCode);
  return known?.mayReturn ?? closeCode < 4_500;
}
