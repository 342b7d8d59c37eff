/** OdinClient: market events for an application, over a connection that mends itself. */
import { type ChannelRequest, readChannels } from './channel-request.ts';
import type { ClientEvents } from './client-events.ts';
import { type FullOptions, type OdinClientOptions, withDefaults } from './client-options.ts';
import type { ConnectionState, StateChange } from './connection-state.ts';
import { Connector } from './connector.ts';
import { Dispatch } from './dispatch.ts';
import { Emitter } from './emitter.ts';
import { Interests } from './interests.ts';
import type { WebSocketClass } from './link.ts';
import type { MarketEvent, ThrottleNotice } from './market-event.ts';
import { Places } from './places.ts';
import type { Position, Positions } from './positions.ts';
import { positionOf } from './requests.ts';
import { Session } from './session.ts';
import type { SessionOwner } from './session-owner.ts';
import { Subscription, type SubscriptionOwner } from './subscription.ts';
import { createTally, type Tally } from './tally.ts';
import { TokenKeeper } from './token-keeper.ts';

/** Details of a subscription. */
export interface SubscribeOptions {
  /** The newest event of each channel first. */
  readonly snapshot?: boolean;
  /** Where to go on: the `positions` of an earlier subscription. */
  readonly since?: Positions;
}

/** A listener, or what a listener does with one type of events. */
type Listener<Name extends keyof ClientEvents> = (value: ClientEvents[Name]) => void;

/** What holds for a new connection. */
const unthrottled: ThrottleNotice = { level: 0, ratePercent: 100, message: '' };

/**
 * One client of odin. Whatever happens to its connection, each event reaches the application once
 * and in the order of its channel; where that cannot be, `gap` says so.
 */
export class OdinClient {
  readonly #options: FullOptions;
  readonly #emitter: Emitter<ClientEvents>;
  readonly #places: Places;
  readonly #interests: Interests;
  readonly #dispatch: Dispatch;
  readonly #tally = createTally();
  readonly #tokens: TokenKeeper;
  readonly #connector: Connector;
  readonly #parts: SessionOwner;
  readonly #owner: SubscriptionOwner;
  #session: Session | undefined;
  #isStarted = false;
  #throttle = unthrottled;

  /** Does nothing yet: {@link connect} does. */
  constructor(options: OdinClientOptions) {
    const full = withDefaults(options);
    this.#options = full;
    this.#emitter = new Emitter((error) => this.#threw(error));
    this.#places = new Places(full.maxChannels);
    this.#interests = new Interests(this.#places);
    this.#dispatch = new Dispatch(this.#interests, this.#places, this.#emitter, this.#tally);
    this.#tokens = new TokenKeeper(
      full.token,
      (token) => this.#session?.refreshToken(token),
      (cause) => this.#dispatch.problem('TOKEN_FAILED', 'no token', cause),
    );
    this.#connector = this.#newConnector();
    this.#parts = {
      ...{ interests: this.#interests, places: this.#places, tally: this.#tally },
      ...{ emitter: this.#emitter, dispatch: this.#dispatch },
      ...{ tokens: this.#tokens, connector: this.#connector },
    };
    this.on('throttle', (notice) => {
      this.#throttle = notice;
    });
    this.#owner = {
      call: (handler, event) => this.#call(handler, event),
      release: (subscription) => this.#release(subscription),
      positionsOf: (names) => this.#positionsOf(names),
    };
  }

  get state(): ConnectionState {
    return this.#connector.state;
  }

  /** The last word of the server about how much it leaves out; level 0 is nothing. */
  get throttle(): ThrottleNotice {
    return this.#throttle;
  }

  /** Estimated time to the server and back, in milliseconds; undefined while unknown. */
  get roundTripMs(): number | undefined {
    return this.#session?.roundTripMs;
  }

  /**
   * The server's clock, in milliseconds since 1970; it lags behind by the way of its answer, so
   * `serverMs - event.ts` is the age of an event but for that. This machine's clock while unknown.
   */
  get serverMs(): number {
    return this.#session?.serverMs() ?? Date.now();
  }

  /** Counts since the client was made, and the channels that were forgotten for `maxChannels`. */
  get stats(): Readonly<Tally> & { readonly forgotten: number } {
    return { ...this.#tally, forgotten: this.#places.forgotten };
  }

  /**
   * Connects, and stays connected until {@link close}. Resolves when the connection is open for the
   * first time; rejects when it is closed for good before. Throws when the client was closed.
   */
  connect(): Promise<void> {
    const { state } = this;
    if (state === 'closed') throw new Error('the client is closed');
    const opened = new Promise<void>((resolve, reject) => {
      if (state === 'open') return resolve();
      const off = this.on('state', (change) => {
        if (change.state !== 'open' && change.state !== 'closed') return;
        off();
        if (change.state === 'open') resolve();
        else reject(new Error(`the client is closed: ${change.reason ?? 'by close()'}`));
      });
    });
    // Who does not wait for it is told by `error` and `state`.
    opened.catch(() => undefined);
    if (!this.#isStarted) {
      this.#isStarted = true;
      this.#connector.start();
    }
    return opened;
  }

  /** Ends the connection and all subscriptions, for good. */
  close(): void {
    this.#connector.close();
  }

  /** Adds a listener; the returned function removes it. */
  on<Name extends keyof ClientEvents>(name: Name, listener: Listener<Name>): () => void {
    return this.#emitter.on(name, listener);
  }

  /**
   * Subscribes to channels, wildcards (`BTC.*`, `*.trade`, `*`) or a bundle; before or after
   * {@link connect}. `handler` gets each event once; without one, loop over the subscription. Parts
   * of an application that want the same channel share it: `since` counts for the first of them.
   */
  subscribe(
    request: ChannelRequest,
    handler?: (event: MarketEvent) => void,
    { snapshot = false, since = {} }: SubscribeOptions = {},
  ): Subscription {
    const { channels, invalid } = readChannels(request);
    const { maxBuffered } = this.#options;
    const subscription = new Subscription(this.#owner, channels, handler, maxBuffered);
    subscription.wantsSnapshot = snapshot;
    for (const channel of invalid) subscription.answer(channel, 'INVALID_CHANNEL');
    for (const name of channels) {
      const interest = this.#interests.add(name, subscription);
      // What was refused before may be allowed now: somebody wants it anew, so it is asked for anew.
      if (interest.state === 'rejected') interest.state = 'wanted';
      if (interest.state === 'wanted') {
        interest.since ??= since[name];
        interest.wantsSnapshot ||= snapshot;
      } else if (interest.state === 'held') {
        subscription.answer(name, undefined);
        if (snapshot) queueMicrotask(() => this.#dispatch.showNewest(interest, subscription));
      }
    }
    subscription.settle();
    if (this.state === 'closed') subscription.end();
    else this.#session?.changed();
    return subscription;
  }

  #newConnector(): Connector {
    const { minBackoffMs: minMs, maxBackoffMs: maxMs, WebSocket, ...options } = this.#options;
    const all = {
      ...options,
      backoff: { minMs, maxMs },
      // Looked up late: where pages are rendered on servers, there may be none.
      get Socket() {
        return WebSocket ?? (globalThis as unknown as { WebSocket: WebSocketClass }).WebSocket;
      },
    };
    return new Connector(all, this.#tokens, this.#dispatch, {
      opened: (protocol) => {
        this.#session = new Session(this.#parts, protocol);
      },
      message: (text) => this.#session?.receive(text),
      ended: () => this.#endSession(),
      changed: (change) => this.#changed(change),
      woke: () => this.#session?.probe(),
      tokenExpired: () => this.#emitter.emit('token-expired', { final: !this.#tokens.canRenew }),
    });
  }

  #changed(change: StateChange): void {
    if (change.state === 'open') this.#tally.connections++;
    if (change.state === 'closed') {
      this.#endSession();
      for (const interest of this.#interests.all()) {
        for (const subscription of interest.subscriptions) subscription.end();
      }
    }
    this.#emitter.emit('state', change);
  }

  #endSession(): void {
    this.#session?.end();
    this.#session = undefined;
    if (this.#throttle.level === 0) return;
    this.#emitter.emit('throttle', unthrottled);
  }

  #release(subscription: Subscription): void {
    for (const name of subscription.channels) this.#interests.release(name, subscription);
    this.#session?.changed();
  }

  #positionsOf(names: readonly string[]): Positions {
    this.#session?.settle();
    const positions: Record<string, Position> = {};
    for (const name of names) {
      const interest = this.#interests.find(name);
      const position = interest && positionOf(interest, this.#places, Number.POSITIVE_INFINITY);
      if (position !== undefined) positions[name] = position;
    }
    return positions;
  }

  #call(handler: (event: MarketEvent) => void, event: MarketEvent): void {
    try {
      handler(event);
    } catch (error) {
      this.#threw(error);
    }
  }

  /** A mistake of the application: if it does not listen for errors, it is thrown where all see it. */
  #threw(error: unknown): void {
    if (this.#emitter.has('error')) this.#dispatch.problem('HANDLER_FAILED', String(error), error);
    else
      queueMicrotask(() => {
        throw error;
      });
  }
}
