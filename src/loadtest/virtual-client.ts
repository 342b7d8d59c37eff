/** One client of a load test: subscribes, checks what it receives, comes back when it is dropped. */
import { isObject } from '../base/values.ts';
import { type ClientContext, epochMs } from './client-context.ts';
import { timeRequestFrame } from './clock-offset.ts';
import { ConnectTimes } from './connect-phases.ts';
import { Connection, type ConnectionEnd, type ConnectionOwner } from './connection.ts';
import type { Cursor } from './cursor.ts';
import type { ControlMessage, ReceivedEvent } from './message-reader.ts';
import { type Since, sinceOf, subscribeFrame } from './resume.ts';
import { mayReturn, returnDelayMs } from './return-policy.ts';

/** A connection that lasted this long gives its client all attempts back. */
const stableMs = 5_000;
/** Longest wait that a notice may ask for before a client reconnects. */
const maxNoticeMs = 300_000;
/** Of the server's limit, what is left for `channels` and what stands around. */
const sinceShare = 0.75;

/** A client, from its planned start until it is stopped; at most one connection at a time. */
export class VirtualClient implements ConnectionOwner {
  readonly cursor: Cursor;
  readonly #context: ClientContext;
  readonly #subscribeFrame: Buffer;
  #connection: Connection | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  /** Of the first connection that comes to be, until its first event. */
  #times: ConnectTimes | undefined;
  /** When it asked for the server's time; NaN when no answer is due. */
  #askedMs = Number.NaN;
  #attempt = 0;
  #opened = false;
  #openedAtMs = 0;
  #stopping = false;
  /** It is known that it cannot get in. */
  #hasFailed = false;
  /** v1 number of the newest message of this connection. */
  #seq = 0;
  #epoch: string | undefined;
  /** What the present connection was told to resume from, and of which epoch that is. */
  #since: Since | undefined;
  #sinceEpoch: string | undefined;
  #noticeTimer: NodeJS.Timeout | undefined;
  /** It leaves its connection because the server asked for it. */
  #isMoving = false;

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
    this.#seq = 0;
    this.#times = this.#opened ? undefined : new ConnectTimes(plannedMs, epochMs());
    this.#askedMs = Number.NaN;
    this.#connection = new Connection(this, this.cursor.client, this.#context);
  }

  /** Says goodbye; the client does not come back. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#noticeTimer);
    this.#connection?.close();
  }

  /** Its time is over: like {@link stop}, while others stay. */
  leave(): void {
    const { counters, errors, ledger } = this.#context;
    if (this.#connection?.phase === 'open') {
      counters.active--;
      counters.left++;
    } else if (!this.#opened && !this.#hasFailed) {
      counters.failed++;
      errors.add('local-left-early', 'its time was over before it was in');
    }
    ledger.disconnected(this.cursor);
    this.#stopping = true;
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#noticeTimer);
    this.#connection?.leave();
  }

  /** Closes the socket at once, after {@link stop}. */
  destroy(): void {
    this.#connection?.destroy();
  }

  /** Sends a heartbeat, which the server answers with its time; false when it is not open. */
  askForTime(): boolean {
    if (this.#connection?.phase !== 'open') return false;
    this.#askedMs = epochMs();
    this.#connection.send(timeRequestFrame);
    return true;
  }

  onConnected(): void {
    this.#times?.connected(epochMs());
  }

  onSecured(): void {
    this.#times?.secured(epochMs());
  }

  onUpgraded(): void {
    this.#times?.upgraded(this.#context.nowMs);
    this.#since = this.#positions();
    this.#sinceEpoch = this.#epoch;
    const { channels } = this.cursor.subscriptions;
    this.#connection?.send(
      this.#since === undefined ? this.#subscribeFrame : subscribeFrame(channels, this.#since),
    );
    // Another server acknowledges nothing that is known here.
    if (this.#context.settings.protocol === 'raw') this.#acknowledged(undefined);
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
    clearTimeout(this.#noticeTimer);
    if (this.#stopping) return;
    if (wasOpen) counters.active--;
    if (this.#isMoving) return this.#moved();
    errors.add(end.class, end.example);
    if (end.closeCode !== undefined) {
      counters.closeCodes.set(end.closeCode, (counters.closeCodes.get(end.closeCode) ?? 0) + 1);
    }
    if (wasOpen) this.#dropped();
    if (mayReturn(end, this.#context.settings, this.#attempt, this.#opened)) this.#retry(end);
    else if (!this.#opened) this.#failed(end);
  }

  #failed({ refusal }: ConnectionEnd): void {
    const { counters } = this.#context;
    this.#hasFailed = true;
    counters.failed++;
    if (refusal !== undefined) counters.countRefusal(refusal);
  }

  #takeEvents(events: readonly ReceivedEvent[]): void {
    const { counters, ledger, stageLatencyMs, nowMs, messages, settings } = this.#context;
    counters.received += events.length;
    if (this.#times !== undefined && this.#opened) {
      this.#times.firstEvent(nowMs, this.#context.phases);
      this.#times = undefined;
    }
    for (const event of events) {
      ledger.observe(this.cursor, event);
      if (event.ts >= this.cursor.resumedAtMs) stageLatencyMs?.record(nowMs - event.ts);
    }
    if (settings.protocol === 'v1') {
      if (messages.seq !== this.#seq + 1) counters.seqBreaks++;
      this.#seq = messages.seq;
    }
  }

  #takeControl({ type, fields }: ControlMessage): void {
    if (type === 'pong') return this.#takeTime(Number(fields['ts']));
    this.#context.counters.control++;
    const { answer } = fields;
    if (answer instanceof Buffer) return this.#connection?.send(answer);
    if (type === 'welcome') this.#welcome(fields);
    else if (this.#connection?.phase === 'open') this.#takeNotice(type, fields);
    if (this.#connection?.phase !== 'subscribe') return;
    const { rejected } = fields;
    const refused = Array.isArray(rejected) && rejected.length > 0;
    if (type === 'error' || (type === 'subscription_ack' && refused)) {
      this.#connection.fail('subscribe-rejected', JSON.stringify(fields));
    } else if (type === 'subscription_ack') this.#acknowledged(fields['recovered']);
  }

  #acknowledged(recovered: unknown): void {
    this.#resumed(recovered);
    if (this.#connection !== undefined) this.#open(this.#connection);
  }

  #takeTime(serverMs: number): void {
    const { clock, nowMs } = this.#context;
    if (!Number.isNaN(this.#askedMs + serverMs)) clock.add(this.#askedMs, nowMs, serverMs);
    this.#askedMs = Number.NaN;
  }

  #takeNotice(type: string, fields: ControlMessage['fields']): void {
    const { counters, errors, ledger } = this.#context;
    if (type === 'error') {
      counters.serverErrors++;
      errors.add('open-error', JSON.stringify(fields));
    } else if (type === 'gap') counters.gapNotices++;
    else if (type === 'throttle_update') counters.throttleUpdates++;
    else if (type === 'skipped' && isObject(fields['channels'])) {
      ledger.announceSkipped(this.cursor, fields['channels']);
    } else if (type === 'reconnect_notice') {
      counters.reconnectNotices++;
      this.#reconnectIn(Number(fields['after_ms'] ?? 0));
    }
  }

  /** The server goes away soon: leaves it at the time that it chose for this client. */
  #reconnectIn(afterMs: number): void {
    clearTimeout(this.#noticeTimer);
    const delayMs = Math.min(Math.max(0, afterMs || 0), maxNoticeMs);
    this.#noticeTimer = setTimeout(() => {
      this.#isMoving = true;
      this.#connection?.leave();
    }, delayMs);
  }

  #moved(): void {
    this.#isMoving = false;
    this.#context.counters.moved++;
    this.#disconnected();
    this.start(epochMs());
  }

  #open(connection: Connection): void {
    const { counters, nowMs } = this.#context;
    connection.confirm();
    this.cursor.subscribedAtMs = nowMs;
    this.#openedAtMs = nowMs;
    counters.active++;
    if (this.#opened) counters.reconnected++;
    else {
      counters.opened++;
      this.#attempt = 0;
      this.#times?.subscribed(nowMs, this.#context.phases);
    }
    this.#opened = true;
  }

  /** What to resume from; undefined for a client that starts anew, and for all but v2. */
  #positions(): Since | undefined {
    const { settings, book, maxMessageBytes } = this.#context;
    if (settings.protocol !== 'v2' || this.#epoch === undefined || !this.cursor.hasPositions) {
      return undefined;
    }
    return sinceOf(this.cursor, book, this.#epoch, maxMessageBytes * sinceShare);
  }

  /** Takes what the acknowledgement says about the positions that it was asked to resume from. */
  #resumed(recovered: unknown): void {
    const { ledger, nowMs } = this.#context;
    if (!this.#opened) return;
    if (this.#since === undefined || !isObject(recovered)) return ledger.restarted(this.cursor);
    const isComplete = (subscription: string) => {
      const told = recovered[subscription];
      return isObject(told) && told['complete'] === true;
    };
    const incomplete = Object.keys(this.#since).filter((name) => !isComplete(name));
    if (this.#sinceEpoch !== this.#epoch) ledger.unrecoverable(incomplete.length);
    ledger.resumed(this.cursor, isComplete, nowMs);
  }

  #welcome({ epoch, limits }: ControlMessage['fields']): void {
    const messageBytes = isObject(limits) ? limits['message_bytes'] : undefined;
    if (typeof messageBytes === 'number') this.#context.maxMessageBytes = messageBytes;
    if (typeof epoch !== 'string') return;
    this.#context.enterEpoch(epoch);
    if (this.#epoch !== undefined && this.#epoch !== epoch) this.cursor.clear();
    this.#epoch = epoch;
  }

  #dropped(): void {
    this.#context.counters.dropped++;
    this.#disconnected();
  }

  #disconnected(): void {
    this.#context.ledger.disconnected(this.cursor);
    if (epochMs() - this.#openedAtMs >= stableMs) this.#attempt = 0;
  }

  #retry(end: ConnectionEnd): void {
    const delayMs = returnDelayMs(end, this.#attempt++);
    const plannedMs = epochMs() + delayMs;
    this.#retryTimer = setTimeout(() => this.start(plannedMs), delayMs);
  }
}
