/** Every close code odin sends: number, reason, and whether the client may come back. */

interface Disconnect {
  readonly code: number;
  readonly reason: string;
  /** 4000–4499 and most standard codes: come back, with back-off. 4500–4999: do not. */
  readonly mayReturn: boolean;
}

const row = (code: number, reason: string, mayReturn: boolean): Disconnect => ({
  code,
  reason,
  mayReturn,
});

/** Close codes by name. ws itself sends 1002 and 1007 to 1009, for what clients send. */
export const disconnects = {
  draining: row(1001, 'server is going away', true),
  protocolError: row(1002, 'broken frame', true),
  invalidData: row(1007, 'broken text or compression', true),
  policy: row(1008, 'policy violation', false),
  messageTooBig: row(1009, 'message too big', false),
  internalError: row(1011, 'internal error', true),
  overloaded: row(1013, 'overloaded, try again later', true),
  tooSlow: row(4001, 'client too slow: resume from your last position', true),
  lifetimeReached: row(4002, 'lifetime reached: come back', true),
  unresponsive: row(4003, 'no answer to ping', true),
  tokenExpired: row(4501, 'token expired: come back with a new one', false),
  abuse: row(4502, 'too many messages', false),
} as const satisfies Record<string, Disconnect>;

/** The name of a row of {@link disconnects}; used as a metrics label. */
export type DisconnectName = keyof typeof disconnects;
