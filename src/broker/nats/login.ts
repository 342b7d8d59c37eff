/** Who we are to a NATS server, and whom we trust: what the configuration says, read and checked. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  type Authenticator,
  credsAuthenticator,
  type NodeConnectionOptions,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from '@nats-io/transport-node';
import { UsageError } from '../../base/errors.ts';
import { cannotRead } from '../../base/file-fault.ts';
import type { Config } from '../../config/schema.ts';

type NatsConfig = Config['broker']['nats'];

/** How to log in. */
export interface Login {
  readonly authenticator: Authenticator | undefined;
  /** The settings it comes from, for messages. */
  readonly settings: readonly string[];
}

/** Throws a UsageError when the settings do not fit together, or a file is not what it should be. */
export async function readLogin(nats: NatsConfig): Promise<Login> {
  const { credsFile, nkeyFile, user, password, token } = nats;
  const given: (readonly [isGiven: boolean, settings: readonly string[]])[] = [
    [credsFile !== undefined, ['NATS_CREDS_FILE']],
    [nkeyFile !== undefined, ['NATS_NKEY_FILE']],
    [user !== undefined || password !== undefined, ['NATS_USER', 'NATS_PASSWORD']],
    [token !== undefined, ['NATS_TOKEN']],
  ];
  const ways = given.filter(([isGiven]) => isGiven).map(([, settings]) => settings);
  if (ways.length > 1) {
    throw new UsageError(`more than one login for NATS: ${ways.flat().join(', ')}`, {
      hint: 'keep one of them',
    });
  }
  if (user === undefined && password !== undefined) {
    throw new UsageError('NATS_PASSWORD without a user', { hint: 'set NATS_USER' });
  }
  const settings = ways[0] ?? [];
  const as = (authenticator: Authenticator | undefined): Login => ({ authenticator, settings });
  if (credsFile !== undefined) return as(await readCreds(credsFile));
  if (nkeyFile !== undefined) return as(await readNkey(nkeyFile));
  if (token !== undefined) return as(tokenAuthenticator(token));
  return as(user === undefined ? undefined : usernamePasswordAuthenticator(user, password ?? ''));
}

type TlsOptions = NonNullable<NodeConnectionOptions['tls']> &
  Pick<ConnectionOptions, 'checkServerIdentity'>;

/** TLS options for the library; undefined lets the server decide. */
export async function readTls(url: string, nats: NatsConfig): Promise<TlsOptions | undefined> {
  const { tlsCaFile, tlsCertFile, tlsKeyFile } = nats;
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) {
    throw new UsageError('a certificate for NATS needs its key, and the other way round', {
      hint: 'set both NATS_TLS_CERT_FILE and NATS_TLS_KEY_FILE',
    });
  }
  const isAsked = /(^|,)tls:\/\//.test(url) || tlsCaFile !== undefined || tlsCertFile !== undefined;
  if (!isAsked) return undefined;
  return {
    ...identityCheck(url),
    ...(tlsCaFile === undefined ? {} : { ca: await readText(tlsCaFile, 'NATS_TLS_CA_FILE') }),
    ...(tlsCertFile === undefined
      ? {}
      : { cert: await readText(tlsCertFile, 'NATS_TLS_CERT_FILE') }),
    ...(tlsKeyFile === undefined ? {} : { key: await readText(tlsKeyFile, 'NATS_TLS_KEY_FILE') }),
  };
}

/**
 * The library leaves the name of a server out when it is an address, and Node then looks for
 * `localhost` in its certificate. It is to be for one of the addresses that are configured.
 */
function identityCheck(url: string): Pick<ConnectionOptions, 'checkServerIdentity'> {
  const hosts = url.split(',').map((server) => server.replace(/^\w+:\/\/|:\d+$/g, ''));
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  if (addresses.length === 0 || hosts.includes('localhost')) return {};
  return {
    checkServerIdentity(host: string, certificate: PeerCertificate) {
      if (host !== 'localhost') return checkServerIdentity(host, certificate);
      const errors = addresses.map((address) => checkServerIdentity(address, certificate));
      return errors.includes(undefined) ? undefined : errors[0];
    },
  };
}

async function readCreds(file: string): Promise<Authenticator> {
  const authenticator = credsAuthenticator(
    new TextEncoder().encode(await readText(file, 'NATS_CREDS_FILE')),
  );
  // What is wrong with the file shows when it is used first: here, and not while connecting.
  if (isUsable(authenticator)) return authenticator;
  throw new UsageError(`${file} is no file of NATS credentials`, {
    hint: 'NATS_CREDS_FILE names what `nsc generate creds` or Synadia Cloud gave out: a JWT and a seed',
  });
}

async function readNkey(file: string): Promise<Authenticator> {
  const seed = /^SU[A-Z2-7]+$/m.exec(await readText(file, 'NATS_NKEY_FILE'))?.[0];
  const authenticator = nkeyAuthenticator(new TextEncoder().encode(seed));
  if (seed !== undefined && isUsable(authenticator)) return authenticator;
  throw new UsageError(`${file} holds no seed of a user`, {
    hint: `NATS_NKEY_FILE names a file with a line that begins with SU`,
  });
}

/** Nothing of the error is kept: it may quote the file. */
function isUsable(authenticator: Authenticator): boolean {
  try {
    authenticator('nonce');
    return true;
  } catch {
    return false;
  }
}

async function readText(file: string, setting: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw cannotRead(file, error, setting);
  }
}
