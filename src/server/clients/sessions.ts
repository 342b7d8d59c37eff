/** Sessions: what clients say, and what they are answered. */
import { performance } from 'node:perf_hooks';
import type { Log } from '../../host/log.ts';
import {
  type ClientMessage,
  parseClientMessage,
  type RejectedChannel,
} from '../../protocol/client-messages.ts';
import type { Since } from '../../protocol/resume.ts';
import { controlMessages, type Welcome } from '../../protocol/server-messages.ts';
import { joinV1 } from '../delivery/batch.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { History } from '../delivery/history.ts';
import type { Limits } from '../limits.ts';
import type { Recovered } from '../recovery/recovery.ts';
import type { ResumeRequest, Resumption } from '../recovery/resumption.ts';
import type { Audit } from '../reporting/audit.ts';
import type { Counters } from '../reporting/counters.ts';
import { judgeMessage, type MessageVerdict } from '../security/message-limit.ts';
import type { TokenRefresh } from '../security/token-refresh.ts';
import { type Connection, maxReplay } from './connection.ts';
import type { Connections } from './connections.ts';

/** Bytes that may wait in the socket of a client that still asks for more. */
const maxUnreadBytes = 1024 * 1024;

/** What every client of this node is told on arrival, but for its id. */
export type Greeting = Omit<Welcome, 'client_id'>;

/** What sessions act on. */
export interface SessionsDeps {
  readonly connections: Connections;
  readonly delivery: Delivery;
  readonly counters: Counters;
  readonly history: History;
  readonly resumption: Resumption;
  readonly refresh: TokenRefresh;
  /** How fast one client may talk, and how much it may hold. */
  readonly limits: Pick<Limits, 'messageRate' | 'maxSubscriptions'>;
  readonly audit: Audit;
  readonly log: Log;
}

/** Acts on client messages. Holds nothing per client: that is the connection's. */
export class Sessions {
  readonly #connections: Connections;
  readonly #delivery: Delivery;
  readonly #counters: Counters;
  readonly #history: History;
  readonly #resumption: Resumption;
  readonly #refresh: TokenRefresh;
  readonly #limits: SessionsDeps['limits'];
  readonly #audit: Audit;
  readonly #log: Log;
  readonly #clientPrefix: string;
  readonly #greeting: Greeting;

  /** `clientPrefix` goes in front of what this process counts its clients by. */
  constructor(deps: SessionsDeps, clientPrefix: string, greeting: Greeting) {
    this.#clientPrefix = clientPrefix;
    this.#connections = deps.connections;
    this.#delivery = deps.delivery;
    this.#counters = deps.counters;
    this.#history = deps.history;
    this.#resumption = deps.resumption;
    this.#refresh = deps.refresh;
    this.#limits = deps.limits;
    this.#audit = deps.audit;
    this.#log = deps.log;
    this.#greeting = greeting;
  }

  /** Greets a new client. v1 clients do not expect it. */
  opened(connection: Connection): void {
    if (connection.version === 'v1') return;
    const client_id = `${this.#clientPrefix}-${connection.id.toString(36)}`;
    connection.send(controlMessages.welcome({ ...this.#greeting, client_id }));
  }

  /** Its socket is gone; `code` is what the WebSocket ended with, 1006 without a close frame. */
  closed(connection: Connection, code: number): void {
    this.#resumption.closed(connection);
    this.#connections.remove(connection, code);
  }

  /** Its socket took everything it held. */
  drained(connection: Connection): void {
    if (connection.isBehind) this.#delivery.catchUp(connection);
  }

  /** A ping costs an answer, so it counts as a message. */
  pinged(connection: Connection): void {
    const verdict = judgeMessage(this.#limits.messageRate, connection, performance.now());
    if (verdict !== 'taken') this.#overLimit(connection, verdict);
  }

  receive(connection: Connection, data: Buffer, isBinary: boolean): void {
    // What it said before it heard that it is closed means nothing any more.
    if (connection.isClosing) return;
    if (connection.bufferedBytes > maxUnreadBytes) {
      // It asks and asks and never reads the answers.
      this.#counters.unreadReplies++;
      return connection.terminate('tooSlow');
    }
    this.#counters.clientMessages++;
    const verdict = judgeMessage(this.#limits.messageRate, connection, performance.now());
    if (verdict !== 'taken') {
      this.#overLimit(connection, verdict);
      const text = 'too many messages: this one was ignored';
      return connection.send(controlMessages.error(undefined, 'RATE_LIMIT_EXCEEDED', text));
    }
    if (isBinary) {
      this.#counters.clientErrors++;
      const text = 'only text messages are understood';
      return connection.send(controlMessages.error(undefined, 'BINARY_NOT_SUPPORTED', text));
    }
    const message = parseClientMessage(data.toString('utf8'));
    if (message.type === 'bad') {
      this.#counters.clientErrors++;
      return connection.send(controlMessages.error(message.id, message.code, message.message));
    }
    const act = () => this.#act(connection, message);
    if (this.#resumption.whenIdle(connection, act)) return;
    this.#counters.unreadReplies++;
    connection.terminate('tooSlow');
  }

  #overLimit(connection: Connection, verdict: MessageVerdict): void {
    this.#counters.messagesRateLimited++;
    if (verdict !== 'abuse' || connection.isClosing) return;
    const { id, principal } = connection;
    const fields = { reason: 'abuse', connection: id, user: principal?.user };
    this.#audit.note('disconnected_by_policy', 'client disconnected', fields);
    connection.close('abuse');
  }

  #act(connection: Connection, message: ClientMessage): void {
    switch (message.type) {
      case 'heartbeat':
        return connection.send(controlMessages.pong(message.id, Date.now()));
      case 'subscribe':
        return this.#subscribe(connection, message);
      case 'unsubscribe':
        return this.#unsubscribe(connection, message);
      case 'reconnect':
        return this.#reconnect(connection, message);
      case 'replay':
        return this.#replay(connection, message);
      case 'refresh_token':
        void this.#refresh.refresh(connection, message);
        return;
      default:
        message satisfies never;
    }
  }

  #subscribe(connection: Connection, message: SubscribeMessage): void {
    const { id, since, wantsSnapshot } = message;
    const rejected: RejectedChannel[] = [...message.channels.rejected];
    const { accepted } = message.channels;
    if (since.size === 0 && !wantsSnapshot) {
      const { subscribed, subscriptions } = this.#admit(connection, accepted, rejected);
      // The acknowledgement goes first: whatever follows it belongs to the new subscriptions.
      const { size } = subscriptions;
      connection.send(controlMessages.subscriptionAck(id, subscribed, size, rejected));
      return this.#resubscribe(connection, subscriptions);
    }
    const request = () => {
      const admitted = this.#admit(connection, accepted, rejected);
      return { ...admitted, id, wantsSnapshot, since: pick(since, admitted.subscribed) };
    };
    const asked = pick(since, accepted.slice(0, this.#limits.maxSubscriptions));
    this.#resume(connection, request, asked, ({ subscribed, subscriptions }, { channels }) => {
      const { size } = subscriptions;
      connection.send(controlMessages.subscriptionAck(id, subscribed, size, rejected, channels));
    });
  }

  #reconnect(connection: Connection, { id, since }: ReconnectMessage): void {
    const rejected: RejectedChannel[] = [];
    const request = () => {
      const admitted = this.#admit(connection, [...since.keys()], rejected);
      return { ...admitted, id, wantsSnapshot: false, since: pick(since, admitted.subscribed) };
    };
    if (since.size === 0) {
      const text = '"last_offset" names no channel';
      return connection.send(controlMessages.reconnectError(id, 'BAD_MESSAGE', text));
    }
    this.#resume(connection, request, since, (_request, { frames, channels }) =>
      connection.send(controlMessages.reconnectAck(id, frames.length, channels)),
    );
  }

  #resume(
    connection: Connection,
    request: () => ResumeRequest,
    since: Since,
    acknowledge: (request: ResumeRequest, recovered: Recovered) => void,
  ): void {
    // Nothing is read for a channel that its token does not allow.
    const allowed = new Map([...since].filter(([channel]) => connection.maySee(channel)));
    this.#resumption.resume(connection, request, allowed, acknowledge).catch((error: unknown) => {
      this.#log.error({ err: error, connection: connection.id }, 'resuming a client failed');
      connection.close('internalError');
    });
  }

  #replay(connection: Connection, { id, fromSeq, toSeq }: ReplayMessage): void {
    if (connection.version !== 'v1') {
      const text = 'replay by number is for odin.v1: subscribe with "since" instead';
      return connection.send(controlMessages.error(id, 'BAD_MESSAGE', text));
    }
    const first = Math.max(fromSeq, toSeq - maxReplay + 1);
    let complete = first === fromSeq;
    for (let seq = first; seq <= toSeq; seq++) {
      const index = connection.indexOfSeq(seq) ?? -1;
      if (index >= this.#history.first) connection.write(joinV1([this.#history.at(index)], seq));
      else complete = false;
    }
    connection.send(controlMessages.replayAck(id, fromSeq, toSeq, complete));
  }

  /** What of `names` a connection may add to what it holds; the rest goes to `rejected`. */
  #admit(connection: Connection, names: readonly string[], rejected: RejectedChannel[]) {
    const subscriptions = new Set(connection.cohort.subscriptions);
    const subscribed: string[] = [];
    for (const channel of names) {
      if (!connection.maySee(channel)) {
        rejected.push({ channel, code: 'CHANNEL_NOT_ALLOWED' });
        continue;
      }
      if (!subscriptions.has(channel) && subscriptions.size >= this.#limits.maxSubscriptions) {
        rejected.push({ channel, code: 'SUBSCRIPTION_LIMIT' });
        continue;
      }
      subscriptions.add(channel);
      subscribed.push(channel);
    }
    this.#counters.subscriptionsRejected += rejected.length;
    return { subscriptions, subscribed };
  }

  #unsubscribe(connection: Connection, { id, channels }: UnsubscribeMessage): void {
    const subscriptions = new Set(connection.cohort.subscriptions);
    const unsubscribed = channels.accepted.filter((channel) => subscriptions.delete(channel));
    this.#resubscribe(connection, subscriptions);
    connection.send(controlMessages.unsubscriptionAck(id, unsubscribed, subscriptions.size));
  }

  #resubscribe(connection: Connection, subscriptions: ReadonlySet<string>): void {
    const held = connection.cohort.subscriptions;
    if (subscriptions.size === held.size && subscriptions.isSubsetOf(held)) return;
    this.#delivery.resubscribe(connection, subscriptions);
  }
}

function pick(since: Since, channels: readonly string[]): Since {
  const wanted = new Set(channels);
  return new Map([...since].filter(([channel]) => wanted.has(channel)));
}

type SubscribeMessage = Extract<ClientMessage, { type: 'subscribe' }>;
type UnsubscribeMessage = Extract<ClientMessage, { type: 'unsubscribe' }>;
type ReconnectMessage = Extract<ClientMessage, { type: 'reconnect' }>;
type ReplayMessage = Extract<ClientMessage, { type: 'replay' }>;
