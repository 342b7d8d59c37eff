/** Pulse: whether the server still says anything; known long before a connection is given up. */
import type { WebSocketClass } from '../../client/index.ts';

/** Looks without a word until it is asked for one, and until its silence is believed. */
const looksUntilAsked = 3;
const looksUntilSilent = 5;

/**
 * Looks come once a second; they are counted, not timed, since a page that slept has missed nothing
 * but them. One question is asked in each silence, so that a quiet market is none.
 */
export class Pulse {
  /** For the client: what its sockets hear is noted. */
  readonly WebSocket: WebSocketClass;
  #socket: WebSocket | undefined;
  #heardMs = 0;
  #looks = 0;

  constructor() {
    const opened = (socket: WebSocket) => this.#opened(socket);
    this.WebSocket = class extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        opened(this);
      }
    };
  }

  /** Looks once more, while a connection is open; milliseconds of silence, 0 while there is none. */
  look(): number {
    if (++this.#looks === looksUntilAsked) this.#socket?.send('{"type":"heartbeat"}');
    return this.#looks < looksUntilSilent ? 0 : performance.now() - this.#heardMs;
  }

  #opened(socket: WebSocket): void {
    this.#socket = socket;
    this.#heard();
    socket.addEventListener('message', () => this.#heard());
  }

  #heard(): void {
    this.#heardMs = performance.now();
    this.#looks = 0;
  }
}
