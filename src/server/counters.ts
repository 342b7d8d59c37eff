/** Plain numbers that the hot path counts; metrics and health read them when asked. */
import type { DisconnectName } from '../protocol/disconnects.ts';
import type { RefusalCode } from '../protocol/refusals.ts';

/** Why a broker record was not turned into an event. */
export type SkipReason = 'malformed' | 'oversized' | 'no_key' | 'unknown_topic' | 'bad_key';

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
  /** Buffers built for flushes; independent of the number of clients. */
  buffersBuilt = 0;
  socketWrites = 0;
  bytesWritten = 0;
  messagesDelivered = 0;
  /** Times a connection fell behind and was handed to the history. */
  fellBehind = 0;
  connectionsAccepted = 0;
  clientMessages = 0;
  clientErrors = 0;
  subscriptionsRejected = 0;
  readonly skipped = new Map<SkipReason, number>();
  readonly refused = new Map<RefusalCode, number>();
  readonly closed = new Map<DisconnectName | 'client', number>();
}

/** Adds one to a labelled count. */
export function bump<K>(counts: Map<K, number>, label: K): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}
