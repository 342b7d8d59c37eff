/** Client options: what can be set about a client, with its defaults and bounds. */
import type { subprotocols } from '../protocol/versions.ts';
import type { WebSocketClass } from './link.ts';
import type { TokenSource } from './token-keeper.ts';

/** What an `OdinClient` is made from. Times in milliseconds. */
export interface OdinClientOptions {
  /** `ws://…/ws` or `wss://…/ws`; in a browser also a path or an `http(s)` address. */
  readonly url: string;
  /**
   * A JSON Web Token, or a function that gets one: it is asked before each connection, before the
   * token in use expires, and once when the server says that it has.
   */
  readonly token?: TokenSource;
  /** Protocols to speak, the best first; both by default. */
  readonly protocols?: readonly (keyof typeof subprotocols)[];
  /** The class to make WebSockets with; the global one by default. */
  readonly WebSocket?: WebSocketClass;
  /** Longest wait before the first attempt to return; doubles with each. 500 by default. */
  readonly minBackoffMs?: number;
  /** Longest wait before any attempt. 30 000 by default. */
  readonly maxBackoffMs?: number;
  /** Time for a connection to be made and the server to say hello. 10 000 by default. */
  readonly connectMs?: number;
  /** A connection that lasted so long ends the row of attempts before it. 5 000 by default. */
  readonly stableMs?: number;
  /**
   * Channels whose last event is remembered: beyond, what was quiet longest is forgotten, and on
   * those channels repeated and missing events are no longer noticed. 10 000 by default.
   */
  readonly maxChannels?: number;
  /** Events that wait for a loop over a subscription. 1 000 by default. */
  readonly maxBuffered?: number;
  /** For tests: numbers in [0, 1). */
  readonly random?: () => number;
}

/** All options, with defaults. */
export type FullOptions = Required<Omit<OdinClientOptions, 'token' | 'WebSocket'>> &
  Pick<OdinClientOptions, 'token' | 'WebSocket'>;

/** Fills in the defaults. */
export function withDefaults(options: OdinClientOptions): FullOptions {
  return {
    protocols: ['v2', 'v1'],
    minBackoffMs: 500,
    maxBackoffMs: 30_000,
    connectMs: 10_000,
    stableMs: 5_000,
    maxChannels: 10_000,
    maxBuffered: 1_000,
    random: Math.random,
    ...options,
  };
}

/** The address of a WebSocket, with the token as a parameter. Throws for what is no address. */
export function addressOf(url: string, token?: string): string {
  const { location } = globalThis as { location?: { href: string } };
  const address = new URL(url, location?.href);
  if (token !== undefined) address.searchParams.set('token', token);
  return address.href.replace(/^http/, 'ws');
}
