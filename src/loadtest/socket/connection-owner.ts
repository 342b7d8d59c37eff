/** ConnectionOwner: who uses a connection, and what it is told. */
import type { ErrorClass } from './error-classes.ts';

/** How a connection ended. */
export interface ConnectionEnd {
  readonly class: ErrorClass;
  /** For a person: the server's words, or the system's. */
  readonly example: string;
  /** What a refusal calls itself. */
  readonly refusal?: string;
  /** What a refusal asked to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** The code of the server's close frame. */
  readonly closeCode?: number;
}

/** Takes the text messages of many connections. */
export interface MessageReceiver {
  /** The bytes of a message to the client with this `row` are valid only during the call. */
  onMessage(row: number, bytes: Buffer, start: number, end: number): void;
}

/** Who uses a connection. */
export interface ConnectionOwner {
  /** Who takes its messages, and the number under which. */
  readonly receiver: MessageReceiver;
  readonly row: number;
  readonly answersPings: boolean;
  /** The socket is connected; TLS comes next, or the upgrade. */
  onConnected(): void;
  /** TLS is set up; the upgrade comes next. */
  onSecured(): void;
  /** The upgrade is done; the subscription comes next. */
  onUpgraded(): void;
  /** Called once: the socket is closed, or the server has said that it will be. */
  onEnded(end: ConnectionEnd): void;
  /** Called once, after `onEnded`: the socket is closed, and its descriptor and port are free. */
  onClosed(): void;
}
