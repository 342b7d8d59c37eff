/** Plain numbers that the hot path counts; metrics and health read them when asked. */
import type { EventType } from '../../events/event-types.ts';
import type { DisconnectName } from '../../protocol/disconnects.ts';
import type { RefusalCode } from '../../protocol/refusals.ts';
import { BucketCounts } from './bucket-counts.ts';

/** Why a broker record was not turned into an event. */
export type SkipReason = 'malformed' | 'oversized' | 'no_key' | 'unknown_topic' | 'bad_key';

/** What was decided against a client; the field `audit` of its line. A closed set, so that memory is bounded. */
export type AuditKind =
  | 'connect_refused'
  | 'throttled'
  | 'disconnected_by_policy'
  | 'token_refused'
  | 'guard'
  | 'drain';

/** Counts since the start of the server. Written by one stage each, read by `metrics.ts`. */
export class Counters {
  eventsIngested = 0;
  bytesIngested = 0;
  /** Channels whose records came from more than one partition: their order is not the key's. */
  partitionMoves = 0;
  /** Positions that the broker dropped before they could be read. */
  positionsLost = 0;
  channelsForgotten = 0;
  flushes = 0;
  /** Seconds from an event's own time to the flush that wrote it, once per event. */
  readonly deliverySeconds = new BucketCounts([
    ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
  ]);
  /** Events per flush. */
  readonly flushEvents = new BucketCounts([1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000]);
  /** The broker's time of the newest record taken, in milliseconds since 1970; 0 before the first. */
  newestRecordMs = 0;
  /** Buffers built for flushes; independent of the number of clients. */
  buffersBuilt = 0;
  socketWrites = 0;
  bytesWritten = 0;
  messagesDelivered = 0;
  /** Events times the clients that wanted them when they came. */
  deliveriesOffered = 0;
  /** Times a connection fell behind and was handed to the history. */
  fellBehind = 0;
  /** Events that lagging clients were not sent, by type. */
  readonly spared = new Map<EventType, number>();
  /** Changes of throttle level, as `from to`. */
  readonly throttleTransitions = new Map<`${number} ${number}`, number>();
  /** Flushes of cohorts with compression that became smaller by it, and that did not. */
  flushesDeflated = 0;
  flushesNotDeflated = 0;
  /** Bytes put into deflate and got out of it; once per flush, whatever the number of clients. */
  deflateInputBytes = 0;
  deflateOutputBytes = 0;
  deflateMs = 0;
  /** Bytes that sockets did not have to take because flushes were deflated. */
  bytesSaved = 0;
  connectionsAccepted = 0;
  /** Connections that ended with the process that served them. */
  connectionsLost = 0;
  clientMessages = 0;
  clientErrors = 0;
  /** Clients closed because they kept asking without reading the answers. */
  unreadReplies = 0;
  readBacks = 0;
  readBackRecords = 0;
  recoveredMessages = 0;
  subscriptionsRejected = 0;
  /** Messages of clients that were ignored since they came too fast. */
  messagesRateLimited = 0;
  tokensRefreshed = 0;
  /** Clients that left while their token was looked at. */
  handshakesAbandoned = 0;
  /** Sockets that were closed at once since there were too many. */
  socketsDropped = 0;
  /** Addresses that were forgotten before their rate had recovered, to stay within the limit. */
  addressesForgotten = 0;
  /** Audit lines that were left out of the log. */
  readonly auditSuppressed = new Map<AuditKind, number>();
  readonly recoveries = new Map<'complete' | 'incomplete', number>();
  readonly skipped = new Map<SkipReason, number>();
  readonly refused = new Map<RefusalCode, number>();
  readonly closed = new Map<DisconnectName | 'client', number>();
  /** Closed connections by the code of whoever closed them; clients' own codes count as `other`. */
  readonly closeCodes = new Map<string, number>();
}

/** Adds one to a labelled count. */
export function bump<K>(counts: Map<K, number>, label: K): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}
