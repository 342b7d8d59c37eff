/** WebSockets without a network: what a client says is kept, and what a server says is up to a test. */
import type { MarketEvent } from '../../src/client/index.ts';

/** A message of the client, parsed. */
export interface Said {
  readonly type: string;
  readonly id?: number;
  readonly data?: {
    readonly channels?: string[];
    readonly since?: Record<string, unknown>;
  } & Record<string, unknown>;
}

type Listener = (event: never) => void;

/** One connection, as its server sees it. */
export class FakeWebSocket {
  readonly url: string;
  readonly offered: readonly string[];
  protocol = '';
  /** All but heartbeats. */
  readonly said: Said[] = [];
  heartbeats = 0;
  /** Whether the server answers heartbeats. */
  answersHeartbeats = true;
  /** Code with which the client closed. */
  closedWith: number | undefined;
  readonly #listeners = new Map<string, Listener[]>();

  constructor(url: string, offered: string[]) {
    this.url = url;
    this.offered = offered;
  }

  send(text: string): void {
    const message = JSON.parse(text) as Said;
    if (message.type !== 'heartbeat') return void this.said.push(message);
    this.heartbeats++;
    if (this.answersHeartbeats) queueMicrotask(() => this.tell({ type: 'pong', ts: Date.now() }));
  }

  close(code?: number): void {
    this.closedWith ??= code;
  }

  addEventListener(name: string, listener: Listener): void {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
  }

  /** The server takes the connection, and says hello if it speaks v2. */
  accept(welcome: Record<string, unknown> = {}): void {
    this.protocol = this.offered.includes('odin.v2') ? 'odin.v2' : '';
    this.#tell('open', {});
    if (this.protocol === '') return;
    const hello = { protocol: 'odin.v2', epoch: 'e1', node: 'n', heartbeat_ms: 10_000, limits: {} };
    this.tell({ type: 'welcome', ...hello, ...welcome });
  }

  /** The server takes the connection, and knows no subprotocol. */
  acceptPlain(): void {
    this.#tell('open', {});
  }

  /** Messages of the server, in one WebSocket message. */
  tell(...messages: readonly object[]): void {
    const data = messages.map((message) => JSON.stringify(message)).join('\n');
    this.#tell('message', { data });
  }

  /** Acknowledges the newest request, with what else goes into the answer. */
  acknowledge(more: Record<string, unknown> = {}): void {
    const { id, type, data } = this.said.at(-1)!;
    const answer =
      type === 'unsubscribe'
        ? { type: 'unsubscription_ack', unsubscribed: data?.channels }
        : { type: 'subscription_ack', subscribed: data?.channels, rejected: [] };
    this.tell({ ...answer, id, ...more });
  }

  /** The connection ends, by the server or by nobody. */
  end(code = 1006, reason = ''): void {
    this.#tell('error', {});
    this.#tell('close', { code, reason });
  }

  #tell(name: string, event: object): void {
    for (const listener of this.#listeners.get(name) ?? []) listener(event as never);
  }
}

/** A class of WebSockets, and all that were made of it. */
export function fakeWebSockets() {
  const sockets: FakeWebSocket[] = [];
  class Socket extends FakeWebSocket {
    constructor(url: string, offered: string[]) {
      super(url, offered);
      sockets.push(this);
    }
  }
  return {
    WebSocket: Socket,
    sockets,
    /** The newest one. */
    get last(): FakeWebSocket {
      return sockets.at(-1)!;
    },
  };
}

/** An event as a server tells it. */
export function eventAt(
  channel: string,
  offset: number,
  prev: number | null,
  more: Partial<MarketEvent> = {},
): MarketEvent {
  const event = { ts: Date.now(), type: 'TRADE_EXECUTED', priority: 'CRITICAL', channel };
  return { ...event, offset, prev, data: { price: offset }, ...more } as MarketEvent;
}
