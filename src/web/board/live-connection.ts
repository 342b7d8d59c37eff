/** Live connection: the board's client of odin, and what it feels like. */
import { type ClientProblem, OdinClient, type StateChange } from '../../client/index.ts';
import type { MarketEvent } from '../../client/market-event.ts';

/** Ages of events that the latency is taken from. */
const agesKept = 128;

/** Who shows it. */
export interface LiveConnectionOwner {
  event(event: MarketEvent): void;
  changed(change: StateChange): void;
  throttled(level: number, ratePercent: number): void;
  rejected(channels: readonly string[]): void;
  problem(problem: ClientProblem): void;
}

/** Connects at once. Only trades and analytics are asked for: the board shows nothing else. */
export class LiveConnection {
  readonly #client: OdinClient;
  readonly #ages: number[] = [];

  /** `tokens` are symbols; none is all of them. The address is beside that of the page. */
  constructor(owner: LiveConnectionOwner, tokens: readonly string[], token: string | undefined) {
    const url = new URL('ws', location.href).href;
    const client = new OdinClient({ url, ...(token !== undefined && { token }) });
    this.#client = client;
    client.on('state', (change) => owner.changed(change));
    client.on('throttle', ({ level, ratePercent }) => owner.throttled(level, ratePercent));
    client.on('error', (problem) => owner.problem(problem));
    const take = (event: MarketEvent) => {
      this.#note(event);
      owner.event(event);
    };
    const request = { bundle: 'PRICE_ONLY', tokens: tokens.length > 0 ? tokens : ['*'] } as const;
    const { ready } = client.subscribe(request, take, { snapshot: true });
    void ready.then(({ rejected }) => owner.rejected(rejected.map(({ channel }) => channel)));
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

  close(): void {
    this.#client.close();
  }

  /** The server's clock, as it is known here, lags by one way. */
  #note({ ts }: MarketEvent): void {
    const { roundTripMs = 0, serverMs } = this.#client;
    if (this.#ages.push(Math.max(0, serverMs + roundTripMs / 2 - ts)) > agesKept)
      this.#ages.shift();
  }
}
