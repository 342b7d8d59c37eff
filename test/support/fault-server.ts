/** A WebSocket server that speaks odin's protocol and makes the mistakes it is told to make. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { reachableHost } from '../../src/base/address.ts';
import { subscriptionsMatching } from '../../src/events/channel.ts';
import type { OdinEvent } from '../../src/events/event.ts';
import {
  controlMessages,
  encodeEvent,
  encodeV1Prefix,
} from '../../src/protocol/server-messages.ts';
import { subprotocols } from '../../src/protocol/versions.ts';

/** An event on its way to one client. */
interface Delivery {
  /** Clients are numbered in the order of their subscriptions, from 0. */
  readonly client: number;
  /** Events of a channel are numbered from 0. */
  readonly n: number;
  readonly channel: string;
  /** How often the client has unsubscribed from it before. */
  readonly term: number;
}

/** What happens to a delivery; `hold` sends it right behind the client's next event. */
type Fault = 'drop' | 'duplicate' | 'hold' | undefined;

/** What a {@link FaultServer} does wrong; nothing by default. */
export interface Faults {
  /** Decides about each event for each client. */
  readonly deliver?: (delivery: Delivery) => Fault;
  /** How far its clock is ahead, in milliseconds. */
  readonly clockAheadMs?: number;
  /** Answers upgrades and subscriptions this much later, in milliseconds. */
  readonly upgradeDelayMs?: number;
  readonly ackDelayMs?: number;
  /** Sends these bytes in answer to a request, and closes. */
  readonly answer?: string | Buffer;
  /** Resets the connection of every request. */
  readonly reset?: boolean;
  /** Status with which the request number `request` (from 0) is refused; headers may follow. */
  readonly refuse?: (request: number) => string | undefined;
  /** Takes requests and never answers. */
  readonly stall?: boolean;
  /** Answers the upgrade with the wrong `Sec-WebSocket-Accept`. */
  readonly badAccept?: boolean;
  /** Pings this often, in milliseconds, and closes who did not answer the ping before with 4003. */
  readonly pingMs?: number;
  /** Ends the sockets of connections that are closed this much later, in milliseconds. */
  readonly endDelayMs?: number;
  /** Rejects every channel of a subscription. */
  readonly rejectChannels?: boolean;
  /** Acknowledges that a subscription has ended, and goes on sending its events. */
  readonly keepsSubscriptions?: boolean;
  /** Makes events this many bytes longer. */
  readonly padding?: number;
  /** Epoch told in the `welcome`. */
  readonly epoch?: string;
  /**
   * How a `since` is answered: with everything missed; with nothing and `complete: false`; with
   * nothing and `complete: true`. By default not at all, like a server that knows no `since`.
   */
  readonly recover?: 'all' | 'nothing' | 'lies';
  /** What was published before, by another server. */
  readonly log?: FaultLog;
  /** Makes it speak TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Where it listens; default: 127.0.0.1. */
  readonly host?: string;
}

/** Events in the order they were published, by channel. */
export class FaultLog {
  readonly channels = new Map<string, Channel>();
  readonly events: { readonly channel: string; readonly offset: number; readonly text: string }[] =
    [];
}

/** Positions that a client sends, by subscription. */
type Since = Record<string, { offset?: number; offsets?: Record<string, number> }>;

interface Client {
  readonly socket: WebSocket;
  readonly number: number;
  readonly channels: Set<string>;
  readonly isV1: boolean;
  readonly terms: Map<string, number>;
  seq: number;
  held: string[];
}

interface Channel {
  offset: number;
  sent: number;
}

/** A running server; publishes on request. */
export class FaultServer implements AsyncDisposable {
  readonly #http: Server;
  readonly #faults: Faults;
  readonly #wss = new WebSocketServer({ noServer: true, handleProtocols: chooseProtocol });
  readonly #clients: Client[] = [];
  /** Everything published; hand it to a server that takes over. */
  readonly log: FaultLog;
  /** Every `since` that clients sent. */
  readonly sinces: Since[] = [];
  readonly #sockets = new Set<Duplex>();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  /** Paths, with their queries, that were asked for. */
  readonly paths = new Set<string>();
  /** Of each request: the address it came from, and its headers. */
  readonly origins: string[] = [];
  readonly headers: IncomingHttpHeaders[] = [];
  #mostSockets = 0;
  #bytesAfterClose = 0;
  #requests = 0;
  #subscriptions = 0;

  private constructor(faults: Faults) {
    this.#faults = faults;
    this.log = faults.log ?? new FaultLog();
    this.#http = faults.tls === undefined ? createServer() : createTlsServer(faults.tls);
    this.#http.on(
      faults.tls === undefined ? 'connection' : 'secureConnection',
      (socket: Socket) => {
        this.#sockets.add(socket);
        const held = [...this.#sockets].filter((one) => !one.writableEnded).length;
        this.#mostSockets = Math.max(this.#mostSockets, held);
        socket.on('close', () => this.#sockets.delete(socket));
      },
    );
    // Like a server that tells no counts.
    this.#http.on('request', (_, response) => void response.writeHead(404).end());
    this.#http.on('upgrade', (request, socket, head) => {
      this.#upgrade(request, socket as Socket, head);
    });
  }

  /** Listens on a free port, or on `port`. */
  static async start(faults: Faults = {}, port = 0): Promise<FaultServer> {
    const server = new FaultServer(faults);
    server.#http.listen(port, faults.host ?? '127.0.0.1');
    await once(server.#http, 'listening');
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    const { tls, host = '127.0.0.1' } = this.#faults;
    return `${tls === undefined ? 'ws' : 'wss'}://${reachableHost(host)}:${this.port}/ws`;
  }

  /** Clients that are subscribed now. */
  get clients(): number {
    return this.#clients.length;
  }

  /** Sockets that are open, upgraded or not. */
  get sockets(): number {
    return this.#sockets.size;
  }

  /** The most sockets at a time that it had not ended. */
  get mostSockets(): number {
    return this.#mostSockets;
  }

  /** What clients sent between their close frame and the end of their sockets. */
  get bytesAfterClose(): number {
    return this.#bytesAfterClose;
  }

  /** Upgrade requests until now. */
  get requests(): number {
    return this.#requests;
  }

  /** Resolves once `count` subscriptions have been made in all. */
  subscribed(count: number): Promise<void> {
    if (this.#subscriptions >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }

  /** Sends the next event of a channel to all its subscribers, with the faults asked for. */
  publish(channel: string, timestamp = Date.now()): void {
    const state = this.log.channels.get(channel) ?? { offset: 0, sent: 0 };
    this.log.channels.set(channel, state);
    const prev = state.sent === 0 ? null : state.offset;
    state.offset += 1 + (state.sent % 3);
    const n = state.sent++;
    const more = 'x'.repeat(this.#faults.padding ?? 0);
    const data = { n, text: `naïve {"\n${more}` };
    const event: OdinEvent = { type: 'TRADE_EXECUTED', timestamp, data };
    const text = encodeEvent(event, { channel, offset: state.offset, prev });
    this.log.events.push({ channel, offset: state.offset, text });
    const names = subscriptionsMatching(channel);
    for (const client of this.#clients) {
      if (!names.some((name) => client.channels.has(name))) continue;
      const { number, terms } = client;
      const term = terms.get(channel) ?? 0;
      const fault = this.#faults.deliver?.({ client: number, n, channel, term });
      deliver(client, text, fault);
    }
  }

  /** Sends raw text to every client. */
  broadcast(text: string): void {
    for (const { socket } of this.#clients) socket.send(text);
  }

  /** Closes all connections but `kept` with a code; without one, their sockets just vanish. */
  closeAll(code?: number, kept = 0): void {
    for (const { socket } of this.#clients.slice(kept)) {
      if (code === undefined) socket.terminate();
      else socket.close(code);
    }
  }

  /** Closes each connection with a code of its own, by the number of its client. */
  closeEach(codeOf: (client: number) => number): void {
    for (const { socket, number } of [...this.#clients]) socket.close(codeOf(number));
  }

  /** Sends raw bytes to every client, behind what `ws` has sent. */
  sendBytes(bytes: Buffer): void {
    for (const socket of this.#sockets) socket.write(bytes);
  }

  /** Resets the connections of all clients. */
  resetAll(): void {
    for (const socket of this.#sockets) (socket as Socket).resetAndDestroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.close();
    for (const socket of this.#sockets) socket.destroy();
    if (this.#http.listening) await once(this.#http, 'close');
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => undefined);
    const refusal = this.#faults.refuse?.(this.#requests);
    this.#requests++;
    this.paths.add(request.url ?? '');
    this.origins.push(socket.remoteAddress ?? '');
    this.headers.push(request.headers);
    if (this.#faults.stall) {
      socket.on('end', () => socket.end()).resume();
      return;
    }
    if (this.#faults.reset) return void socket.resetAndDestroy();
    if (this.#faults.answer !== undefined) return void socket.end(this.#faults.answer);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n{"code":"TEST"}`);
      return;
    }
    if (this.#faults.badAccept) request.headers['sec-websocket-key'] = 'AAAAAAAAAAAAAAAAAAAAAA==';
    const { endDelayMs } = this.#faults;
    if (endDelayMs !== undefined) this.#endLater(socket, endDelayMs);
    after(this.#faults.upgradeDelayMs, () => {
      this.#wss.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket));
    });
  }

  /** `ws` ends a socket when both sides have sent their close frames. */
  #endLater(socket: Socket, delayMs: number): void {
    const end = socket.end.bind(socket);
    socket.end = () => {
      socket.on('data', ({ length }) => {
        this.#bytesAfterClose += length;
      });
      setTimeout(() => end(), delayMs);
      return socket;
    };
  }

  #open(socket: WebSocket): void {
    if (socket.protocol === subprotocols.v2) socket.send(this.#welcome());
    socket.on('error', () => undefined);
    socket.on('message', (message) => {
      const { type, data } = JSON.parse(String(message)) as {
        type: string;
        data: { channels: string[]; since?: Since };
      };
      if (type === 'heartbeat') {
        const ahead = this.#faults.clockAheadMs ?? 0;
        return socket.send(controlMessages.pong(undefined, Math.floor(preciseMs() + ahead)));
      }
      const answer = type === 'unsubscribe' ? this.#unsubscribe : this.#subscribe;
      after(this.#faults.ackDelayMs, () => answer.call(this, socket, data));
    });
    if (this.#faults.pingMs !== undefined) keepAlive(socket, this.#faults.pingMs);
    socket.on('close', () => {
      const at = this.#clients.findIndex((client) => client.socket === socket);
      if (at >= 0) this.#clients.splice(at, 1);
    });
  }

  #subscribe(socket: WebSocket, data: { channels: string[]; since?: Since }): void {
    const rejected = this.#faults.rejectChannels
      ? data.channels.map((channel) => ({ channel, code: 'INVALID_CHANNEL' as const }))
      : [];
    const accepted = rejected.length > 0 ? [] : data.channels;
    const recovered = this.#recovered(data.since);
    socket.send(
      controlMessages.subscriptionAck(undefined, accepted, accepted.length, rejected, recovered),
    );
    if (this.#faults.recover === 'all') this.#resend(socket, data.since ?? {});
    const known = this.#clients.find((client) => client.socket === socket);
    if (known !== undefined) {
      for (const channel of accepted) known.channels.add(channel);
      return;
    }
    const number = this.#subscriptions++;
    const channels = new Set(accepted);
    const isV1 = socket.protocol !== subprotocols.v2;
    this.#clients.push({ socket, number, channels, isV1, terms: new Map(), seq: 0, held: [] });
    for (const { count, resolve } of this.#waiting) {
      if (this.#subscriptions >= count) resolve();
    }
  }

  #unsubscribe(socket: WebSocket, { channels }: { channels: string[] }): void {
    const client = this.#clients.find((one) => one.socket === socket);
    if (client === undefined) return;
    if (this.#faults.keepsSubscriptions) {
      return socket.send(controlMessages.unsubscriptionAck(undefined, channels, 0));
    }
    const left = channels.filter((channel) => client.channels.delete(channel));
    for (const name of left) client.terms.set(name, (client.terms.get(name) ?? 0) + 1);
    socket.send(controlMessages.unsubscriptionAck(undefined, left, client.channels.size));
  }

  #recovered(since: Since | undefined) {
    if (since === undefined) return undefined;
    this.sinces.push(since);
    const { recover } = this.#faults;
    if (recover === undefined) return undefined;
    const told = { complete: recover !== 'nothing', from: 0, to: 0 };
    return Object.fromEntries(Object.keys(since).map((name) => [name, told]));
  }

  #resend(socket: WebSocket, since: Since): void {
    for (const { channel, offset, text } of this.log.events) {
      const positions = subscriptionsMatching(channel).flatMap((name) => since[name] ?? []);
      if (positions.length === 0) continue;
      if (positions.every((at) => offset > (at.offset ?? at.offsets?.[channel] ?? -1))) {
        socket.send(text);
      }
    }
  }

  #welcome(): string {
    return controlMessages.welcome({
      protocol: subprotocols.v2,
      client_id: 'test',
      epoch: this.#faults.epoch ?? 'e1',
      node: 'fault',
      heartbeat_ms: 25_000,
      limits: {},
    });
  }
}

function keepAlive(socket: WebSocket, pingMs: number): void {
  let isAlive = true;
  socket.on('pong', () => {
    isAlive = true;
  });
  const timer = setInterval(() => {
    if (!isAlive) return socket.close(4003);
    isAlive = false;
    socket.ping();
  }, pingMs);
  socket.on('close', () => clearInterval(timer));
}

function deliver(client: Client, text: string, fault: Fault): void {
  if (fault === 'hold') {
    client.held.push(text);
    return;
  }
  if (fault === 'drop') return;
  const late = client.held;
  client.held = [];
  for (const event of fault === 'duplicate' ? [text, text, ...late] : [text, ...late]) {
    const v1 = client.isV1 ? `${encodeV1Prefix(++client.seq)}${event.slice(1)}` : event;
    client.socket.send(v1);
  }
}

function chooseProtocol(offered: Set<string>): string | false {
  return offered.has(subprotocols.v2) ? subprotocols.v2 : false;
}

/** The clock that the load tester has, which `Date.now` is not in step with to the millisecond. */
function preciseMs(): number {
  return performance.timeOrigin + performance.now();
}

function after(delayMs: number | undefined, act: () => void): void {
  if (delayMs === undefined) act();
  else setTimeout(act, delayMs);
}
