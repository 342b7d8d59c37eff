/** A WebSocket server that is not odin: numbers the messages of its rooms, and makes mistakes. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** What happens to a message for one member; `hold` sends it right behind the next one. */
type Fault = 'drop' | 'duplicate' | 'hold' | undefined;

interface Member {
  readonly socket: WebSocket;
  readonly number: number;
  held: string[];
}

/** Members join with `join <room>`; whoever is connected is told what is broadcast. */
export class PlainServer implements AsyncDisposable {
  /** All texts that clients sent. */
  readonly heard: string[] = [];
  readonly #server: WebSocketServer;
  readonly #rooms = new Map<string, Member[]>();
  readonly #numbers = new Map<string, number>();
  readonly #faultOf: (member: number, n: number) => Fault;
  #joins = 0;

  private constructor(server: WebSocketServer, faultOf: (member: number, n: number) => Fault) {
    this.#server = server;
    this.#faultOf = faultOf;
    server.on('connection', (socket) => {
      socket.on('message', (data) => this.#hear(socket, String(data)));
    });
  }

  /** Listens on a free port; with `subprotocol`, for clients that offer it only. */
  static async start(
    faultOf: (member: number, n: number) => Fault = () => undefined,
    subprotocol?: string,
  ): Promise<PlainServer> {
    const server = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: (names) =>
        subprotocol !== undefined && names.has(subprotocol) ? subprotocol : false,
    });
    await once(server, 'listening');
    return new PlainServer(server, faultOf);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/feed`;
  }

  /** Joins until now. */
  get joins(): number {
    return this.#joins;
  }

  /** Sends the next message of a room, `ageMs` old, to its members. */
  publish(room: string, ageMs = 0): void {
    const n = (this.#numbers.get(room) ?? 0) + 1;
    this.#numbers.set(room, n);
    const text = JSON.stringify({ channel: room, data: { timestamp: Date.now() - ageMs, seq: n } });
    for (const member of this.#rooms.get(room) ?? []) {
      const fault = this.#faultOf(member.number, n);
      if (fault === 'hold') member.held.push(text);
      if (fault === 'hold' || fault === 'drop') continue;
      for (const one of [text, ...(fault === 'duplicate' ? [text] : []), ...member.held]) {
        member.socket.send(one);
      }
      member.held = [];
    }
  }

  /** Sends the same to everybody. */
  broadcast(message: string | Buffer): void {
    for (const socket of this.#server.clients) socket.send(message);
  }

  closeAll(code: number): void {
    for (const socket of this.#server.clients) socket.close(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #hear(socket: WebSocket, text: string): void {
    this.heard.push(text);
    const [, room] = /^join (\S+)$/.exec(text) ?? [];
    if (room === undefined) return;
    const members = this.#rooms.get(room) ?? [];
    this.#rooms.set(room, members);
    members.push({ socket, number: members.length, held: [] });
    this.#joins++;
    socket.on('close', () =>
      members.splice(
        members.findIndex((one) => one.socket === socket),
        1,
      ),
    );
    socket.send(`{"joined":"${room}"}`);
  }
}
