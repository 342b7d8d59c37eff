/** Opens the socket of a client: plain or TLS, from its own address, all reading into one buffer. */
import { connect, type OnReadOpts, type Socket } from 'node:net';
import {
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  TLSSocket,
} from 'node:tls';
import { inTurn, type Target } from './target.ts';

/** Opens sockets to one target. What TLS needs is read once for all of them. */
export class Dialer {
  readonly #target: Target;
  readonly #workers: number;
  readonly #secureContext: SecureContext | undefined;

  /** `workers` is how many share the clients in turn. */
  constructor(target: Target, workers: number) {
    this.#target = target;
    this.#workers = workers;
    const { tls } = target;
    if (tls !== undefined) {
      this.#secureContext = createSecureContext(tls.ca === undefined ? {} : { ca: tls.ca });
    }
  }

  /** Whether a socket is ready at `secureConnect` instead of `connect`. */
  get isSecure(): boolean {
    return this.#secureContext !== undefined;
  }

  /** Begins to connect; `client` is the number of the client in the whole test. */
  dial(client: number, onread: OnReadOpts): Socket {
    const { address, port, sourceIps, tls } = this.#target;
    // Evenly within each worker, as each may be on a machine of its own.
    const turn = Math.floor(client / this.#workers) + (client % this.#workers);
    const localAddress = inTurn(sourceIps, turn);
    const options = {
      host: address,
      port,
      onread,
      ...(localAddress === undefined ? {} : { localAddress }),
    };
    if (tls === undefined || this.#secureContext === undefined) return connect(options);
    return connectTls({
      ...options,
      secureContext: this.#secureContext,
      rejectUnauthorized: !tls.insecure,
      ALPNProtocols: ['http/1.1'],
      ...(tls.servername === undefined ? {} : { servername: tls.servername }),
    });
  }
}

/**
 * Ends a connection without a goodbye. It is reset: who closes the usual way, and first, cannot use
 * the port again for a minute (TIME_WAIT).
 */
export function cut(socket: Socket): void {
  // Node would wait for what is still connecting or has bytes to write. It can reset TLS only through
  // a TCP socket that was opened before (`tls.connect({ socket })`), and takes no `onread` then: each
  // read would make a buffer of its own, in place of the one that all clients share.
  const isBusy = socket.connecting || socket.writableLength > 0;
  if (isBusy || socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
