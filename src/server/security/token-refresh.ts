/** Token refresh: a client goes on with a new token before the old one expires. */

import type { ClientMessage } from '../../protocol/client-messages.ts';
import { controlMessages } from '../../protocol/server-messages.ts';
import type { Connection } from '../clients/connection.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Counters } from '../reporting/counters.ts';
import { isRefusal, type Principal } from './principal.ts';
import type { Tokens } from './tokens.ts';

type RefreshMessage = Extract<ClientMessage, { type: 'refresh_token' }>;

/** Checks the tokens that clients send on open connections, one at a time for each. */
export class TokenRefresh {
  readonly #tokens: Tokens | undefined;
  readonly #delivery: Delivery;
  readonly #counters: Counters;
  readonly #pending = new WeakSet<Connection>();

  constructor(tokens: Tokens | undefined, delivery: Delivery, counters: Counters) {
    this.#tokens = tokens;
    this.#delivery = delivery;
    this.#counters = counters;
  }

  /** Answers with `refresh_ack` or `error`. Never rejects. */
  async refresh(connection: Connection, { id, token }: RefreshMessage): Promise<void> {
    const { principal } = connection;
    if (this.#tokens === undefined || principal === undefined) {
      const text = 'this server takes no tokens';
      return connection.send(controlMessages.error(id, 'INVALID_TOKEN', text));
    }
    // Two at a time could be answered in either order, and the older one would stay.
    if (this.#pending.has(connection)) {
      const text = 'the token before this one is still being checked';
      return connection.send(controlMessages.error(id, 'REFRESH_PENDING', text));
    }
    this.#pending.add(connection);
    const result = await this.#tokens.check(token);
    this.#pending.delete(connection);
    if (connection.isClosing) return;
    if (isRefusal(result)) {
      const text = result.code === 'INVALID_TOKEN' ? result.reason : 'tokens cannot be checked now';
      return connection.send(controlMessages.error(id, result.code, text));
    }
    if (result.user !== principal.user) {
      const text = 'the token belongs to another user';
      return connection.send(controlMessages.error(id, 'INVALID_TOKEN', text));
    }
    this.#counters.tokensRefreshed++;
    const dropped = this.#apply(connection, result);
    connection.send(controlMessages.refreshAck(id, result.expiresMs, dropped));
  }

  /** Returns the subscriptions that the new token does not allow; they end here. */
  #apply(connection: Connection, principal: Principal): string[] {
    connection.principal = principal;
    const subscriptions = [...connection.cohort.subscriptions];
    const dropped = subscriptions.filter((subscription) => !connection.maySee(subscription));
    if (dropped.length > 0) {
      const kept = subscriptions.filter((subscription) => connection.maySee(subscription));
      this.#delivery.resubscribe(connection, new Set(kept));
      const { subscriptions: held } = connection.cohort;
      connection.missed = connection.missed.filter(({ channel }) => channel.isIn(held));
    }
    return dropped;
  }
}
