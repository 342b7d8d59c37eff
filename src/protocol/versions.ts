/** The two protocols that a client may speak on `/ws`. */

/** `Sec-WebSocket-Protocol` names; a client that asks for none speaks v1. */
export const subprotocols = { v1: 'odin.v1', v2: 'odin.v2' } as const;

/** Wire version of a connection. */
export type ProtocolVersion = keyof typeof subprotocols;

/** Most bytes of payload in one WebSocket message of v2, unless a single event is larger. */
export const maxBatchBytes = 64 * 1024;

/** What stands between the events of one v2 message. */
export const batchSeparator = '\n';
