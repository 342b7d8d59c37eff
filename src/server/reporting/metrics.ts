/** Metrics: what `/metrics` shows, read from the plain counters at the moment of the scrape. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import { logLinesLost } from '../../host/log-output.ts';
import { addCompressionMetrics } from '../compression/compression-metrics.ts';
import { addRecoveryMetrics } from '../recovery/recovery-metrics.ts';
import { addThrottleMetrics } from '../throttling/throttle-metrics.ts';
import { lagSeconds } from './health.ts';
import { counter, distribution, gauge, labelled } from './metric-kinds.ts';
import type { NodeState } from './node-state.ts';
import { addProtectionMetrics } from './protection-metrics.ts';
import { addShardMetrics } from './shard-metrics.ts';

/**
 * A registry of its own per server, so that two servers in one process do not mix. All but the
 * metrics of shards are of the node as a whole, and those of prom-client of this process.
 */
export function createMetrics(state: NodeState): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addConnectionMetrics(registry, state);
  addSecurityMetrics(registry, state);
  addDeliveryMetrics(registry, state);
  addIngestMetrics(registry, state);
  addProtectionMetrics(registry, state);
  addThrottleMetrics(registry, state);
  addCompressionMetrics(registry, state);
  addRecoveryMetrics(registry, state.counters);
  addShardMetrics(registry, state);
  return registry;
}

function addConnectionMetrics(registry: Registry, state: NodeState) {
  const { connections, delivery, counters } = state;
  gauge(registry, 'ws_current_connections', 'Open connections', () => connections.size);
  gauge(registry, 'ws_max_connections', 'Connections this node takes', () => state.maxConnections);
  gauge(
    registry,
    'ws_connections_behind',
    'Connections whose socket is full, served from the history',
    () => delivery.behind,
  );
  counter(
    registry,
    'ws_connections_total',
    'Connections accepted',
    () => counters.connectionsAccepted,
  );
  labelled(
    registry,
    'ws_refused_total',
    'Requests refused before the upgrade',
    'code',
    () => counters.refused,
  );
  labelled(
    registry,
    'ws_disconnects_total',
    'Connections closed, by reason',
    'reason',
    () => counters.closed,
  );
  labelled(
    registry,
    'ws_close_codes_total',
    'Connections closed, by the code of whoever closed; 1006 without a word, 1005 without a code',
    'code',
    () => counters.closeCodes,
  );
  counter(
    registry,
    'ws_lost_connections_total',
    'Connections that ended with the process that served them',
    () => counters.connectionsLost,
  );
  counter(
    registry,
    'ws_unread_replies_total',
    'Clients closed since they kept asking without reading the answers',
    () => counters.unreadReplies,
  );
  counter(
    registry,
    'ws_client_messages_total',
    'Messages received from clients',
    () => counters.clientMessages,
  );
  counter(
    registry,
    'ws_client_errors_total',
    'Client messages answered with an error',
    () => counters.clientErrors,
  );
  counter(
    registry,
    'ws_subscriptions_rejected_total',
    'Channels rejected at subscribe',
    () => counters.subscriptionsRejected,
  );
}

function addSecurityMetrics(registry: Registry, { admission, counters }: NodeState): void {
  gauge(
    registry,
    'ws_pending_handshakes',
    'Requests whose token is being checked',
    () => admission.pending,
  );
  gauge(registry, 'ws_users', 'Users with connections', () => admission.devices.users);
  gauge(
    registry,
    'odin_addresses_remembered',
    'Addresses whose connection rate is remembered',
    () => admission.rates.size,
  );
  counter(
    registry,
    'odin_addresses_forgotten_total',
    'Addresses forgotten too early, to stay within the limit',
    () => counters.addressesForgotten,
  );
  counter(
    registry,
    'ws_abandoned_handshakes_total',
    'Clients that left while their token was checked',
    () => counters.handshakesAbandoned,
  );
  counter(
    registry,
    'ws_dropped_sockets_total',
    'Sockets closed at once since there were too many',
    () => counters.socketsDropped,
  );
  counter(
    registry,
    'ws_rate_limited_messages_total',
    'Client messages and pings above the message limit',
    () => counters.messagesRateLimited,
  );
  counter(
    registry,
    'ws_refreshed_tokens_total',
    'Tokens replaced on open connections',
    () => counters.tokensRefreshed,
  );
  labelled(
    registry,
    'odin_audit_suppressed_total',
    'Audit lines left out of the log, by kind',
    'audit',
    () => counters.auditSuppressed,
  );
  counter(
    registry,
    'odin_log_lines_lost_total',
    'Lines of the log that standard error did not take',
    logLinesLost,
  );
}

function addDeliveryMetrics(registry: Registry, { delivery, counters }: NodeState): void {
  counter(
    registry,
    'ws_total_messages',
    'Events delivered to clients, one per client',
    () => counters.messagesDelivered,
  );
  counter(
    registry,
    'ws_sent_bytes_total',
    'Bytes of events handed to sockets',
    () => counters.bytesWritten,
  );
  counter(
    registry,
    'odin_socket_writes_total',
    'Writes of events to sockets',
    () => counters.socketWrites,
  );
  distribution(
    registry,
    'odin_delivery_latency_seconds',
    'Time from an event itself to the flush that wrote it, once per event and serving process',
    () => counters.deliverySeconds,
  );
  distribution(registry, 'odin_flush_events', 'Events per flush', () => counters.flushEvents);
  counter(registry, 'odin_flushes_total', 'Delivery rounds', () => counters.flushes);
  counter(
    registry,
    'odin_buffers_built_total',
    'Buffers built for delivery, shared by all clients of a cohort',
    () => counters.buffersBuilt,
  );
  gauge(
    registry,
    'odin_flush_interval_seconds',
    'Present wait between two flushes; of all shards the longest',
    () => delivery.flushIntervalMs / 1_000,
  );
  gauge(
    registry,
    'odin_cohorts',
    'Sets of subscriptions in use, in each process',
    () => delivery.cohorts,
  );
  counter(
    registry,
    'odin_fell_behind_total',
    'Times a connection was handed to the history',
    () => counters.fellBehind,
  );
}

function addIngestMetrics(registry: Registry, state: NodeState): void {
  const { history, counters, broker } = state;
  labelled(
    registry,
    'odin_broker_troubles_total',
    'Troubles with the connection to the broker (NATS)',
    'kind',
    () => broker.troubles,
  );
  counter(
    registry,
    'odin_events_ingested_total',
    'Events taken from the broker',
    () => counters.eventsIngested,
  );
  counter(
    registry,
    'odin_ingested_bytes_total',
    'Bytes of events taken from the broker',
    () => counters.bytesIngested,
  );
  labelled(
    registry,
    'odin_records_skipped_total',
    'Broker records that are no events',
    'reason',
    () => counters.skipped,
  );
  counter(
    registry,
    'odin_positions_lost_total',
    'Positions gone from the broker before they were read',
    () => counters.positionsLost,
  );
  counter(
    registry,
    'odin_partition_moves_total',
    'Channels whose records came from another partition than before',
    () => counters.partitionMoves,
  );
  counter(
    registry,
    'odin_channels_forgotten_total',
    'Quiet channels dropped by a process to stay within the limit',
    () => counters.channelsForgotten,
  );
  gauge(
    registry,
    'odin_history_events',
    'Events in the history',
    () => history.next - history.first,
  );
  gauge(
    registry,
    'odin_broker_lag_seconds',
    'Age of the newest record taken, while more wait',
    () => lagSeconds(state),
  );
  gauge(registry, 'odin_history_bytes', 'Bytes in the history', () => history.bytes);
  gauge(registry, 'odin_broker_connected', 'Whether the broker is connected', () =>
    Number(state.consumer().connected),
  );
  gauge(
    registry,
    'odin_broker_lag_records',
    'Records in the broker that were not taken yet',
    () => state.consumer().lagRecords,
  );
}
