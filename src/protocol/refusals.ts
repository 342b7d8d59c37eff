/** Answers to a request that is not upgraded: status, code and when to come back. */

interface Refusal {
  readonly status: number;
  readonly error: string;
  /** Milliseconds until a retry makes sense; 0 when it never does. */
  readonly retryAfterMs: number;
}

/** Refusals by the `code` in their JSON body. */
export const refusals = {
  UPGRADE_REQUIRED: { status: 426, error: 'this path speaks WebSocket', retryAfterMs: 0 },
  NOT_FOUND: { status: 404, error: 'no such path', retryAfterMs: 0 },
  BAD_HANDSHAKE: { status: 400, error: 'not a valid WebSocket handshake', retryAfterMs: 0 },
  AT_CAPACITY: { status: 503, error: 'no room for another connection', retryAfterMs: 5_000 },
  WARMING_UP: { status: 503, error: 'reading the last events first', retryAfterMs: 1_000 },
  DRAINING: { status: 503, error: 'server is going away', retryAfterMs: 1_000 },
} as const satisfies Record<string, Refusal>;

/** The `code` of a refusal. */
export type RefusalCode = keyof typeof refusals;

/** A whole HTTP/1.1 response for a socket whose upgrade is refused; it closes the connection. */
export function refusalResponse(code: RefusalCode): string {
  const { status, error, retryAfterMs } = refusals[code];
  const body = JSON.stringify({ error, code, retry_after_ms: retryAfterMs });
  const lines = [
    `HTTP/1.1 ${status} ${code}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfterMs > 0 ? [`Retry-After: ${Math.ceil(retryAfterMs / 1_000)}`] : []),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
