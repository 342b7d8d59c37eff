/** Connector: keeps one connection to the server, and decides when to try for the next. */
import { subprotocols } from '../protocol/versions.ts';
import { addressOf } from './client-options.ts';
import { type BackoffBounds, comebackOf, waitMs } from './comeback.ts';
import type { ConnectionState, StateChange } from './connection-state.ts';
import type { Dispatch } from './dispatch.ts';
import { Link, type LinkEnd, type WebSocketClass } from './link.ts';
import { isLocal, isOnline, watchSurroundings } from './surroundings.ts';
import type { TokenKeeper } from './token-keeper.ts';

/** What the connector tells. */
export interface ConnectorOwner {
  /** A connection is open, with the subprotocol that the server chose; `''` for none. */
  opened(protocol: string): void;
  message(text: string): void;
  /** The connection of the last `opened` is over. */
  ended(): void;
  changed(change: StateChange): void;
  /** The page is looked at again, or the network comes or goes, while a connection is open. */
  woke(): void;
  /** The server closed since the token expired; there may be another one. */
  tokenExpired(): void;
}

/** How to connect. Times in milliseconds. */
export interface ConnectorOptions {
  readonly url: string;
  readonly protocols: readonly (keyof typeof subprotocols)[];
  readonly Socket: WebSocketClass;
  readonly backoff: BackoffBounds;
  readonly connectMs: number;
  /** A connection that lasts so long makes up for all attempts before it. */
  readonly stableMs: number;
  readonly random: () => number;
}

/** Failed attempts in a row after which one is made without a subprotocol. */
const plainEvery = 3;

/** One at a time: a link, or a wait for the next one. */
export class Connector {
  state: ConnectionState = 'idle';
  readonly #options: ConnectorOptions;
  readonly #protocols: string[];
  readonly #tokens: TokenKeeper;
  readonly #owner: ConnectorOwner;
  readonly #dispatch: Dispatch;
  readonly #ending = new AbortController();
  #link: Link | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #moveTimer: ReturnType<typeof setTimeout> | undefined;
  /** Attempts since the last stable connection. */
  #attempts = 0;
  #readyMs = Number.NaN;
  #isMoving = false;
  #tokenReason: 'connect' | 'expired' = 'connect';
  /** Whether the server has ever taken a subprotocol. */
  #takesProtocols = false;
  /**
   * Whether to ask for no subprotocol. A server that knows none does not choose one, and browsers
   * take that for a failure; so now and then an attempt is made without. `heard`: one got through, so
   * if the next one, with subprotocols, does not, it is `yes`.
   */
  #plain: 'no' | 'probe' | 'heard' | 'yes' = 'no';
  #misses = 0;

  constructor(
    options: ConnectorOptions,
    tokens: TokenKeeper,
    dispatch: Dispatch,
    owner: ConnectorOwner,
  ) {
    this.#dispatch = dispatch;
    this.#options = options;
    this.#protocols = options.protocols.map((protocol) => subprotocols[protocol]);
    if (!options.protocols.includes('v2')) this.#plain = 'yes';
    this.#tokens = tokens;
    this.#owner = owner;
  }

  start(): void {
    if (this.state !== 'idle') return;
    watchSurroundings(this.#ending.signal, () => this.#surroundingsChanged());
    this.#go();
  }

  /** The server is ready for requests on this connection. */
  ready(): void {
    clearTimeout(this.#timer);
    this.#readyMs = performance.now();
    this.#takesProtocols ||= this.#plain !== 'yes';
    this.#tokens.start();
    this.#change('open');
  }

  send(text: string): void {
    this.#link?.send(text);
  }

  /** The connection is no good: says so, gives it up and goes for another. */
  fail(code: string, message: string): void {
    this.#dispatch.problem(code, message);
    this.#link?.giveUp(message);
  }

  /** The server asks to come anew after a time. */
  moveAfter(afterMs: number): void {
    clearTimeout(this.#moveTimer);
    this.#isMoving = true;
    this.#moveTimer = setTimeout(() => this.#link?.giveUp('moving'), afterMs);
  }

  /** Ends everything, for good. */
  close(change: Partial<StateChange> = {}): void {
    if (this.state === 'closed') return;
    this.#ending.abort();
    clearTimeout(this.#timer);
    clearTimeout(this.#moveTimer);
    this.#tokens.stop();
    const link = this.#link;
    this.#link = undefined;
    this.#change('closed', change);
    link?.close();
  }

  /** Tries now, if there is a network. */
  #go(): void {
    clearTimeout(this.#timer);
    if (!isOnline() && !isLocal(this.#options.url)) return this.#change('offline');
    this.#change('connecting');
    void this.#connect();
  }

  async #connect(): Promise<void> {
    const { url, Socket, connectMs } = this.#options;
    let token: string | undefined;
    try {
      token = await this.#tokens.get(this.#tokenReason);
    } catch (error) {
      if (this.state !== 'connecting') return;
      this.#dispatch.problem('TOKEN_FAILED', 'no token', error);
      return this.#wait({ code: 0, reason: 'no token' });
    }
    if (this.state !== 'connecting') return;
    const isPlain = this.#plain === 'probe' || this.#plain === 'yes';
    let isTold = false;
    try {
      const link = new Link(Socket, addressOf(url, token), isPlain ? [] : this.#protocols, {
        opened: (protocol) => {
          if (this.#plain === 'probe') {
            this.#plain = 'heard';
            return link.giveUp('probed');
          }
          isTold = true;
          this.#owner.opened(protocol);
        },
        message: (text) => this.#owner.message(text),
        ended: (end) => this.#ended(end, isTold),
      });
      this.#link = link;
      this.#timer = setTimeout(() => link.giveUp('no answer'), connectMs);
    } catch (error) {
      this.#dispatch.problem('CONNECT_FAILED', `cannot connect to ${url}`, error);
      this.close({ reason: String(error) });
    }
  }

  #ended(end: LinkEnd, wasOpen: boolean): void {
    this.#link = undefined;
    clearTimeout(this.#moveTimer);
    clearTimeout(this.#timer);
    this.#tokens.stop();
    const isMoving = this.#isMoving;
    this.#isMoving = false;
    const livedMs = performance.now() - this.#readyMs;
    const wasReady = !Number.isNaN(livedMs);
    this.#readyMs = Number.NaN;
    if (wasOpen) this.#owner.ended();
    if (this.state === 'closed') return;
    if (livedMs >= this.#options.stableMs) {
      this.#attempts = 0;
      this.#tokenReason = 'connect';
    }
    if (!wasOpen) {
      if (end.reason === 'probed') return this.#go();
      this.#missed();
    }
    this.#return(end, wasReady && (isMoving || livedMs >= 1_000), isMoving);
  }

  /** An attempt came to nothing. Why, browsers do not tell. */
  #missed(): void {
    if (this.#protocols.length < 2) return;
    const isDue = ++this.#misses % plainEvery === plainEvery - 1;
    if (this.#plain === 'heard') this.#plain = 'yes';
    else if (this.#plain !== 'no') this.#plain = 'no';
    else if (isDue && !this.#takesProtocols) this.#plain = 'probe';
  }

  #return(end: LinkEnd, mayHurry: boolean, isMoving: boolean): void {
    const comeback = comebackOf(end.code);
    if (comeback === 'with-token') {
      this.#owner.tokenExpired();
      if (this.#tokens.canRenew && this.#tokenReason === 'connect') {
        this.#tokenReason = 'expired';
        return this.#go();
      }
    }
    if (comeback === 'never' || comeback === 'with-token') {
      const text = `closed for good: ${end.code} ${end.reason}`;
      this.#dispatch.problem('CLOSED_BY_SERVER', text);
      return this.close(end);
    }
    if (mayHurry && (isMoving || comeback === 'at-once')) return this.#go();
    this.#wait(end);
  }

  #wait(end: LinkEnd): void {
    const { backoff, random } = this.#options;
    const retryMs = waitMs(this.#attempts++, backoff, random);
    this.#change('waiting', { ...end, retryMs });
    this.#timer = setTimeout(() => this.#go(), retryMs);
  }

  #surroundingsChanged(): void {
    if (this.state === 'open') this.#owner.woke();
    else if (this.state !== 'connecting') this.#go();
  }

  #change(state: ConnectionState, more: Partial<StateChange> = {}): void {
    const previous = this.state;
    if (state === previous) return;
    this.state = state;
    this.#owner.changed({ ...more, state, previous });
  }
}
