/** SocketWriter: puts event bytes into sockets, counts them, and says when a socket has enough. */
import type { Connection } from '../clients/connection.ts';
import type { Counters } from '../reporting/counters.ts';

/** The one place where events go to sockets. */
export class SocketWriter {
  readonly #counters: Counters;
  readonly #maxBufferedBytes: number;

  /** `maxBufferedBytes` may wait in a socket before its connection is left to the history. */
  constructor(counters: Counters, maxBufferedBytes: number) {
    this.#counters = counters;
    this.#maxBufferedBytes = maxBufferedBytes;
  }

  /** Writes `messages` events; false when the socket is full, and nothing more should follow. */
  write(connection: Connection, buffer: Buffer, messages: number): boolean {
    if (connection.isClosing) return true;
    this.#counters.socketWrites++;
    this.#counters.bytesWritten += buffer.length;
    this.#counters.messagesDelivered += messages;
    return connection.write(buffer) || !this.isFull(connection);
  }

  /** Whether a socket holds more than it may. */
  isFull(connection: Connection): boolean {
    return connection.bufferedBytes > this.#maxBufferedBytes;
  }
}
