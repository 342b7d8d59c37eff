/** Token keys: what tokens are checked with, each bound to the one algorithm it may be used for. */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';
import { messageOf, UsageError } from '../../base/errors.ts';
import { cannotRead } from '../../base/file-fault.ts';
import type { Config } from '../../config/schema.ts';

/** Shortest modulus of RS256, in bits (RFC 7518 §3.3). */
const minModulusBits = 2_048;
/** How long the publisher of keys may take to answer, in milliseconds. */
const jwksTimeoutMs = 5_000;
/** After a failure it is left alone for this long, in milliseconds, whatever tokens come. */
const jwksPauseMs = 1_000;

/** The keys cannot be fetched now: nothing can be said about any token. */
export class KeysUnavailable extends Error {}

/** Keys by algorithm. */
export interface TokenKeys {
  /** The only algorithms a token may name. */
  readonly algorithms: readonly string[];
  readonly find: JWTVerifyGetKey;
}

/**
 * The keys that the configuration names; undefined when it names none. Throws a UsageError when a
 * key cannot be read or is no good.
 */
export async function readTokenKeys(
  auth: Config['server']['auth'],
): Promise<TokenKeys | undefined> {
  const { secret, keyFile, jwksUrl } = auth;
  if (keyFile !== undefined && jwksUrl !== undefined) {
    throw new UsageError('server.auth.keyFile and server.auth.jwksUrl are both set', {
      hint: 'public keys come from one place: unset one of them',
    });
  }
  const byAlgorithm = new Map<string, JWTVerifyGetKey>();
  if (secret !== undefined) byAlgorithm.set('HS256', always(createSecretKey(Buffer.from(secret))));
  if (keyFile !== undefined) {
    const [algorithm, key] = await readPublicKey(keyFile);
    byAlgorithm.set(algorithm, always(key));
  }
  if (jwksUrl !== undefined) {
    const find = remoteKeys(new URL(jwksUrl));
    for (const algorithm of ['RS256', 'ES256']) byAlgorithm.set(algorithm, find);
  }
  if (byAlgorithm.size === 0) return undefined;
  return {
    algorithms: [...byAlgorithm.keys()],
    find: (header, token) => {
      const find = byAlgorithm.get(header.alg);
      if (find === undefined) throw new errors.JOSEAlgNotAllowed('algorithm is not allowed');
      return find(header, token);
    },
  };
}

function always(key: KeyObject): JWTVerifyGetKey {
  return () => key;
}

async function readPublicKey(path: string): Promise<['RS256' | 'ES256', KeyObject]> {
  const complain = (what: string, cause?: unknown) =>
    new UsageError(`server.auth.keyFile ${path} ${what}`, {
      hint: 'give a PEM file with an RSA key of 2048 bits or more (RS256) or a P-256 key (ES256)',
      cause,
    });
  const pem = await readFile(path, 'utf8').catch((error: unknown) => {
    throw cannotRead(path, error, 'server.auth.keyFile');
  });
  if (/PRIVATE KEY/.test(pem)) throw complain('holds a private key: keep that with the issuer');
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (error) {
    throw complain('holds no public key in PEM', error);
  }
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa') {
    if (modulusLength < minModulusBits) throw complain(`holds an RSA key of ${modulusLength} bits`);
    return ['RS256', key];
  }
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return ['ES256', key];
  throw complain(`holds a key of type ${namedCurve ?? key.asymmetricKeyType}`);
}

/** Keys by URL. They are cached for ten minutes; an unknown key id fetches again, at most every 30 s. */
function remoteKeys(url: URL): JWTVerifyGetKey {
  const keys = createRemoteJWKSet(url, { timeoutDuration: jwksTimeoutMs });
  let pausedUntilMs = 0;
  return async (header, token) => {
    // Without keys each token would ask for them anew.
    if (performance.now() < pausedUntilMs && !keys.fresh) throw new KeysUnavailable('paused');
    try {
      return await keys(header, token);
    } catch (error) {
      if (isAboutToken(error)) throw error;
      pausedUntilMs = performance.now() + jwksPauseMs;
      throw new KeysUnavailable(`${url.origin}: ${messageOf(error)}`, { cause: error });
    }
  };
}

/** Whether the keys were there and the token names none of them. */
function isAboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
