/** What applications get: events with the payload of their type, and notices about the stream. */
import type { EventType, Priority } from '../events/event-types.ts';
import type { Payload } from '../events/payloads.ts';

/** An event of one type. */
export interface MarketEventOf<T extends EventType> {
  /** When it happened, in milliseconds since 1970. */
  readonly ts: number;
  readonly type: T;
  readonly priority: Priority;
  /** `BTC.trade`, `global.trending` */
  readonly channel: string;
  /** The broker's position of the event; grows along a channel. */
  readonly offset: number;
  /** Position of the event before it on the same channel; null when the server does not know it. */
  readonly prev: number | null;
  readonly data: Payload<T>;
}

/** An event of any type: `type` tells which, and narrows `data`. */
export type MarketEvent = { [T in EventType]: MarketEventOf<T> }[EventType];

/** Events that are lost, or may be: nothing that the application gets will make up for them. */
export interface Gap {
  /** The channel, or the wildcard under which any channel may lack events. */
  readonly channel: string;
  /**
   * `incomplete`: the server no longer has all that was missed. `epoch`: the broker's log was
   * replaced, so that positions in it mean nothing any more. `broken`: the server lost events itself.
   */
  readonly reason: 'incomplete' | 'epoch' | 'broken';
  /** Offset of the last event before the gap; undefined when there was none, or for a wildcard. */
  readonly after: number | undefined;
  /** Offset of the first event behind the gap, where one has come already. */
  readonly before: number | undefined;
}

/** How much of the stream the server sends a client that does not read fast enough. */
export interface ThrottleNotice {
  /** 0 (everything) to 3. */
  readonly level: number;
  readonly ratePercent: number;
  readonly message: string;
}

/** Stands in an iteration where events were dropped because the loop did not keep up. */
export interface Dropped {
  readonly type: 'DROPPED';
  readonly count: number;
  /** How many of each channel; beyond 500 channels the rest is under `*`. */
  readonly channels: Readonly<Record<string, number>>;
}

/** Something that went wrong; the client goes on unless its state is `closed`. */
export interface ClientProblem {
  /** A code of the server, or `CONNECT_FAILED`, `TOKEN_FAILED`, `NO_ANSWER`, `CLOSED_BY_SERVER`, … */
  readonly code: string;
  readonly message: string;
  readonly cause?: unknown;
}
