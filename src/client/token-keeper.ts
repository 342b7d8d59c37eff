/** Token keeper: gets tokens from the application, and another one before one expires. */

/** Why a token is wanted. */
export interface TokenRequest {
  /** `expired`: the server said so of the last one. */
  readonly reason: 'connect' | 'refresh' | 'expired';
}

/** A token, or how to get one. */
export type TokenSource =
  | string
  | ((request: TokenRequest) => string | undefined | Promise<string | undefined>);

/** Renewal starts this long before the end, or after 80 % of the time if that is later. */
const leadMs = 30_000;
const share = 0.8;
/** Longest time that a timer takes. */
const maxTimerMs = 2 ** 31 - 1;
const minMs = 1_000;

/** Holds no token, only the time to ask for the next one. */
export class TokenKeeper {
  readonly #source: TokenSource | undefined;
  readonly #renewed: (token: string) => void;
  readonly #failed: (error: unknown) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #expiresMs = Number.NaN;

  /** `renewed` gets each token that is to replace the one of an open connection. */
  constructor(
    source: TokenSource | undefined,
    renewed: (token: string) => void,
    failed: (error: unknown) => void,
  ) {
    this.#source = source;
    this.#renewed = renewed;
    this.#failed = failed;
  }

  /** Whether there can be another token than the one that expired. */
  get canRenew(): boolean {
    return typeof this.#source === 'function';
  }

  /** A token for a new connection. Rejects with what the application's function throws. */
  async get(reason: TokenRequest['reason']): Promise<string | undefined> {
    this.stop();
    const token =
      typeof this.#source === 'function' ? await this.#source({ reason }) : this.#source;
    this.#expiresMs = token === undefined ? Number.NaN : expiryOf(token);
    return token;
  }

  /** The connection is open: its token will be renewed in time. */
  start(): void {
    this.renewBy(this.#expiresMs);
  }

  /** The token in use holds until `expiresMs`, in milliseconds since 1970. */
  renewBy(expiresMs: number): void {
    clearTimeout(this.#timer);
    this.#expiresMs = expiresMs;
    if (!this.canRenew || Number.isNaN(expiresMs)) return;
    const leftMs = expiresMs - Date.now();
    const waitMs = Math.max(minMs, leftMs * share, leftMs - leadMs);
    this.#timer = setTimeout(() => void this.#renew(), Math.min(waitMs, maxTimerMs));
  }

  /** The last token was not taken: tries again while there is time. */
  retry(): void {
    if (this.#expiresMs > Date.now()) this.renewBy(this.#expiresMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #renew(): Promise<void> {
    const timer = this.#timer;
    try {
      const token = await (this.#source as Exclude<TokenSource, string>)({ reason: 'refresh' });
      if (this.#timer === timer && token !== undefined) this.#renewed(token);
    } catch (error) {
      this.#failed(error);
      if (this.#timer === timer) this.retry();
    }
  }
}

/** When a JSON Web Token expires, in milliseconds since 1970; NaN when it does not say. */
function expiryOf(token: string): number {
  try {
    const part = token.split('.')[1] ?? '';
    const claims: unknown = JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')));
    const { exp } = claims as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1_000 : Number.NaN;
  } catch {
    return Number.NaN;
  }
}
