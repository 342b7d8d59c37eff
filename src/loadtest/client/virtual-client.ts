/** One client of a load test: subscribes, checks what it receives, comes back when it is dropped. */
import type { Random } from '../../base/random.ts';
import { Cursor } from '../delivery/cursor.ts';
import type { Conduct } from '../plan/cast.ts';
import { epochMs } from '../run-clock.ts';
import { ConnectTimes } from '../socket/connect-phases.ts';
import { Connection } from '../socket/connection.ts';
import type { ConnectionEnd, ConnectionOwner } from '../socket/connection-owner.ts';
import { ChannelChurn } from './channel-churn.ts';
import type { ClientContext } from './client-context.ts';
import { timeRequestFrame } from './clock-offset.ts';
import type { Cohort, CohortMember } from './cohort.ts';
import type { ControlMessage, ReceivedEvent, ReceivedMessage } from './message-reader.ts';
import { PlannedAbsence } from './planned-absence.ts';
import { subscribeFrame } from './resume.ts';
import { Resumption } from './resumption.ts';
import { mayReturn, returnDelayMs } from './return-policy.ts';
import { countNotice, isRefusal } from './server-notices.ts';

/** A connection that lasted this long gives its client all attempts back. */
const stableMs = 5_000;

/** A client, from its planned start until it is stopped; at most one socket at a time. */
export class VirtualClient implements ConnectionOwner, CohortMember {
  readonly cursor: Cursor;
  readonly receiver: Cohort;
  readonly #context: ClientContext;
  readonly #subscribeFrame: Buffer;
  #conduct: Conduct;
  readonly absence: PlannedAbsence;
  /** Until its socket is closed. */
  #connection: Connection | undefined;
  /** It is time to connect again, as soon as the old socket is closed. */
  #isDue = false;
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
  readonly #resumption: Resumption;
  /** Made when it first changes its subscriptions. */
  #churn: ChannelChurn | undefined;

  /** `client` is its number in the whole test; `subscribeFrame` is masked, and may be shared. */
  constructor(client: number, cohort: Cohort, subscribeFrame: Buffer, conduct: Conduct = 'good') {
    this.#conduct = conduct;
    this.receiver = cohort;
    this.#context = cohort.context;
    this.absence = new PlannedAbsence(cohort.context.counters);
    this.cursor = new Cursor(client, cohort.subscriptions);
    this.#resumption = new Resumption(this.cursor, this.#context);
    this.#subscribeFrame = subscribeFrame;
    cohort.join(this);
  }

  get row(): number {
    return this.cursor.row;
  }

  /** Whether a socket of this client still exists. */
  get connected(): boolean {
    return this.#connection !== undefined;
  }

  get isOpen(): boolean {
    return this.#connection?.isOpen === true;
  }

  /** Whether others read before it what they left: it may have more to read. */
  get isWaiting(): boolean {
    return this.#connection?.isWaiting === true;
  }

  get answersPings(): boolean {
    return this.#conduct !== 'silent';
  }

  /** Connects now; `plannedMs` (since 1970) is when that was due. */
  start(plannedMs: number): void {
    this.#isDue = false;
    this.#seq = 0;
    this.#times = this.#opened ? undefined : new ConnectTimes(plannedMs, epochMs());
    this.#askedMs = Number.NaN;
    this.#connection = new Connection(this, this.cursor.client, this.#context);
  }

  /** Says goodbye; the client does not come back. */
  stop(): void {
    this.#stayAway();
    this.#connection?.close();
  }

  /** Its time is over: like {@link stop}, while others stay. */
  leave(): void {
    const { counters, errors, ledger } = this.#context;
    // One that says goodbye because it is moved is in until it is gone.
    const isIn = this.#connection?.phase === 'open' && !this.#connection.isOver;
    if (this.#opened) counters.countGone(isIn, this.absence.isOnTheWay);
    else if (!this.#hasFailed) {
      // One that was given up at the end may have to go all the same.
      this.#hasFailed = true;
      counters.failed++;
      errors.add('local-left-early', 'its time was over before it was in');
    }
    ledger.disconnected(this.cursor);
    this.#stayAway();
    this.#connection?.leave();
    this.receiver.leave(this);
  }

  /** Leaves if it never was in: the run is over. */
  giveUp(): void {
    if (!this.#opened) this.leave();
  }

  #stayAway(): void {
    this.#stopping = true;
    this.#isDue = false;
    clearTimeout(this.#retryTimer);
    this.absence.stay();
    this.#churn?.end();
  }

  /** Drops one of its channels for `awayMs`; false when it is not open, or lacks one already. */
  churn(random: Random, awayMs: number): boolean {
    if (!this.isOpen) return false;
    const send = (frame: Buffer) => this.#connection?.send(frame);
    this.#churn ??= new ChannelChurn(this.cursor, this.#context, send);
    return this.#churn.drop(random, awayMs);
  }

  /** Loses its connection without a word, and comes back at once. */
  dropOut(): void {
    this.#context.counters.stormed++;
    this.absence.stormedAtMs = epochMs();
    this.#connection?.destroy();
  }

  /** Reads on from now on, also on its next connection. */
  hurry(): void {
    if (this.#conduct === 'slow') this.#conduct = 'good';
    this.#connection?.readOn();
  }

  /** Closes the socket at once, after {@link stop}. */
  destroy(): void {
    this.#connection?.destroy();
  }

  /** Sends a heartbeat, which the server answers with its time; false when it is not open. */
  askForTime(): boolean {
    if (!this.isOpen || this.#conduct !== 'good') return false;
    this.#askedMs = epochMs();
    this.#connection?.send(timeRequestFrame);
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
    const since = this.#resumption.begin();
    const { channels } = this.cursor.subscriptions;
    this.#connection?.send(
      since === undefined ? this.#subscribeFrame : subscribeFrame(channels, since),
    );
    // Another server acknowledges nothing that is known here.
    if (this.#context.settings.protocol === 'raw') this.#acknowledged(undefined);
  }

  onMessage(message: ReceivedMessage): void {
    if (message.events.length > 0) this.#takeEvents(message.events);
    for (const control of message.controls) this.#takeControl(control);
    if (message.complaint !== undefined) this.#context.countUnreadable(message.complaint);
  }

  onEnded(end: ConnectionEnd): void {
    const { counters, settings } = this.#context;
    const wasOpen = this.#connection?.phase === 'open';
    if (this.#stopping) return;
    if (wasOpen) counters.active--;
    if (this.absence.isMoving) counters.moved++;
    if (this.absence.begin(wasOpen)) {
      this.#disconnected();
      this.#isDue = true;
      return;
    }
    this.#context.countEnd(end);
    if (wasOpen) {
      counters.dropped++;
      this.#disconnected();
    }
    if (mayReturn(end, settings, this.#attempt, this.#opened)) return this.#retry(end);
    this.absence.stay();
    if (this.#opened) return;
    this.#hasFailed = true;
    counters.countFailed(end.refusal);
  }

  onClosed(): void {
    this.#connection = undefined;
    if (this.#isDue) this.start(epochMs());
  }

  #takeEvents(events: readonly ReceivedEvent[]): void {
    const { counters, nowMs, messages, settings } = this.#context;
    if (this.#times !== undefined && this.#opened) {
      this.#times.firstEvent(nowMs, this.#context.phases);
      this.#times = undefined;
    }
    this.receiver.takeEvents(this.cursor.row, events);
    if (settings.protocol === 'v1') {
      if (messages.seq !== this.#seq + 1) counters.seqBreaks++;
      this.#seq = messages.seq;
    } else if (this.#times === undefined) this.receiver.begin(this);
  }

  #takeControl({ type, fields }: ControlMessage): void {
    if (type === 'pong') return this.#takeTime(Number(fields['ts']));
    this.#context.counters.control++;
    if (fields['answer'] instanceof Buffer) return this.#connection?.send(fields['answer']);
    if (type === 'welcome') this.#resumption.welcome(fields);
    else if (this.#connection?.phase === 'open') this.#takeNotice({ type, fields });
    if (this.#connection?.phase !== 'subscribe') return;
    if (type === 'error' || (type === 'subscription_ack' && isRefusal(fields))) {
      this.#connection.fail('subscribe-rejected', JSON.stringify(fields));
    } else if (type === 'subscription_ack') this.#acknowledged(fields['recovered']);
  }

  #acknowledged(recovered: unknown): void {
    if (this.#opened) this.#resumption.end(recovered);
    if (this.#connection !== undefined) this.#open(this.#connection);
  }

  #takeTime(serverMs: number): void {
    const { nowMs, shared } = this.#context;
    if (!Number.isNaN(this.#askedMs + serverMs)) shared.clock.add(this.#askedMs, nowMs, serverMs);
    this.#askedMs = Number.NaN;
  }

  #takeNotice(notice: ControlMessage): void {
    countNotice(this.#context, this.cursor, notice);
    this.#churn?.take(notice);
    if (notice.type !== 'reconnect_notice') return;
    this.absence.moveIn(Number(notice.fields['after_ms']), () => {
      this.#churn?.end();
      this.#connection?.leave();
    });
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
    const awayMs = this.absence.end(nowMs);
    if (awayMs !== undefined) this.#context.returns.record(awayMs);
    if (this.#conduct === 'slow') connection.readAtMost(this.#context.settings.slowReadBytes);
  }

  #disconnected(): void {
    this.cursor.isAwayOnPurpose = this.absence.stormedAtMs !== undefined;
    this.#churn?.end();
    this.#context.ledger.disconnected(this.cursor);
    if (epochMs() - this.#openedAtMs >= stableMs) this.#attempt = 0;
  }

  #retry(end: ConnectionEnd): void {
    const delayMs = returnDelayMs(end, this.#context.settings, this.#attempt++);
    const plannedMs = epochMs() + delayMs;
    this.#retryTimer = setTimeout(() => {
      // Its own descriptor and port are all that the machine was found to have for it.
      if (this.#connection === undefined) this.start(plannedMs);
      else this.#isDue = true;
    }, delayMs);
  }
}
