/** What the server says: events in their envelope, encoded once, and the control messages. */
import type { OdinEvent } from '../events/event.ts';
import { eventTypes } from '../events/event-types.ts';
import type { ErrorCode, MessageId, RejectedChannel } from './client-messages.ts';

/** Where an event stands in its channel. */
export interface EventPosition {
  readonly channel: string;
  /** Position of the record in its partition. */
  readonly offset: number;
  /** Offset of the event before it on the same channel; null when this node never saw one. */
  readonly prev: number | null;
}

/** The v2 form of an event, which all clients of v2 share. `ts` is the event's own timestamp. */
export function encodeEvent(event: OdinEvent, { channel, offset, prev }: EventPosition): string {
  // Channel and type come from closed alphabets, so they need no escaping.
  return (
    `{"ts":${event.timestamp},"type":"${event.type}","priority":"${eventTypes[event.type].priority}",` +
    `"channel":"${channel}","offset":${offset},"prev":${prev},"data":${JSON.stringify(event.data)}}`
  );
}

/** What v1 puts in place of the opening brace of the v2 form. `seq` counts from 1 per connection. */
export function encodeV1Prefix(seq: number): string {
  return `{"seq":${seq},`;
}

/** The first message of a v2 connection. */
export interface Welcome {
  readonly protocol: string;
  readonly client_id: string;
  readonly epoch: string;
  readonly node: string;
  readonly heartbeat_ms: number;
  readonly limits: Readonly<Record<string, number>>;
}

/** What a client is told about one channel that it resumed; `from` and `to` are its positions. */
export interface RecoveredChannel {
  /** Whether every event after `from` is sent. */
  readonly complete: boolean;
  readonly from: number;
  readonly to: number;
}

/** Control messages; `id` is the request's, left out when it had none. */
export const controlMessages = {
  welcome: (welcome: Welcome) => JSON.stringify({ type: 'welcome', ...welcome }),
  subscriptionAck: (
    id: MessageId,
    subscribed: readonly string[],
    count: number,
    rejected: readonly RejectedChannel[],
    recovered?: Readonly<Record<string, RecoveredChannel>>,
  ) => JSON.stringify({ type: 'subscription_ack', id, subscribed, count, rejected, recovered }),
  reconnectAck: (
    id: MessageId,
    messages_replayed: number,
    recovered: Readonly<Record<string, RecoveredChannel>>,
  ) =>
    JSON.stringify({
      type: 'reconnect_ack',
      id,
      status: 'completed',
      messages_replayed,
      recovered,
    }),
  reconnectError: (id: MessageId, code: ErrorCode, message: string) =>
    JSON.stringify({ type: 'reconnect_error', id, code, message }),
  replayAck: (id: MessageId, from_seq: number, to_seq: number, complete: boolean) =>
    JSON.stringify({ type: 'replay_ack', id, from_seq, to_seq, complete }),
  unsubscriptionAck: (id: MessageId, unsubscribed: readonly string[], count: number) =>
    JSON.stringify({ type: 'unsubscription_ack', id, unsubscribed, count }),
  refreshAck: (
    id: MessageId,
    /** When the new token expires, in milliseconds since 1970. */
    expires_at: number,
    /** Subscriptions that it does not allow any more. */
    dropped: readonly string[],
  ) => JSON.stringify({ type: 'refresh_ack', id, expires_at, dropped }),
  /** Tells a client to connect anew, by itself after `after_ms` or when it is closed. */
  reconnectNotice: (after_ms: number, reason: string) =>
    JSON.stringify({ type: 'reconnect_notice', after_ms, reason }),
  throttleUpdate: (level: number, rate_percent: number, message: string) =>
    JSON.stringify({ type: 'throttle_update', level, rate_percent, message }),
  /** Events that the client is not sent because it lags, by channel. */
  skipped: (channels: Readonly<Record<string, number>>) =>
    JSON.stringify({ type: 'skipped', channels }),
  pong: (id: MessageId, ts: number) => JSON.stringify({ type: 'pong', id, ts }),
  error: (id: MessageId, code: ErrorCode, message: string) =>
    JSON.stringify({ type: 'error', id, code, message }),
};
