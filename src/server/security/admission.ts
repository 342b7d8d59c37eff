/** Admission: the checks between an upgrade request and a connection that policy decides. */
import type { IncomingMessage } from 'node:http';
import type { Config } from '../../config/schema.ts';
import type { RefusalCode } from '../../protocol/refusals.ts';
import type { Limits } from '../limits.ts';
import { clientAddress } from './client-address.ts';
import { allowsOrigin } from './origins.ts';
import type { Principal, TokenRefusal } from './principal.ts';
import type { Tokens } from './tokens.ts';

/** Why a request is not let in. */
export interface Refusal {
  readonly code: RefusalCode;
  /** When a retry makes sense, where that is known better than by the code. */
  readonly retryAfterMs?: number;
  /** For the log only. */
  readonly reason?: string;
  /** For the log only. */
  readonly user?: string;
}

const tookTooLong: TokenRefusal = {
  code: 'AUTH_UNAVAILABLE',
  reason: 'checking took too long',
};

/** Knows who may connect, and from where; how often, and how many, is the gate's. */
export class Admission {
  /** Undefined when nobody needs a token. */
  readonly tokens: Tokens | undefined;
  readonly #limits: Limits;
  readonly #handshakeMs: number;
  /** What ends the waiting of each request whose token is being checked. */
  readonly #waiting = new Set<(refusal: TokenRefusal) => void>();

  private constructor(tokens: Tokens | undefined, handshakeMs: number, limits: Limits) {
    this.tokens = tokens;
    this.#limits = limits;
    this.#handshakeMs = handshakeMs;
  }

  /** Throws a UsageError when a key cannot be read. */
  static async open(
    { auth, limits: { handshakeMs } }: Config['server'],
    limits: Limits,
  ): Promise<Admission> {
    return new Admission(await openTokens(auth), handshakeMs, limits);
  }

  /** Requests whose token is being checked; each may become a connection. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Where a request comes from. */
  addressOf({ socket, headers }: IncomingMessage): string {
    const { trustedProxies } = this.#limits;
    return clientAddress(socket.remoteAddress, headers['x-forwarded-for'], trustedProxies);
  }

  /** Whether the page that a request comes from may connect. Who sends no origin is no browser. */
  refusalFor(request: IncomingMessage): Refusal | undefined {
    const { origin } = request.headers;
    if (origin === undefined || allowsOrigin(this.#limits.origins, origin)) return undefined;
    return { code: 'ORIGIN_NOT_ALLOWED', reason: origin.slice(0, 128) };
  }

  /** Who sent a request, by its token, within the time for it. Never rejects. */
  async identify(tokens: Tokens, request: IncomingMessage): Promise<Principal | TokenRefusal> {
    const { promise, resolve } = Promise.withResolvers<Principal | TokenRefusal>();
    const timer = setTimeout(resolve, this.#handshakeMs, tookTooLong);
    this.#waiting.add(resolve);
    void tokens.check(tokenOf(request)).then(resolve);
    const result = await promise;
    this.#waiting.delete(resolve);
    clearTimeout(timer);
    return result;
  }

  /** Waits for no token any more: whoever waits is refused. */
  abandon(): void {
    for (const resolve of this.#waiting) resolve(tookTooLong);
  }
}

/**
 * Undefined when no key is configured: then nobody needs a token, and what checks them is not loaded,
 * which would be 2 MiB in each process. Throws a UsageError when a key cannot be read.
 */
export async function openTokens(auth: Config['server']['auth']): Promise<Tokens | undefined> {
  if ((auth.secret ?? auth.keyFile ?? auth.jwksUrl) === undefined) return undefined;
  const { Tokens } = await import('./tokens.ts');
  return await Tokens.open(auth);
}

/** The token of a request: `Authorization: Bearer`, `?token=` or `?auth=`, in that order. */
export function tokenOf({ headers, url = '' }: Pick<IncomingMessage, 'headers' | 'url'>) {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1 || url.length));
  return query.get('token') || query.get('auth') || undefined;
}
