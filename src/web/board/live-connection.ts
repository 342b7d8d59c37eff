/** Live connection: the board's client of odin, and what it feels like. */
import {
  OdinClient,
  type StateChange,
  type SubscriptionOutcome,
  type TokenSource,
} from '../../client/index.ts';
import type { MarketEvent } from '../../client/market-event.ts';

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

/** Connects at once. Only trades and analytics are asked for: the board shows nothing else. */
export class LiveConnection {
  readonly #client: OdinClient;
  readonly #ages: number[] = [];
  #isOver = false;

  /** `tokens` are symbols; none is all of them. The address is beside that of the page. */
  constructor(
    owner: LiveConnectionOwner,
    tokens: readonly string[],
    token: TokenSource | undefined,
  ) {
    const url = new URL('ws', location.href).href;
    const client = new OdinClient({ url, ...(token !== undefined && { token }) });
    this.#client = client;
    // What it throws is for everybody to see, so nobody listens for errors.
    client.on('state', (change) => this.#isOver || owner.changed(change));
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
  get latencyMs(): number | undefined {
    if (this.#client.roundTripMs === undefined) return undefined;
    return this.#ages.toSorted((a, b) => a - b)[this.#ages.length >> 1];
  }

  /** Its owner hears no more of it. */
  close(): void {
    this.#isOver = true;
    this.#client.close();
  }

  /** The server's clock, as it is known here, lags by one way. */
  #note({ ts }: MarketEvent): void {
    const { roundTripMs = 0, serverMs } = this.#client;
    if (this.#ages.push(Math.max(0, serverMs + roundTripMs / 2 - ts)) > agesKept)
      this.#ages.shift();
  }
}
