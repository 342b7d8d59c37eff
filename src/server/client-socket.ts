/** ClientSocket: ws's WebSocket that knows its connection, with handlers shared by all sockets. */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { type RawData, WebSocket } from 'ws';
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
    this.on('error', ignore);
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

function onClose(this: WebSocket): void {
  const { connection, sessions } = this as ClientSocket;
  if (connection !== undefined) sessions?.closed(connection);
}

/** ws closes the connection itself, with the code that fits; 'close' follows. */
function ignore(): void {}
