/** Upgrade: an HTTP request becomes a connection, or is refused in JSON before the upgrade. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Server, type ServerOptions, WebSocketServer } from 'ws';
import { type RefusalCode, refusalResponse } from '../../protocol/refusals.ts';
import { subprotocols } from '../../protocol/versions.ts';
import { takeDeflateOffer } from '../compression/deflate-offer.ts';
import type { Audit } from '../reporting/audit.ts';
import { bump, type Counters } from '../reporting/counters.ts';
import type { Admission, Refusal } from '../security/admission.ts';
import { isRefusal, type Principal } from '../security/principal.ts';
import type { Tokens } from '../security/tokens.ts';
import { ClientSocket } from './client-socket.ts';
import type { Connections } from './connections.ts';
import type { Gate, Verdict } from './gate.ts';
import type { Sessions } from './sessions.ts';

/** Bounds on what a client may send; `ws` enforces them. */
interface ClientLimits {
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
  readonly #gate: Gate;
  readonly #mayDeflate: boolean;
  /** Set while the server takes nobody: before it is warm, and when it is about to stop. */
  closedFor: RefusalCode | undefined = 'WARMING_UP';

  constructor(
    connections: Connections,
    sessions: Sessions,
    gate: Gate,
    admission: Admission,
    audit: Audit,
    counters: Counters,
    { maxPayloadBytes, compression }: ClientLimits,
  ) {
    this.#connections = connections;
    this.#sessions = sessions;
    this.#admission = admission;
    this.#audit = audit;
    this.#counters = counters;
    this.#gate = gate;
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

  /** Handles the `upgrade` event of the HTTP server. Nothing is read from it until it is let in. */
  handle(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', ignore);
    const refusal = this.#refusalFor(request);
    if (refusal !== undefined) return this.#refuse(request, stream, refusal);
    const socket = stream as Socket;
    const verdict = this.#gate.enter(socket, this.#admission.addressOf(request));
    if (verdict instanceof Promise)
      void verdict.then((late) => this.#entered(request, socket, head, late));
    else this.#entered(request, socket, head, verdict);
  }

  /** Whoever has a place says who it is, where that is wanted. */
  #entered(request: IncomingMessage, socket: Socket, head: Buffer, verdict: Verdict): void {
    if (verdict !== undefined) return this.#refuse(request, socket, verdict);
    const { tokens } = this.#admission;
    if (tokens === undefined) {
      if (this.#isStillWelcome(request, socket, undefined))
        this.#open(request, socket, head, undefined);
    } else void this.#identify(tokens, request, socket, head);
  }

  /** Lets in whoever has a token. */
  async #identify(
    tokens: Tokens,
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): Promise<void> {
    const result = await this.#admission.identify(tokens, request);
    if (isRefusal(result)) return this.#sendAway(request, socket, undefined, result);
    const { user } = result;
    const verdict = await this.#gate.enterAs(socket, user);
    if (verdict !== undefined) return this.#sendAway(request, socket, undefined, verdict);
    if (this.#isStillWelcome(request, socket, user)) this.#open(request, socket, head, result);
  }

  /** Things change while somebody waits: it may be gone, or the server about to leave. */
  #isStillWelcome(request: IncomingMessage, socket: Socket, user: string | undefined): boolean {
    if (!socket.destroyed && this.closedFor === undefined) return true;
    this.#sendAway(request, socket, user, { code: this.closedFor ?? 'BAD_HANDSHAKE' });
    return false;
  }

  /** Refuses somebody who had a place. */
  #sendAway(
    request: IncomingMessage,
    socket: Socket,
    user: string | undefined,
    refusal: Refusal,
  ): void {
    this.#gate.left(socket, user);
    if (socket.destroyed) this.#counters.handshakesAbandoned++;
    else
      this.#refuse(
        request,
        socket,
        this.closedFor === undefined ? refusal : { code: this.closedFor },
      );
  }

  #open(
    request: IncomingMessage,
    socket: Socket,
    head: Buffer,
    principal: Principal | undefined,
  ): void {
    let isOpen = false;
    const deflating = this.#mayDeflate ? takeDeflateOffer(request.headers) : 'none';
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      isOpen = true;
      socket.off('error', ignore);
      const version = webSocket.protocol === subprotocols.v2 ? 'v2' : 'v1';
      const connection = this.#connections.add(version, webSocket, socket, principal, deflating);
      webSocket.attach(connection, this.#sessions, socket);
      this.#sessions.opened(connection);
    });
    // `ws` has told the client what is wrong with its handshake.
    if (!isOpen) this.#gate.left(socket, principal?.user);
  }

  #refusalFor(request: IncomingMessage): Refusal | undefined {
    if (request.url?.split('?', 1)[0] !== webSocketPath) return { code: 'NOT_FOUND' };
    if (this.closedFor !== undefined) return { code: this.closedFor };
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
