/** Tokens: who a JWT says its bearer is, until when, and what that bearer may see. */
import { errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { messageOf } from '../../base/errors.ts';
import type { Config } from '../../config/schema.ts';
import { readGrants } from './channel-grants.ts';
import type { Principal, TokenRefusal } from './principal.ts';
import { KeysUnavailable, readTokenKeys, type TokenKeys } from './token-keys.ts';

/** Longest `sub` that is taken, in characters. */
const maxUserLength = 256;

/** Checks tokens against the keys and claims of the configuration. */
export class Tokens {
  readonly #keys: TokenKeys;
  readonly #options: JWTVerifyOptions;

  private constructor(keys: TokenKeys, { issuer, audience }: Config['server']['auth']) {
    this.#keys = keys;
    this.#options = {
      algorithms: [...keys.algorithms],
      requiredClaims: ['sub', 'exp'],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
    };
  }

  /** Undefined when no key is configured: then nobody needs a token. Throws a UsageError. */
  static async open(auth: Config['server']['auth']): Promise<Tokens | undefined> {
    const keys = await readTokenKeys(auth);
    return keys === undefined ? undefined : new Tokens(keys, auth);
  }

  /** Never rejects. */
  async check(token: string | undefined): Promise<Principal | TokenRefusal> {
    if (token === undefined) return invalid('no token');
    try {
      const { payload } = await jwtVerify(token, this.#keys.find, this.#options);
      return principalOf(payload);
    } catch (error) {
      const reason = messageOf(error);
      if (error instanceof KeysUnavailable) return { code: 'AUTH_UNAVAILABLE', reason };
      // Messages of jose name claims and algorithms; those of a parser could quote the token.
      return invalid(error instanceof errors.JOSEError ? reason : 'not a token');
    }
  }
}

function principalOf({ sub, exp, channels }: JWTPayload): Principal | TokenRefusal {
  if (typeof sub !== 'string' || sub === '' || sub.length > maxUserLength) {
    return invalid(`"sub" must be a text of 1 to ${maxUserLength} characters`);
  }
  const grants = readGrants(channels);
  if (typeof grants === 'string') return invalid(grants);
  return { user: sub, expiresMs: (exp as number) * 1_000, grants };
}

function invalid(reason: string): TokenRefusal {
  return { code: 'INVALID_TOKEN', reason };
}
