/** Serving: the half of the server that has clients, from the history to their sockets, wired up. */
import { performance } from 'node:perf_hooks';
import type { Config } from '../config/schema.ts';
import type { Log } from '../host/log.ts';
import { subprotocols } from '../protocol/versions.ts';
import { Connections } from './clients/connections.ts';
import type { Gate } from './clients/gate.ts';
import { Sessions } from './clients/sessions.ts';
import { Upgrade } from './clients/upgrade.ts';
import type { Channels } from './delivery/channels.ts';
import { Delivery } from './delivery/delivery.ts';
import type { History } from './delivery/history.ts';
import type { Limits } from './limits.ts';
import type { OlderEvents } from './recovery/older-events.ts';
import { Recovery } from './recovery/recovery.ts';
import { Resumption } from './recovery/resumption.ts';
import type { Audit } from './reporting/audit.ts';
import type { Counters } from './reporting/counters.ts';
import type { Admission } from './security/admission.ts';
import { TokenRefresh } from './security/token-refresh.ts';

/** Who a process is, for its clients. */
export interface ServingIdentity {
  readonly nodeId: string;
  /** In front of the ids of its clients, which are unique over all processes of all nodes. */
  readonly clientPrefix: string;
  /** Of the broker's log. */
  readonly epoch: string;
}

/** What serving is built on. */
export interface ServingParts {
  readonly identity: ServingIdentity;
  readonly history: History;
  readonly channels: Channels;
  readonly counters: Counters;
  readonly audit: Audit;
  readonly admission: Admission;
  readonly limits: Limits;
  readonly log: Log;
}

/** The stages, for whoever drives them. Disposing it ends its timers; it closes nobody. */
export interface Serving extends Disposable {
  readonly delivery: Delivery;
  readonly connections: Connections;
  readonly upgrade: Upgrade;
}

/**
 * A delivery is there before the rest: what feeds it is often what the rest asks. The `shards` of a
 * node deliver the same events; 0 where there are none.
 */
export function createDelivery(
  config: Config['server'],
  { history, counters, audit }: ServingParts,
  shards = 0,
): Delivery {
  return new Delivery(history, config, counters, audit, () => performance.now(), shards);
}

/** Nothing runs yet, and the upgrade is closed for `WARMING_UP`. */
export function createServing(
  config: Config['server'],
  delivery: Delivery,
  gate: Gate,
  older: OlderEvents,
  parts: ServingParts,
): Serving {
  const { identity, history, channels, counters, audit, admission, limits, log } = parts;
  const { heartbeatMs, maxPayloadBytes } = config;
  const { epoch } = identity;
  const lifetimeMs = config.drain.maxLifetimeMs;
  const connections = new Connections(delivery, counters, heartbeatMs, gate, audit, lifetimeMs);
  const recovery = new Recovery({
    ...{ history, channels, epoch, older, counters },
    limits: config.recovery,
  });
  const resumption = new Resumption(recovery, delivery, history);
  const refresh = new TokenRefresh(admission.tokens, delivery, counters);
  const sessionParts = {
    ...{ connections, delivery, counters, history, resumption, log },
    ...{ refresh, limits, audit },
  };
  const sessions = new Sessions(sessionParts, identity.clientPrefix, {
    protocol: subprotocols.v2,
    epoch,
    node: identity.nodeId,
    heartbeat_ms: heartbeatMs,
    limits: {
      get subscriptions() {
        return limits.maxSubscriptions;
      },
      message_bytes: maxPayloadBytes,
    },
  });
  const upgrade = new Upgrade(connections, sessions, gate, admission, audit, counters, config);
  return {
    ...{ delivery, connections, upgrade },
    [Symbol.dispose]() {
      delivery.stop();
      connections[Symbol.dispose]();
    },
  };
}
