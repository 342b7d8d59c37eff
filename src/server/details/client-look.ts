/** A look at the clients of one process, for the status of the node: who lags, and who gets what. */
import type { Listing, SlowClientStatus } from '../../protocol/status-sections.ts';
import type { Connection } from '../clients/connection.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { History } from '../delivery/history.ts';
import { firstRows } from './first-rows.ts';
import { Turns } from './turns.ts';

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
  readonly delivery: Pick<Delivery, 'subscriberCounter' | 'lagging'>;
  readonly history: Pick<History, 'first' | 'next' | 'at'>;
  /** In front of the ids of clients. */
  readonly clientPrefix: string;
}

/** Takes as many turns as there are lagging clients, and cohorts that want the channels. */
export async function lookAtClients(
  { channels, wantsSlow }: ClientQuestion,
  { delivery, history, clientPrefix }: ClientSource,
  nowMs: number,
): Promise<ClientLook> {
  const turns = new Turns();
  const lagging = wantsSlow ? delivery.lagging() : [];
  const { rows, left_out } = firstSlow(
    Array.from(lagging, (connection) => statusOf(connection, history, nowMs)),
  );
  const slow = rows.map((row) => ({ ...row, client: `${clientPrefix}-${row.client}` }));
  const subscribersOf = delivery.subscriberCounter();
  const subscribers: number[] = [];
  for (const channel of channels) {
    if (turns.isOver) await turns.next();
    subscribers.push(subscribersOf(channel));
  }
  return { subscribers, slow: { rows: slow, left_out } };
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

function firstSlow(rows: readonly SlowClientStatus[], leftOut = 0): Listing<SlowClientStatus> {
  return firstRows(
    rows,
    (a, b) => b.lag_events - a.lag_events || b.buffered_bytes - a.buffered_bytes,
    leftOut,
  );
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
