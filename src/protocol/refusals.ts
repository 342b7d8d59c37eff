/** Answers to a request that is not upgraded: status, code and when to come back. */

interface Refusal {
  readonly status: number;
  readonly error: string;
  /** Milliseconds until a retry makes sense; 0 when it never does. */
  readonly retryAfterMs: number;
  /** Further header lines. */
  readonly headers?: readonly string[];
}

/** Refusals by the `code` in their JSON body. */
export const refusals = {
  UPGRADE_REQUIRED: { status: 426, error: 'this path speaks WebSocket', retryAfterMs: 0 },
  NOT_FOUND: { status: 404, error: 'no such path', retryAfterMs: 0 },
  BAD_HANDSHAKE: { status: 400, error: 'not a valid WebSocket handshake', retryAfterMs: 0 },
  INVALID_TOKEN: {
    status: 401,
    error: 'token is missing, invalid or expired',
    retryAfterMs: 0,
    headers: ['WWW-Authenticate: Bearer'],
  },
  ORIGIN_NOT_ALLOWED: { status: 403, error: 'origin is not allowed', retryAfterMs: 0 },
  IP_RATE_LIMITED: {
    status: 429,
    error: 'too many connections from this address',
    retryAfterMs: 1_000,
  },
  GLOBAL_RATE_LIMITED: { status: 429, error: 'too many new connections', retryAfterMs: 1_000 },
  TOO_MANY_DEVICES: {
    status: 429,
    error: 'too many connections of this user',
    retryAfterMs: 30_000,
  },
  AUTH_UNAVAILABLE: { status: 503, error: 'tokens cannot be checked now', retryAfterMs: 5_000 },
  AT_CAPACITY: { status: 503, error: 'no room for another connection', retryAfterMs: 5_000 },
  CPU_OVERLOAD: { status: 503, error: 'server is short of CPU', retryAfterMs: 5_000 },
  MEMORY_LIMIT: { status: 503, error: 'server is short of memory', retryAfterMs: 10_000 },
  WARMING_UP: { status: 503, error: 'reading the last events first', retryAfterMs: 1_000 },
  DRAINING: { status: 503, error: 'server is going away', retryAfterMs: 1_000 },
} as const satisfies Record<string, Refusal>;

/** The `code` of a refusal. */
export type RefusalCode = keyof typeof refusals;

/**
 * A whole HTTP/1.1 response for a socket whose upgrade is refused; it closes the connection. `waitMs`
 * replaces the usual time until a retry, where the real one is known.
 */
export function refusalResponse(code: RefusalCode, waitMs?: number): string {
  const { status, error, headers = [], retryAfterMs: usualMs }: Refusal = refusals[code];
  const retryAfterMs = Math.ceil(waitMs ?? usualMs);
  const body = JSON.stringify({ error, code, retry_after_ms: retryAfterMs });
  const lines = [
    `HTTP/1.1 ${status} ${code}`,
    'Connection: close',
    'Content-Type: application/json',
    'Cache-Control: no-store',
    ...headers,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfterMs > 0 ? [`Retry-After: ${Math.ceil(retryAfterMs / 1_000)}`] : []),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
