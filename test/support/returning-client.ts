/** A client as it should be: when it is cut off it comes back, and says where it left off. */
import { WebSocket } from 'ws';

/** What it follows. */
const followed = 'BTC.trade';

type Message = Record<string, unknown>;

/** Events are numbered by the test, in `data.n`, and carry `data.sentMs`. Disposing it ends it. */
export class ReturningClient implements AsyncDisposable {
  /** Numbers of all events, as they came. */
  readonly numbers: number[] = [];
  /** How late each came, in milliseconds, in the same order. */
  readonly delaysMs: number[] = [];
  /** Codes it was closed with. */
  readonly closes: number[] = [];
  /** Upgrades that were answered otherwise, by status. */
  readonly refusals: number[] = [];
  /** Returns after which the server could not give everything. */
  incomplete = 0;
  /** The shard that serves it; undefined while it is away. */
  shard: number | undefined;
  readonly #url: string;
  #socket: WebSocket | undefined;
  #ended: PromiseWithResolvers<void> | undefined;
  #epoch: unknown;
  #offset: unknown;
  #retry: NodeJS.Timeout | undefined;

  constructor(url: string) {
    this.#url = url;
    this.#connect();
  }

  /** Whether it holds its subscription. */
  get isHere(): boolean {
    return this.shard !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = Promise.withResolvers();
    clearTimeout(this.#retry);
    if (this.#socket === undefined) return;
    this.#socket.terminate();
    await this.#ended.promise;
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, ['odin.v2']);
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('unexpected-response', (request, response) => {
      this.refusals.push(response.statusCode ?? 0);
      request.destroy();
      response.destroy();
      socket.emit('close', 0);
    });
    socket.on('message', (data) => {
      for (const line of String(data).split('\n')) this.#take(JSON.parse(line) as Message);
    });
    socket.once('close', (code) => this.#closed(code));
  }

  #closed(code: number): void {
    if (this.shard !== undefined) this.closes.push(code);
    this.shard = undefined;
    this.#socket = undefined;
    if (this.#ended !== undefined) return this.#ended.resolve();
    this.#retry = setTimeout(() => this.#connect(), 50);
  }

  #take(message: Message): void {
    if (message['type'] === 'welcome') {
      this.#epoch = message['epoch'];
      const position = { epoch: this.#epoch, offset: this.#offset };
      const since = this.#offset === undefined ? undefined : { [followed]: position };
      const data = { channels: [followed], since };
      this.#socket?.send(JSON.stringify({ type: 'subscribe', data, id: message['client_id'] }));
    } else if (message['type'] === 'subscription_ack') {
      this.shard = Number(/-(\d+)-[^-]+$/.exec(String(message['id']))?.[1]);
      const recovered = message['recovered'] as Record<string, { complete: boolean }> | undefined;
      if (recovered?.[followed]?.complete === false) this.incomplete++;
    } else if (message['offset'] !== undefined) this.#takeEvent(message);
  }

  #takeEvent({ offset, data }: Message): void {
    const { n, sentMs } = data as { n: number; sentMs: number };
    this.#offset = offset;
    this.numbers.push(n);
    this.delaysMs.push(performance.now() - sentMs);
  }
}
