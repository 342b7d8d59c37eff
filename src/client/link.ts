/** Link: one WebSocket from its opening to its end, whoever brings that end about. */

/** What a client needs of a WebSocket; that of browsers, Node and `ws` fit. */
export interface WebSocketLike {
  readonly protocol: string;
  send(data: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
}

/** The class that {@link WebSocketLike}s are made of. */
export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike;

/** How a link ended. */
export interface LinkEnd {
  /** 1006 when the connection broke; 0 when this client gave it up. */
  readonly code: number;
  readonly reason: string;
}

/** Who is told about a link. Nothing is told any more after `ended`. */
export interface LinkOwner {
  opened(protocol: string): void;
  message(text: string): void;
  ended(end: LinkEnd): void;
}

/** Close code for a connection that this client gives up; applications may use 3000 and above. */
const givenUp = 4000;
const normalClosure = 1000;

/** One connection. */
export class Link {
  readonly #owner: LinkOwner;
  readonly #socket: WebSocketLike;
  #isOver = false;

  /** Throws what the constructor of the WebSocket throws: a URL that is none, for one. */
  constructor(Socket: WebSocketClass, url: string, protocols: readonly string[], owner: LinkOwner) {
    this.#owner = owner;
    this.#socket = new Socket(url, [...protocols]);
    this.#socket.addEventListener('open', () => {
      if (this.#isOver) this.#closeSocket(givenUp, 'given up');
      else owner.opened(this.#socket.protocol);
    });
    this.#socket.addEventListener('message', ({ data }) => {
      if (!this.#isOver && typeof data === 'string') owner.message(data);
    });
    // What failed is not told to scripts; the close event follows.
    this.#socket.addEventListener('error', () => undefined);
    this.#socket.addEventListener('close', ({ code, reason }) => this.#end({ code, reason }));
  }

  /** Sends unless the link has ended. */
  send(text: string): void {
    if (!this.#isOver) this.#socket.send(text);
  }

  /** Gives the connection up: its owner is told at once, whatever the other side does. */
  giveUp(reason: string): void {
    if (this.#isOver) return;
    this.#closeSocket(givenUp, reason);
    this.#end({ code: 0, reason });
  }

  /** Ends the connection without telling the owner. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closeSocket(normalClosure, '');
  }

  #end(end: LinkEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.ended(end);
  }

  #closeSocket(code: number, reason: string): void {
    try {
      this.#socket.close(code, reason);
    } catch {
      // Some throw when it is still connecting; then `open` closes it, if that ever comes.
    }
  }
}
