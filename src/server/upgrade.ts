/** Upgrade: an HTTP request becomes a connection, or is refused in JSON before the upgrade. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Server, type ServerOptions, WebSocketServer } from 'ws';
import { type RefusalCode, refusalResponse } from '../protocol/refusals.ts';
import { subprotocols } from '../protocol/versions.ts';
import { ClientSocket } from './client-socket.ts';
import type { Connections } from './connections.ts';
import { bump, type Counters } from './counters.ts';
import type { Sessions } from './sessions.ts';

/** Bounds on what a client may send; `ws` enforces them. */
interface ClientLimits {
  readonly maxConnections: number;
  readonly maxPayloadBytes: number;
}

/** Fragments of one message, and chunks of one frame: beyond, `ws` closes with 1008. */
const maxFragments = 64;
/** How long a client may take to answer our close frame, in milliseconds. */
const closeTimeoutMs = 5_000;

/** Path that clients connect to. */
export const webSocketPath = '/ws';

/** Accepts and refuses upgrades. */
export class Upgrade {
  readonly #webSockets: Server<typeof ClientSocket>;
  readonly #connections: Connections;
  readonly #sessions: Sessions;
  readonly #counters: Counters;
  readonly #maxConnections: number;
  /** Set while the server takes nobody: before it is warm, and when it is about to stop. */
  closedFor: RefusalCode | undefined = 'WARMING_UP';

  constructor(
    connections: Connections,
    sessions: Sessions,
    counters: Counters,
    { maxConnections, maxPayloadBytes }: ClientLimits,
  ) {
    this.#connections = connections;
    this.#sessions = sessions;
    this.#counters = counters;
    this.#maxConnections = maxConnections;
    const options: ServerOptions<typeof ClientSocket> & { closeTimeout: number } = {
      noServer: true,
      WebSocket: ClientSocket,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: maxPayloadBytes,
      maxFragments,
      maxBufferedChunks: maxFragments,
      closeTimeout: closeTimeoutMs,
      handleProtocols: chooseProtocol,
    };
    this.#webSockets = new WebSocketServer(options);
    this.#webSockets.on('wsClientError', (_error, socket) => this.#refuse(socket, 'BAD_HANDSHAKE'));
  }

  /** Handles the `upgrade` event of the HTTP server. */
  handle(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', ignore);
    const refusal = this.#refusalFor(request);
    if (refusal !== undefined) return this.#refuse(stream, refusal);
    this.#webSockets.handleUpgrade(request, stream, head, (webSocket) => {
      stream.off('error', ignore);
      const socket = stream as Socket;
      const version = webSocket.protocol === subprotocols.v2 ? 'v2' : 'v1';
      const connection = this.#connections.add(version, webSocket, socket);
      webSocket.attach(connection, this.#sessions, socket);
      this.#sessions.opened(connection);
    });
  }

  #refusalFor(request: IncomingMessage): RefusalCode | undefined {
    if (request.url?.split('?', 1)[0] !== webSocketPath) return 'NOT_FOUND';
    if (this.closedFor !== undefined) return this.closedFor;
    if (this.#connections.size >= this.#maxConnections) return 'AT_CAPACITY';
    return undefined;
  }

  #refuse(socket: Duplex, code: RefusalCode): void {
    bump(this.#counters.refused, code);
    socket.end(refusalResponse(code));
  }
}

function chooseProtocol(offered: Set<string>): string | false {
  if (offered.has(subprotocols.v2)) return subprotocols.v2;
  return offered.has(subprotocols.v1) ? subprotocols.v1 : false;
}

function ignore(): void {}
