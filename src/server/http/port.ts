/** Port: the HTTP server under everything, plain or with TLS, with its bounds on patience. */
import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Config } from '../../config/schema.ts';
import type { Log } from '../../host/log.ts';
import type { Counters } from '../reporting/counters.ts';
import type { TlsFiles } from '../security/tls-files.ts';

/** Sockets beside those of clients: probes, handshakes, and whoever never sends a request. */
const maxOtherSockets = 10_000;

/** A server that does not listen yet. */
export interface Port extends Disposable {
  readonly http: Server;
  /** How clients address it. */
  readonly scheme: 'ws' | 'wss';
  /** Takes as many sockets as so many clients need; beyond, they are closed as they come. */
  limit(maxConnections: number): void;
  /** Takes a socket that was accepted elsewhere; this server need not listen for that. */
  receive(socket: Socket): void;
  /**
   * Ends every socket at once, also those that Node's HTTP server has lost sight of: in the middle
   * of a TLS handshake, or handed out by an `upgrade` event.
   */
  destroySockets(): void;
}

/** Disposing it ends the looking for new certificates; the server is closed by whoever listens. */
export function createPort(
  { limits, maxConnections }: Config['server'],
  tls: TlsFiles | undefined,
  counters: Counters,
  log: Log,
): Port {
  const { handshakeMs } = limits;
  const options: ServerOptions = {
    headersTimeout: handshakeMs,
    requestTimeout: handshakeMs,
    // How often Node looks for requests that took too long; its own 30 s would be the real limit.
    connectionsCheckingInterval: Math.min(1_000, handshakeMs / 2),
  };
  const server =
    tls === undefined
      ? createServer(options)
      : createTlsServer({ ...options, ...tls.options, handshakeTimeout: handshakeMs });
  const limit = (clients: number) => {
    server.maxConnections = clients + maxOtherSockets;
  };
  limit(maxConnections);
  server.on('drop', () => counters.socketsDropped++);
  const sockets = new Set<Socket>();
  let isReceiving = false;
  function forget(this: Socket): void {
    sockets.delete(this);
  }
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', forget);
  });
  const watch =
    tls !== undefined && 'setSecureContext' in server ? tls.watch(server, log) : undefined;
  return {
    http: server,
    scheme: tls === undefined ? 'ws' : 'wss',
    receive(socket) {
      // Node minds the limit only where it accepts.
      if (sockets.size >= server.maxConnections) {
        counters.socketsDropped++;
        socket.destroy();
        return;
      }
      // Node looks for requests that take too long only in servers that listen.
      if (!server.listening && !isReceiving) server.emit('listening');
      isReceiving = true;
      server.emit('connection', socket);
      socket.resume();
    },
    limit,
    destroySockets() {
      for (const socket of sockets) socket.destroy();
    },
    [Symbol.dispose]: () => watch?.[Symbol.dispose](),
  };
}
