/** ClientSocket: ws's WebSocket that knows its connection, with handlers shared by all sockets. */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type RawData, WebSocket } from 'ws';
import type { DisconnectName } from '../../protocol/disconnects.ts';
import type { Connection } from './connection.ts';
import type { Sessions } from './sessions.ts';

/** A socket's way back to its connection, without a closure per client. */
type ClientStream = Socket & { connection?: Connection; sessions?: Sessions };

/** Created by the WebSocketServer; {@link attach} makes it live. */
export class ClientSocket extends WebSocket {
  connection: Connection | undefined;
  sessions: Sessions | undefined;

  /** Binds socket, connection and sessions. */
  attach(connection: Connection, sessions: Sessions, socket: Socket): void {
    this.connection = connection;
    this.sessions = sessions;
    Object.assign(socket, { connection, sessions });
    socket.on('drain', onDrain);
    this.on('message', onMessage);
    this.on('pong', onLife);
    this.on('ping', onPing);
    this.on('close', onClose);
    this.on('error', onFlaw);
  }
}

function onMessage(this: WebSocket, data: RawData, isBinary: boolean): void {
  const { connection, sessions } = this as ClientSocket;
  onLife.call(this);
  if (connection !== undefined) sessions?.receive(connection, data as Buffer, isBinary);
}

function onDrain(this: ClientStream): void {
  if (this.connection !== undefined) this.sessions?.drained(this.connection);
}

function onLife(this: WebSocket): void {
  const { connection } = this as ClientSocket;
  if (connection !== undefined) connection.seenMs = performance.now();
}

function onPing(this: WebSocket): void {
  const { connection, sessions } = this as ClientSocket;
  onLife.call(this);
  if (connection !== undefined) sessions?.pinged(connection);
}

function onClose(this: WebSocket, code: number): void {
  const { connection, sessions } = this as ClientSocket;
  if (connection !== undefined) sessions?.closed(connection, code);
}

/** ws closes the connection itself, with the code that fits; 'close' follows. */
function onFlaw(this: WebSocket, { code }: NodeJS.ErrnoException): void {
  const { connection } = this as ClientSocket;
  if (connection !== undefined) connection.closedAs ??= flawOf(code ?? '');
}

/** Why ws closes a connection, by the code of its error; undefined when the socket broke. */
function flawOf(code: string): DisconnectName | undefined {
  switch (code) {
    case 'WS_ERR_INVALID_UTF8':
    case 'Z_DATA_ERROR':
      return 'invalidData';
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 'messageTooBig';
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 'policy';
    default:
      return code.startsWith('WS_ERR_') ? 'protocolError' : undefined;
  }
}
