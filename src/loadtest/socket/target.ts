/** Where the server is, how to get there, and what to show at its door: found out once per run. */
import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import { messageOf, RemoteError, UsageError } from '../../base/errors.ts';
import { cannotRead } from '../../base/file-fault.ts';
import { type MessagePaths, parseMessagePaths } from '../../config/message-path.ts';
import { subprotocols } from '../../protocol/versions.ts';
import type { LoadTestConfig } from '../plan/plan.ts';

/** Resolved once, so a test measures the server and not the name service. */
export interface Target {
  /** IP address to connect to. */
  readonly address: string;
  readonly port: number;
  /** `Host` header. */
  readonly host: string;
  /** Path and query. */
  readonly path: string;
  /** For wss:// only. */
  readonly tls?: TlsTarget;
  /** Local addresses that clients take in turn; none leaves the choice to the system. */
  readonly sourceIps: readonly string[];
  /** Header lines besides those of the upgrade. */
  readonly headers: readonly string[];
  /** JSON Web Tokens that clients take in turn. */
  readonly tokens: readonly string[];
  /** `Sec-WebSocket-Protocol` names to offer. */
  readonly subprotocols: readonly string[];
  /** For servers that are not odin only. */
  readonly raw?: RawTarget;
}

/** How to talk with a server that is not odin. */
export interface RawTarget {
  /** Messages to send once a connection is open. */
  readonly opening: readonly string[];
  /** `question=>answer`, by whole messages. */
  readonly replies: readonly string[];
  readonly paths: MessagePaths;
}

/** How a connection is secured. */
export interface TlsTarget {
  /** Name to ask for (SNI) and to find in the certificate; undefined for an IP address. */
  readonly servername: string | undefined;
  /** Certificates to trust, in PEM; undefined for the well-known ones. */
  readonly ca: string | undefined;
  readonly insecure: boolean;
}

type TargetConfig = Pick<
  LoadTestConfig,
  | 'url'
  | 'caFile'
  | 'insecure'
  | 'sourceIps'
  | 'headers'
  | 'token'
  | 'tokenFile'
  | 'protocol'
  | 'subprotocols'
  | 'send'
  | 'replies'
  | 'messagePaths'
>;

/** How long an address may take to answer when a name has several. */
const probeMs = 2_000;

/** All but the address, which may differ from where one looks. Throws a UsageError for bad files. */
export async function targetWithoutAddress(config: TargetConfig): Promise<Omit<Target, 'address'>> {
  const { host, pathname, search } = new URL(config.url);
  const { name, port, isTls } = endpointOf(config);
  const ca = config.caFile === undefined ? undefined : await readCertificates(config.caFile);
  const servername = isIP(name) === 0 ? name : undefined;
  return {
    port,
    host,
    path: `${pathname}${search}`,
    ...(isTls ? { tls: { servername, ca, insecure: config.insecure } } : {}),
    sourceIps: config.sourceIps,
    headers: config.headers ?? [],
    tokens: await tokensOf(config),
    subprotocols: config.protocol === 'v2' ? [subprotocols.v2] : config.subprotocols,
    ...(config.protocol === 'raw' ? { raw: await rawOf(config) } : {}),
  };
}

/** Resolves the host name, as seen from here. Throws a RemoteError when that is not possible. */
export async function resolveAddress(config: TargetConfig): Promise<string> {
  const { name, port } = endpointOf(config);
  return await addressOf(name, port, config.sourceIps);
}

/** What the address of a run says of where to connect; `name` may be an IP address. */
export function endpointOf({ url }: TargetConfig) {
  const { hostname, port, protocol } = new URL(url);
  const isTls = protocol === 'wss:';
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  return { name, isTls, port: Number(port || (isTls ? 443 : 80)) };
}

/** `Host` and what else a client says of itself. */
export function headersOf({ host, headers, tokens }: Target, client: number): string[] {
  const isNamed = headers.some((line) => /^host:/i.test(line));
  return [
    ...(isNamed ? [] : [`Host: ${host}`]),
    ...headers,
    ...(tokens.length === 0 ? [] : [`Authorization: Bearer ${inTurn(tokens, client)}`]),
  ];
}

/** The element that is a client's when all take them in turn; undefined when there are none. */
export function inTurn<Item>(items: readonly Item[], client: number): Item | undefined {
  return items[client % items.length];
}

/** The address of a name, of the family of the source addresses; of several, one that answers. */
async function addressOf(
  name: string,
  port: number,
  sourceIps: readonly string[],
): Promise<string> {
  const families = new Set(sourceIps.map(isIP));
  const addresses = isIP(name) > 0 ? [name] : await lookUp(name);
  const reachable = addresses.filter((address) =>
    [...families].every((family) => isIP(address) === family),
  );
  if (reachable[0] === undefined) {
    throw new UsageError(
      `--source-ip: no connection from ${sourceIps.join(', ')} to ${addresses.join(', ')}`,
      { hint: 'give addresses of one family, IPv4 or IPv6: that of the server' },
    );
  }
  if (reachable.length === 1) return reachable[0];
  const answers = await Promise.all(reachable.map((address) => answersAt(address, port)));
  return reachable.find((_, at) => answers[at]) ?? reachable[0];
}

async function lookUp(name: string): Promise<string[]> {
  try {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new RemoteError(`cannot resolve ${name}: ${messageOf(error)}`, {
      hint: 'check the host name in --url',
      cause: error,
    });
  }
}

/** Whether anybody listens there; the connection is closed at once. */
function answersAt(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: probeMs });
    const end = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

async function rawOf({ send = [], replies = [], messagePaths }: TargetConfig): Promise<RawTarget> {
  const paths = parseMessagePaths(messagePaths);
  if (typeof paths === 'string') throw new Error(paths);
  const opening = await Promise.all(
    send.map(async (text) =>
      text.startsWith('@') ? (await readFlagFile('--send', text.slice(1))).trim() : text,
    ),
  );
  return { opening, replies, paths };
}

async function readCertificates(path: string): Promise<string> {
  const pem = await readFlagFile('--ca', path);
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new UsageError(`--ca: ${path} holds no certificate`, {
    hint: 'expected PEM: -----BEGIN CERTIFICATE-----',
  });
}

async function tokensOf({ token, tokenFile }: TargetConfig): Promise<string[]> {
  if (tokenFile === undefined) return token === undefined ? [] : [token];
  const lines = (await readFlagFile('--token-file', tokenFile)).split(/\s+/).filter(Boolean);
  const odd = lines.findIndex((line) => !/^[\x21-\x7e]+$/.test(line));
  if (odd >= 0) {
    throw new UsageError(
      `--token-file: token ${odd + 1} of ${tokenFile} has odd characters in it`,
      {
        hint: 'expected a JWT per line, as plain text',
      },
    );
  }
  if (lines.length > 0) return lines;
  throw new UsageError(`--token-file: ${tokenFile} is empty`, { hint: 'expected a JWT per line' });
}

async function readFlagFile(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw cannotRead(path, error, flag);
  }
}
