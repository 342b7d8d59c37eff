/** A look at the clients of one process, for the status of the node: who lags, and who gets what. */
import { type Listing, maxListed, type SlowClientStatus } from '../../protocol/status-sections.ts';
import type { Connection } from '../clients/connection.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { History } from '../delivery/history.ts';

/** What is asked; plain data. */
export interface ClientQuestion {
  /** Channels whose subscribers are to be counted, at most {@link maxListed}. */
  readonly channels: readonly string[];
  readonly wantsSlow: boolean;
}

/** The answer; plain data. */
export interface ClientLook {
  /** Of each channel asked for, in that order. */
  readonly subscribers: readonly number[];
  readonly slow: Listing<SlowClientStatus>;
}

/** Where it looks. */
export interface ClientSource {
  readonly delivery: Pick<Delivery, 'subscribersOf' | 'lagging'>;
  readonly history: Pick<History, 'first' | 'next' | 'at'>;
  /** In front of the ids of clients. */
  readonly clientPrefix: string;
}

/** Takes as long as there are lagging clients, and cohorts that want the channels. */
export function lookAtClients(
  { channels, wantsSlow }: ClientQuestion,
  { delivery, history, clientPrefix }: ClientSource,
  nowMs: number,
): ClientLook {
  const rows = wantsSlow
    ? Array.from(delivery.lagging(), (connection) => statusOf(connection, history, nowMs))
    : [];
  return {
    subscribers: delivery.subscribersOf(channels),
    slow: firstSlow(
      rows.map((row) => ({ ...row, client: `${clientPrefix}-${row.client}` })),
      0,
    ),
  };
}

/** Several looks, at different clients, as one. */
export function joinLooks({ channels }: ClientQuestion, looks: readonly ClientLook[]): ClientLook {
  return {
    subscribers: channels.map((_, at) =>
      looks.reduce((sum, { subscribers }) => sum + (subscribers[at] ?? 0), 0),
    ),
    slow: firstSlow(
      looks.flatMap(({ slow }) => slow.rows),
      looks.reduce((sum, { slow }) => sum + slow.left_out, 0),
    ),
  };
}

function firstSlow(rows: readonly SlowClientStatus[], leftOut: number): Listing<SlowClientStatus> {
  const sorted = rows.toSorted(
    (a, b) => b.lag_events - a.lag_events || b.buffered_bytes - a.buffered_bytes,
  );
  return {
    rows: sorted.slice(0, maxListed),
    left_out: leftOut + Math.max(0, sorted.length - maxListed),
  };
}

function statusOf(connection: Connection, history: ClientSource['history'], nowMs: number) {
  const { first, next } = history;
  const isStraggler = connection.cohort.stragglers.has(connection);
  const cursor = isStraggler ? connection.cursor : next;
  const oldest = Math.max(cursor, first);
  return {
    client: connection.id.toString(36),
    user: connection.principal?.user ?? null,
    address: connection.socket.remoteAddress ?? null,
    subscriptions: connection.cohort.subscriptions.size,
    behind: connection.isBehind,
    throttle: connection.lag?.level ?? 0,
    lag_events: Math.max(0, next - cursor),
    lag_ms: oldest < next ? Math.max(0, Math.round(nowMs - history.at(oldest).takenMs)) : 0,
    buffered_bytes: connection.bufferedBytes,
  };
}
