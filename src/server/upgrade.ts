/** Upgrade: an HTTP request becomes a connection, or is refused in JSON before the upgrade. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Server, type ServerOptions, WebSocketServer } from 'ws';
import { type RefusalCode, refusalResponse } from '../protocol/refusals.ts';
import { subprotocols } from '../protocol/versions.ts';
import type { Audit } from './audit.ts';
import { ClientSocket } from './client-socket.ts';
import { takeDeflateOffer } from './compression/deflate-offer.ts';
import type { Connections } from './connections.ts';
import { bump, type Counters } from './counters.ts';
import type { Admission, Refusal } from './security/admission.ts';
import { isRefusal, type Principal, type Tokens } from './security/tokens.ts';
import type { Sessions } from './sessions.ts';

/** Bounds on what a client may send; `ws` enforces them. */
interface ClientLimits {
  readonly maxConnections: number;
  readonly maxPayloadBytes: number;
  /** Whether to take up what clients offer of permessage-deflate. */
  readonly compression: { readonly enabled: boolean };
}

/** Fragments of one message: beyond, `ws` closes with 1008. */
const maxFragments = 64;
/**
 * Pieces in which the network may bring one frame: beyond, `ws` closes with 1008. Enough for a
 * control frame byte by byte, and for the largest message in pieces of 16 bytes.
 */
const maxPieces = 1_024;
/** Pongs that may wait for one client; the message limit is stricter, unless it is switched off. */
const maxPendingAutoPongs = 1_024;
/** How long a client may take to answer our close frame, in milliseconds. */
const closeTimeoutMs = 5_000;

/** Path that clients connect to. */
export const webSocketPath = '/ws';

/** Accepts and refuses upgrades. */
export class Upgrade {
  readonly #webSockets: Server<typeof ClientSocket>;
  readonly #connections: Connections;
  readonly #sessions: Sessions;
  readonly #admission: Admission;
  readonly #audit: Audit;
  readonly #counters: Counters;
  readonly #maxConnections: number;
  readonly #mayDeflate: boolean;
  /** Set while the server takes nobody: before it is warm, and when it is about to stop. */
  closedFor: RefusalCode | undefined = 'WARMING_UP';
  /** Whether it is short of something now, for which new clients are refused. */
  overloadedFor: () => RefusalCode | undefined = () => undefined;

  constructor(
    connections: Connections,
    sessions: Sessions,
    admission: Admission,
    audit: Audit,
    counters: Counters,
    { maxConnections, maxPayloadBytes, compression }: ClientLimits,
  ) {
    this.#connections = connections;
    this.#sessions = sessions;
    this.#admission = admission;
    this.#audit = audit;
    this.#counters = counters;
    this.#maxConnections = maxConnections;
    this.#mayDeflate = compression.enabled;
    const options: ServerOptions<typeof ClientSocket> & {
      closeTimeout: number;
      maxPendingAutoPongs: number;
    } = {
      noServer: true,
      WebSocket: ClientSocket,
      clientTracking: false,
      // `ws` answers the offer and inflates what clients send; events are deflated past it.
      perMessageDeflate: compression.enabled,
      maxPayload: maxPayloadBytes,
      maxFragments,
      maxBufferedChunks: maxPieces,
      closeTimeout: closeTimeoutMs,
      maxPendingAutoPongs,
      handleProtocols: chooseProtocol,
    };
    this.#webSockets = new WebSocketServer(options);
    this.#webSockets.on('wsClientError', (_error, socket, request) =>
      this.#refuse(request, socket, { code: 'BAD_HANDSHAKE' }),
    );
  }

  /** Handles the `upgrade` event of the HTTP server. */
  handle(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', ignore);
    const refusal = this.#refusalFor(request);
    if (refusal !== undefined) return this.#refuse(request, stream, refusal);
    const { tokens } = this.#admission;
    if (tokens === undefined) this.#open(request, stream, head, undefined);
    else void this.#identify(tokens, request, stream, head);
  }

  /** Lets in whoever has a token. Its place is reserved meanwhile; nothing is read from it. */
  async #identify(
    tokens: Tokens,
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
  ): Promise<void> {
    const result = await this.#admission.identify(tokens, request);
    if (stream.destroyed) {
      this.#counters.handshakesAbandoned++;
      return;
    }
    if (this.closedFor !== undefined)
      return this.#refuse(request, stream, { code: this.closedFor });
    if (isRefusal(result)) return this.#refuse(request, stream, result);
    const { devices } = this.#admission;
    if (!devices.take(result.user)) {
      return this.#refuse(request, stream, { code: 'TOO_MANY_DEVICES', user: result.user });
    }
    if (!this.#open(request, stream, head, result)) devices.release(result.user);
  }

  /** Returns whether there is a connection now; if not, the client has been told or is gone. */
  #open(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    principal: Principal | undefined,
  ): boolean {
    let isOpen = false;
    const deflating = this.#mayDeflate ? takeDeflateOffer(request.headers) : 'none';
    this.#webSockets.handleUpgrade(request, stream, head, (webSocket) => {
      isOpen = true;
      stream.off('error', ignore);
      const socket = stream as Socket;
      const version = webSocket.protocol === subprotocols.v2 ? 'v2' : 'v1';
      const connection = this.#connections.add(version, webSocket, socket, principal, deflating);
      webSocket.attach(connection, this.#sessions, socket);
      this.#sessions.opened(connection);
    });
    return isOpen;
  }

  #refusalFor(request: IncomingMessage): Refusal | undefined {
    if (request.url?.split('?', 1)[0] !== webSocketPath) return { code: 'NOT_FOUND' };
    if (this.closedFor !== undefined) return { code: this.closedFor };
    if (this.#connections.size + this.#admission.pending >= this.#maxConnections)
      return { code: 'AT_CAPACITY' };
    const overload = this.overloadedFor();
    if (overload !== undefined) return { code: overload };
    return this.#admission.refusalFor(request);
  }

  #refuse(request: IncomingMessage, stream: Duplex, refusal: Refusal): void {
    const { code, retryAfterMs, reason, user } = refusal;
    bump(this.#counters.refused, code);
    const address = this.#admission.addressOf(request);
    this.#audit.note('connect_refused', 'client refused', { code, address, reason, user });
    // A client that never closes its side would hold the descriptor for good.
    stream.once('finish', stream.destroy);
    stream.resume();
    stream.end(refusalResponse(code, retryAfterMs));
  }
}

function chooseProtocol(offered: Set<string>): string | false {
  if (offered.has(subprotocols.v2)) return subprotocols.v2;
  return offered.has(subprotocols.v1) ? subprotocols.v1 : false;
}

function ignore(): void {}
