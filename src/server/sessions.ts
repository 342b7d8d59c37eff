/** Sessions: what clients say, and what they are answered. */
import {
  type ClientMessage,
  parseClientMessage,
  type RejectedChannel,
} from '../protocol/client-messages.ts';
import { controlMessages, type Welcome } from '../protocol/server-messages.ts';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import type { Counters } from './counters.ts';
import type { Delivery } from './delivery.ts';

/** What every client of this node is told on arrival, but for its id. */
export type Greeting = Omit<Welcome, 'client_id'>;

/** Acts on client messages. Holds nothing per client: that is the connection's. */
export class Sessions {
  readonly #connections: Connections;
  readonly #delivery: Delivery;
  readonly #counters: Counters;
  readonly #maxSubscriptions: number;
  readonly #greeting: Greeting;

  constructor(
    connections: Connections,
    delivery: Delivery,
    counters: Counters,
    maxSubscriptions: number,
    greeting: Greeting,
  ) {
    this.#connections = connections;
    this.#delivery = delivery;
    this.#counters = counters;
    this.#maxSubscriptions = maxSubscriptions;
    this.#greeting = greeting;
  }

  /** Greets a new client. v1 clients do not expect it. */
  opened(connection: Connection): void {
    if (connection.version === 'v1') return;
    const client_id = `${this.#greeting.node}-${connection.id.toString(36)}`;
    connection.send(controlMessages.welcome({ ...this.#greeting, client_id }));
  }

  closed(connection: Connection): void {
    this.#connections.remove(connection);
  }

  /** Its socket took everything it held. */
  drained(connection: Connection): void {
    if (connection.isBehind) this.#delivery.catchUp(connection);
  }

  receive(connection: Connection, data: Buffer, isBinary: boolean): void {
    this.#counters.clientMessages++;
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
    this.#act(connection, message);
  }

  #act(connection: Connection, message: ClientMessage): void {
    switch (message.type) {
      case 'heartbeat':
        return connection.send(controlMessages.pong(message.id, Date.now()));
      case 'subscribe':
        return this.#subscribe(connection, message);
      case 'unsubscribe':
        return this.#unsubscribe(connection, message);
      default:
        message satisfies never;
    }
  }

  #subscribe(connection: Connection, { id, channels }: ChannelMessage): void {
    const subscriptions = new Set(connection.cohort.subscriptions);
    const subscribed: string[] = [];
    const rejected: RejectedChannel[] = [...channels.rejected];
    for (const channel of channels.accepted) {
      if (!subscriptions.has(channel) && subscriptions.size >= this.#maxSubscriptions) {
        rejected.push({ channel, code: 'SUBSCRIPTION_LIMIT' });
        continue;
      }
      subscriptions.add(channel);
      subscribed.push(channel);
    }
    this.#counters.subscriptionsRejected += rejected.length;
    // The acknowledgement goes first: whatever follows it belongs to the new subscriptions.
    connection.send(controlMessages.subscriptionAck(id, subscribed, subscriptions.size, rejected));
    this.#resubscribe(connection, subscriptions);
  }

  #unsubscribe(connection: Connection, { id, channels }: ChannelMessage): void {
    const subscriptions = new Set(connection.cohort.subscriptions);
    const unsubscribed = channels.accepted.filter((channel) => subscriptions.delete(channel));
    this.#resubscribe(connection, subscriptions);
    connection.send(controlMessages.unsubscriptionAck(id, unsubscribed, subscriptions.size));
  }

  #resubscribe(connection: Connection, subscriptions: ReadonlySet<string>): void {
    if (
      subscriptions.size === connection.cohort.subscriptions.size &&
      subscriptions.isSubsetOf(connection.cohort.subscriptions)
    )
      return;
    this.#delivery.resubscribe(connection, subscriptions);
  }
}

type ChannelMessage = Extract<ClientMessage, { channels: unknown }>;
