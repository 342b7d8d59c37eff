/** Client events: what listeners of a client may listen for, and what they get. */
import type { EventType } from '../events/event-types.ts';
import type { StateChange } from './connection-state.ts';
import type {
  ClientProblem,
  Gap,
  MarketEvent,
  MarketEventOf,
  ThrottleNotice,
} from './market-event.ts';

/** Values by name; each event type is a name too. */
export type ClientEvents = { [T in EventType]: MarketEventOf<T> } & {
  /** Every event, after the handlers of subscriptions. */
  event: MarketEvent;
  state: StateChange;
  gap: Gap;
  throttle: ThrottleNotice;
  /** Events left out because this client is slow, by channel; no gap. */
  skipped: Readonly<Record<string, number>>;
  error: ClientProblem;
  /** The server closed since the token expired; `final` when there is no other one. */
  'token-expired': { readonly final: boolean };
};
