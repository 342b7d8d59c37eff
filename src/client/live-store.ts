/** Live store: events of a subscription folded into a state that components show. */
import { subscriptionsMatching } from '../events/channel.ts';
import type { ChannelRequest } from './channel-request.ts';
import type { MarketEvent } from './market-event.ts';
import { onNextFrame } from './next-frame.ts';
import type { OdinClient } from './odin-client.ts';
import type { Subscription, SubscriptionOutcome } from './subscription.ts';

/** What is known of every subscription. */
export interface LiveStatus {
  /** Whether the server has answered. */
  readonly isReady: boolean;
  readonly rejected: SubscriptionOutcome['rejected'];
  /** Gaps in what was subscribed to, since the component is shown. */
  readonly gaps: number;
}

/** How events become a state. */
export interface Fold<State> {
  readonly request: ChannelRequest;
  /** Whether to start with the newest event of each channel. */
  readonly snapshot: boolean;
  readonly initial: State;
  /** The state after some more events, oldest first. */
  fold(state: State, events: readonly MarketEvent[]): State;
}

/** Events are folded when so many have come, if no frame is drawn before. */
const maxPending = 1_000;

/** Subscribes while it has listeners. Its state changes once per frame at most. */
export class LiveStore<State extends object> {
  /** What a server renders. */
  readonly initial: State & LiveStatus;
  readonly #client: OdinClient;
  readonly #fold: Fold<State>;
  readonly #listeners = new Set<() => void>();
  #state: State & LiveStatus;
  #pending: MarketEvent[] = [];
  #subscription: Subscription | undefined;
  #ignoreGaps: (() => void) | undefined;

  constructor(client: OdinClient, fold: Fold<State>) {
    this.#client = client;
    this.#fold = fold;
    this.initial = { ...fold.initial, isReady: false, rejected: [], gaps: 0 };
    this.#state = this.initial;
  }

  readonly getSnapshot = (): State & LiveStatus => this.#state;

  readonly getServerSnapshot = (): State & LiveStatus => this.initial;

  /** For `useSyncExternalStore`. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) this.#start();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#subscription?.unsubscribe();
      this.#subscription = undefined;
      this.#ignoreGaps?.();
    };
  };

  #start(): void {
    const { request, snapshot } = this.#fold;
    const subscription = this.#client.subscribe(request, (event) => this.#take(event), {
      snapshot,
    });
    this.#subscription = subscription;
    void subscription.ready.then(({ rejected }) => {
      if (this.#subscription === subscription) this.#change({ isReady: true, rejected });
    });
    this.#ignoreGaps = this.#client.on('gap', ({ channel }) => {
      const names = [channel, ...subscriptionsMatching(channel)];
      if (names.some((name) => subscription.channels.includes(name)))
        this.#change({ gaps: this.#state.gaps + 1 });
    });
  }

  #take(event: MarketEvent): void {
    if (this.#pending.push(event) >= maxPending) this.#foldPending();
    onNextFrame(this.#update);
  }

  #change(status: Partial<LiveStatus>): void {
    this.#state = { ...this.#state, ...status };
    onNextFrame(this.#update);
  }

  #foldPending(): void {
    if (this.#pending.length === 0) return;
    this.#state = { ...this.#state, ...this.#fold.fold(this.#state, this.#pending) };
    this.#pending = [];
  }

  readonly #update = (): void => {
    this.#foldPending();
    for (const listener of this.#listeners) listener();
  };
}
