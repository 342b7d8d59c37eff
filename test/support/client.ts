/** A WebSocket client for tests, by the `ws` package: what it received, as promises. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientOptions, WebSocket } from 'ws';

/** Messages of either protocol, parsed. */
export type Received = Record<string, unknown>;

/** One client. Disposing it closes its socket. */
export class TestClient implements AsyncDisposable {
  readonly socket: WebSocket;
  /** All messages, in order. */
  readonly messages: Received[] = [];
  closed: { code: number; reason: string } | undefined;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      for (const line of data.toString().split('\n')) this.messages.push(JSON.parse(line));
      this.#wake();
    });
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
      this.#wake();
    });
    socket.on('error', () => {});
  }

  /** Connects; v2 unless told otherwise, and past the welcome. */
  static async open(
    url: string,
    version: 'v1' | 'v2' = 'v2',
    options: ClientOptions = {},
  ): Promise<TestClient> {
    const socket = new WebSocket(url, version === 'v2' ? ['odin.v2'] : [], options);
    const client = new TestClient(socket);
    await once(socket, 'open');
    if (version === 'v2') await client.next('welcome');
    return client;
  }

  say(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Subscribes and waits for the acknowledgement. */
  async subscribe(...channels: string[]): Promise<Received> {
    const before = this.messages.length;
    this.say({ type: 'subscribe', data: { channels } });
    return this.next('subscription_ack', before);
  }

  /** The first message of a type at or after a position. */
  async next(type: string, from = 0): Promise<Received> {
    await this.until(() => this.messages.slice(from).some((message) => message['type'] === type));
    return this.messages.slice(from).find((message) => message['type'] === type)!;
  }

  /** Waits until there are `count` events, and returns all there are. */
  async events(count: number): Promise<Received[]> {
    await this.until(() => this.received.length >= count);
    return this.received;
  }

  /** All events so far. */
  get received(): Received[] {
    return this.messages.filter((message) => message['offset'] !== undefined);
  }

  /** Waits for a condition on what was received; fails in the end, or when the socket closes. */
  async until(condition: () => boolean, withinMs = 60_000): Promise<void> {
    const deadline = AbortSignal.timeout(withinMs);
    while (!condition()) {
      if (this.closed) throw new Error(`closed with ${this.closed.code} ${this.closed.reason}`);
      if (deadline.aborted)
        throw new Error(`waited in vain; got ${JSON.stringify(this.messages.slice(-5))}`);
      await Promise.race([
        new Promise<void>((wake) => {
          this.#wake = wake;
        }),
        once(deadline, 'abort'),
      ]);
    }
  }

  /** How the server closed the connection. */
  async closing(): Promise<{ code: number; reason: string }> {
    if (this.closed === undefined) await once(this.socket, 'close');
    return this.closed!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    const closed = once(this.socket, 'close');
    this.socket.terminate();
    await closed;
  }
}

/** How a server refused an upgrade. */
export interface Refused {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Record<string, unknown>;
}

/** Tries to connect where that must be refused before the upgrade; fails when it is not. */
export async function refusalOf(url: string, options: ClientOptions = {}): Promise<Refused> {
  const socket = new WebSocket(url, ['odin.v2'], options);
  const accepted = once(socket, 'open').then(() => {
    socket.terminate();
    throw new Error('was let in');
  });
  const refused = once(socket, 'unexpected-response');
  const [, response] = (await Promise.race([refused, accepted])) as [unknown, IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode, headers: response.headers, body: JSON.parse(text) };
}
