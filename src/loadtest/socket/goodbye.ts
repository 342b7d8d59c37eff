/** The end of a connection that was upgraded: a close frame, then the server's end of the socket. */
import type { Socket } from 'node:net';
import { closeFrame } from './control-frames.ts';
import { cut } from './dial.ts';

/** How long a server may take to end the socket, once it is awaited. */
const patienceMs = 500;

/**
 * Said once per connection. The server closes first (RFC 6455 §7.1.1): whoever does cannot use its
 * port for a minute.
 */
export class Goodbye {
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | undefined;

  /** Sends the close frame; nothing may be sent after it. */
  constructor(socket: Socket, code: number) {
    this.#socket = socket;
    socket.write(closeFrame(code));
  }

  /** Cuts the socket unless the server ends it in time, which counts from the first call. */
  awaitEnd(): void {
    this.#timer ??= setTimeout(() => cut(this.#socket), patienceMs);
  }

  /** The socket is closed. */
  over(): void {
    clearTimeout(this.#timer);
  }
}
