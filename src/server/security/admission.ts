/** Admission: the checks between an upgrade request and a connection that policy decides. */
import type { IncomingMessage } from 'node:http';
import type { Config } from '../../config/schema.ts';
import type { RefusalCode } from '../../protocol/refusals.ts';
import type { Counters } from '../counters.ts';
import { clientAddress, readTrustedProxies, type TrustedProxies } from './client-address.ts';
import { ConnectionRates } from './connection-rates.ts';
import { Devices } from './devices.ts';
import { type Principal, type TokenRefusal, Tokens, tokenOf } from './tokens.ts';

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

/** Knows who may connect, from where and how often. */
export class Admission {
  /** Undefined when nobody needs a token. */
  readonly tokens: Tokens | undefined;
  /** Places per user; whoever takes one releases it when the connection is gone. */
  readonly devices: Devices;
  readonly rates: ConnectionRates;
  readonly #proxies: TrustedProxies;
  /** Allowed origins; empty allows all. */
  readonly #origins: ReadonlySet<string>;
  readonly #handshakeMs: number;
  /** What ends the waiting of each request whose token is being checked. */
  readonly #waiting = new Set<(refusal: TokenRefusal) => void>();

  private constructor(
    tokens: Tokens | undefined,
    { auth, limits }: Config['server'],
    counters: Counters,
  ) {
    this.tokens = tokens;
    this.devices = new Devices(auth.devicesPerUser);
    this.#proxies = readTrustedProxies(limits.trustedProxies);
    this.#origins = new Set(auth.origins.map(canonicalOrigin));
    this.#handshakeMs = limits.handshakeMs;
    this.rates = new ConnectionRates(
      { perSecond: limits.ipRate, burst: limits.ipBurst },
      { perSecond: limits.globalRate, burst: limits.globalBurst },
      counters,
    );
  }

  /** Throws a UsageError when a key cannot be read or a setting makes no sense. */
  static async open(config: Config['server'], counters: Counters): Promise<Admission> {
    return new Admission(await Tokens.open(config.auth), config, counters);
  }

  /** Requests whose token is being checked; each may become a connection. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** Where a request comes from. */
  addressOf({ socket, headers }: IncomingMessage): string {
    return clientAddress(socket.remoteAddress, headers['x-forwarded-for'], this.#proxies);
  }

  /** Whether the page that a request comes from may connect. Who sends no origin is no browser. */
  refusalFor(request: IncomingMessage): Refusal | undefined {
    const { origin } = request.headers;
    if (
      this.#origins.size > 0 &&
      origin !== undefined &&
      !this.#origins.has(canonicalOrigin(origin))
    )
      return { code: 'ORIGIN_NOT_ALLOWED', reason: origin.slice(0, 128) };
    return undefined;
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

/** As browsers write it: lower case, without the default port or a slash at the end. */
function canonicalOrigin(text: string): string {
  const { origin } = URL.parse(text) ?? { origin: 'null' };
  return origin === 'null' ? text.toLowerCase() : origin;
}
