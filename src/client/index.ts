/** `odin/client`: the SDK for browsers and Node. */
export type { EventType, Priority } from '../events/event-types.ts';
export type { Payload } from '../events/payloads.ts';
export type { BundleRequest, ChannelRequest } from './channel-request.ts';
export type { ClientEvents } from './client-events.ts';
export type { OdinClientOptions } from './client-options.ts';
export type { ConnectionState, StateChange } from './connection-state.ts';
export type { WebSocketClass, WebSocketLike } from './link.ts';
export type {
  ClientProblem,
  Dropped,
  Gap,
  MarketEvent,
  MarketEventOf,
  ThrottleNotice,
} from './market-event.ts';
export { OdinClient, type SubscribeOptions } from './odin-client.ts';
export type { Position, Positions } from './positions.ts';
export type { Rejection, Subscription, SubscriptionOutcome } from './subscription.ts';
export type { Tally } from './tally.ts';
export type { TokenRequest, TokenSource } from './token-keeper.ts';
