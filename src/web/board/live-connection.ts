/** Live connection: the board's client of odin, and what it feels like. */
import {
  OdinClient,
  type StateChange,
  type SubscriptionOutcome,
  type TokenSource,
} from '../../client/index.ts';
import type { MarketEvent } from '../../client/market-event.ts';
import { Pulse } from './pulse.ts';

/** Ages of events that the latency is taken from. */
const agesKept = 128;

/** Who shows it. */
export interface LiveConnectionOwner {
  event(event: MarketEvent): void;
  changed(change: StateChange): void;
  throttled(level: number, ratePercent: number): void;
  /** The server has answered, and does not deliver these. */
  answered(rejected: SubscriptionOutcome['rejected']): void;
}

/** How late events came, and how long ago the last of them did. */
export interface Lateness {
  readonly ms: number;
  readonly agoMs: number;
}

/** Connects at once. Only trades and analytics are asked for: the board shows nothing else. */
export class LiveConnection {
  readonly #client: OdinClient;
  readonly #pulse = new Pulse();
  readonly #ages: number[] = [];
  #agedMs = 0;
  /** The least there was on this connection: a server that stood still is no farther away. */
  #tripMs = Number.POSITIVE_INFINITY;
  #isOver = false;

  /** `tokens` are symbols; none is all of them. The address is beside that of the page. */
  constructor(
    owner: LiveConnectionOwner,
    tokens: readonly string[],
    token: TokenSource | undefined,
  ) {
    const url = new URL('ws', location.href).href;
    const { WebSocket } = this.#pulse;
    const client = new OdinClient({ url, WebSocket, ...(token !== undefined && { token }) });
    this.#client = client;
    // What it throws is for everybody to see, so nobody listens for errors.
    client.on('state', (change) => {
      this.#tripMs = Number.POSITIVE_INFINITY;
      if (!this.#isOver) owner.changed(change);
    });
    client.on('throttle', ({ level, ratePercent }) => owner.throttled(level, ratePercent));
    const take = (event: MarketEvent) => {
      this.#note(event);
      owner.event(event);
    };
    const request = { bundle: 'PRICE_ONLY', tokens: tokens.length > 0 ? tokens : ['*'] } as const;
    const { ready } = client.subscribe(request, take, { snapshot: true });
    void ready.then(({ rejected }) => {
      if (client.state !== 'closed') owner.answered(rejected);
    });
    void client.connect();
  }

  get stats(): OdinClient['stats'] {
    return this.#client.stats;
  }

  /** The middle one of how old the last events were when they came; undefined while unknown. */
  get lateness(): Lateness | undefined {
    const middle = this.#ages.toSorted((a, b) => a - b)[this.#ages.length >> 1];
    if (this.#client.roundTripMs === undefined || middle === undefined) return undefined;
    return { ms: middle, agoMs: performance.now() - this.#agedMs };
  }

  /** To be called once a second while it is open: milliseconds since the server fell silent, or 0. */
  silentMs(): number {
    return this.#pulse.look();
  }

  /** Its owner hears no more of it. */
  close(): void {
    this.#isOver = true;
    this.#client.close();
  }

  /** The server's clock, as it is known here, lags by one way. */
  #note({ ts }: MarketEvent): void {
    const { roundTripMs = Number.POSITIVE_INFINITY, serverMs } = this.#client;
    this.#tripMs = Math.min(this.#tripMs, roundTripMs);
    this.#agedMs = performance.now();
    const wayMs = Number.isFinite(this.#tripMs) ? this.#tripMs / 2 : 0;
    if (this.#ages.push(Math.max(0, serverMs + wayMs - ts)) > agesKept) this.#ages.shift();
  }
}
