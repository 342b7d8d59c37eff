/** Session owner: what one connection acts on, all of which lasts longer than it. */
import type { ClientEvents } from './client-events.ts';
import type { Connector } from './connector.ts';
import type { Dispatch } from './dispatch.ts';
import type { Emitter } from './emitter.ts';
import type { Interests } from './interests.ts';
import type { Places } from './places.ts';
import type { Tally } from './tally.ts';
import type { TokenKeeper } from './token-keeper.ts';

/** The parts of a client. */
export interface SessionOwner {
  readonly interests: Interests;
  readonly places: Places;
  readonly tally: Tally;
  readonly emitter: Emitter<ClientEvents>;
  readonly dispatch: Dispatch;
  readonly tokens: TokenKeeper;
  readonly connector: Connector;
}

/** A message of the server, before anybody has looked at its type. */
export type ServerMessage = Readonly<Record<string, unknown>>;
